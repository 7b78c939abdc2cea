// `dockercfg.encrypted` at the root of a commit: logins that only the gateway can read, with the key of the app. No
// error of the cipher is handed on: what people read is decided here, and the private half is in none of it.
import { Decrypter } from 'age-encryption'
import { parseDockercfg } from '../../domain/dockercfg.ts'
import { decodeDockercfg, MAX_DOCKERCFG } from '../../domain/dockercfg-text.ts'
import { ENCRYPT_COMMAND, ENCRYPTED_DOCKERCFG, type MadeFor } from '../../domain/encrypted-dockercfg.ts'
import type { CredentialSource } from '../../domain/keychain.ts'
import type { Problem } from '../../domain/problem.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'
import type { Secret } from '../../domain/secret.ts'
import { TooLarge } from '../../domain/too-large.ts'
import type { Commit } from '../../git/commit.ts'
import { AGAIN, damaged, locked, readAgeFile } from '../age-file.ts'

/** The keys of an app: the one that reads, and the public halves of those before it. */
export interface AppKeys {
  readonly current: { readonly recipient: string; readonly identity: Secret } | null
  readonly retired: readonly { readonly recipient: string; readonly retiredAt: string }[]
}

/** Reads the file once, when it is first asked. No file is no credential. */
export function encryptedFileSource(
  commit: Pick<Commit, 'read'> | null,
  keys: () => AppKeys,
  app: string,
): CredentialSource {
  let auths: Promise<readonly RegistryAuth[]> | null = null
  const readAll = async (from: Pick<Commit, 'read'>): Promise<readonly RegistryAuth[]> => {
    const bytes = await from.read(ENCRYPTED_DOCKERCFG, MAX_DOCKERCFG).catch(refuseTooLarge)
    if (bytes === null) return []
    const text = await decryptDockercfg(bytes, keys(), app)
    return parseDockercfg(text, { source: ENCRYPTED_DOCKERCFG, file: ENCRYPTED_DOCKERCFG })
  }
  return {
    name: ENCRYPTED_DOCKERCFG,
    isSet: commit !== null,
    read: async host => {
      if (commit === null) return []
      auths ??= readAll(commit)
      return (await auths).filter(auth => auth.host === host)
    },
  }
}

/**
 * The text inside a `dockercfg.encrypted`, not yet looked at.
 * @param app for messages: `my-env/my-app`
 * @throws Problem `dockercfg-locked`; `dockercfg-invalid` when there is no text inside
 */
export async function decryptDockercfg(bytes: Buffer, keys: AppKeys, app: string): Promise<string> {
  const { age, madeFor } = readAgeFile(bytes)
  if (keys.current === null) {
    throw locked(
      `${app} has no key yet, so nothing can be read with it`,
      undefined,
      `\`${ENCRYPT_COMMAND}\` makes the key and encrypts for it. Commit the file and push.`,
    )
  }

  const { recipient, identity } = keys.current
  let ourKeyFits = true
  const decrypter = new Decrypter()
  try {
    decrypter.addIdentity(identity.reveal())
  } catch {
    // The message of the cause repeats the key.
    throw new Error(`the stored private key of ${app} is no age identity`)
  }
  // Asked only when none of the recipients was ours. A passphrase is never tried: a stranger says what that costs.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      ourKeyFits = false
      return null
    },
  })
  const plain = await decrypter.decrypt(age).catch(() => null)
  if (plain !== null) return decodeDockercfg(plain, ENCRYPTED_DOCKERCFG)
  if (ourKeyFits || madeFor?.recipient === recipient) {
    throw damaged(`Its ${bytes.length} bytes are not what was encrypted: some are missing, or were changed.`)
  }
  throw wrongKey(keys, recipient, madeFor, app)
}

function wrongKey(keys: AppKeys, ours: string, madeFor: MadeFor | null, app: string): Problem {
  const headline = `${ENCRYPTED_DOCKERCFG} is not encrypted for the key of ${app}`
  const key = `The key of ${app} is ${ours}.`
  if (madeFor === null) {
    return locked(
      headline,
      `${key} The file was made for another app, or before \`fairlead registry:rotate-key\` replaced the key.`,
      AGAIN,
    )
  }
  const retired = keys.retired.find(each => each.recipient === madeFor.recipient)
  if (retired !== undefined) {
    return locked(
      `${ENCRYPTED_DOCKERCFG} was made for a key of ${app} that \`fairlead registry:rotate-key\` has replaced`,
      `It was made for ${retired.recipient}, which was replaced at ${retired.retiredAt}. ${key}`,
      AGAIN,
    )
  }
  if (madeFor.app !== null && madeFor.app !== app) {
    return locked(
      `${ENCRYPTED_DOCKERCFG} was made for another app, ${madeFor.app}`,
      `It was made for ${madeFor.recipient}. ${key}`,
      `Run \`${ENCRYPT_COMMAND}\` in the checkout of ${app}, commit the file and push.`,
    )
  }
  return locked(
    headline,
    `It was made for ${madeFor.recipient}, which never was a key of ${app}. ${key} An app that is destroyed and created again has a new key.`,
    AGAIN,
  )
}

function refuseTooLarge(error: unknown): never {
  if (!(error instanceof TooLarge)) throw error
  throw locked(
    `${ENCRYPTED_DOCKERCFG} is too large`,
    `${error.size} bytes, and at most ${error.limit} are read.`,
    `Leave only the registries in the original that are needed. ${AGAIN}`,
  )
}
