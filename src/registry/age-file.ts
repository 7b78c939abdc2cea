// The age file in a `dockercfg.encrypted`, before anything is decrypted. What cannot be one gets a sentence of its own,
// and what a hostile header may cost is bounded.
import { armor } from 'age-encryption'
import {
  ENCRYPT_COMMAND,
  ENCRYPTED_DOCKERCFG,
  type MadeFor,
  readEncryptedDockercfg,
} from '../domain/encrypted-dockercfg.ts'
import { Problem } from '../domain/problem.ts'

/** Bytes. A header for one X25519 key has 200 of them. */
const MAX_HEADER = 16 * 1024
/** Every one that may be ours costs a multiplication on the curve. */
const MAX_RECIPIENTS = 32
/** What to do about a file that cannot be helped. */
export const AGAIN = `Encrypt the original again with \`${ENCRYPT_COMMAND}\`, commit it and push.`

export interface AgeFile {
  /** As age writes it without armour. */
  readonly age: Uint8Array
  /** What the first line says, if it is there. */
  readonly madeFor: MadeFor | null
}

/** @throws Problem `dockercfg-locked` for what is no age file, only the beginning of one, or costs too much */
export function readAgeFile(bytes: Buffer): AgeFile {
  const file = unpacked(bytes)
  checkHeader(file.age)
  return file
}

function unpacked(bytes: Buffer): AgeFile {
  const file = readEncryptedDockercfg(bytes)
  switch (file.kind) {
    case 'binary':
      return { age: bytes, madeFor: null }
    case 'armoured':
      return { age: unarmour(file.armour), madeFor: file.madeFor }
    case 'cut-off':
      throw damaged(`It ends after ${bytes.length} bytes, before the line -----END AGE ENCRYPTED FILE-----.`)
    case 'empty':
      throw locked(`${ENCRYPTED_DOCKERCFG} is empty`, undefined, AGAIN)
    case 'jet':
      throw locked(
        `${ENCRYPTED_DOCKERCFG} was made by Codeship's jet, with an AES key that this gateway does not have`,
        undefined,
        `Decrypt it with \`jet decrypt ${ENCRYPTED_DOCKERCFG} FILE\`, then run \`${ENCRYPT_COMMAND}\` and commit the result.`,
      )
    case 'plain':
      throw locked(
        `${ENCRYPTED_DOCKERCFG} is not encrypted: its logins stand in the repository for everybody to read`,
        undefined,
        `Change the passwords in it at their registries, then run \`${ENCRYPT_COMMAND}\` with the new ones and commit the result.`,
      )
    case 'unknown':
      throw locked(
        `${ENCRYPTED_DOCKERCFG} is no age file`,
        'It begins neither as armour (-----BEGIN AGE ENCRYPTED FILE-----) nor with age-encryption.org/v1.',
        AGAIN,
      )
  }
}

function unarmour(armour: string): Uint8Array {
  try {
    return armor.decode(armour)
  } catch {
    throw damaged('A line of its armour is missing, or was changed.')
  }
}

function checkHeader(age: Uint8Array): void {
  const start = Buffer.from(age.subarray(0, MAX_HEADER)).toString('latin1')
  const end = start.indexOf('\n--- ')
  if (end === -1) {
    if (age.length < MAX_HEADER) throw damaged(`Its header does not end within its ${age.length} bytes.`)
    throw damaged(`Its header has more than ${MAX_HEADER} bytes.`)
  }
  const recipients = start.slice(0, end).split('\n-> ').slice(1)
  if (recipients.length > MAX_RECIPIENTS) {
    throw locked(
      `${ENCRYPTED_DOCKERCFG} is encrypted for ${recipients.length} keys, and at most ${MAX_RECIPIENTS} are looked at`,
      undefined,
      AGAIN,
    )
  }
  if (recipients.some(stanza => stanza.startsWith('scrypt '))) {
    throw locked(
      `${ENCRYPTED_DOCKERCFG} is encrypted with a passphrase, not for the key of an app`,
      undefined,
      AGAIN,
    )
  }
}

export const damaged = (saw: string) => locked(`${ENCRYPTED_DOCKERCFG} is cut off or damaged`, saw, AGAIN)

export function locked(headline: string, saw: string | undefined, hint: string): Problem {
  return new Problem('dockercfg-locked', { headline, ...(saw !== undefined && { saw }), hint })
}
