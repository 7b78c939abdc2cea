// Encryption at rest: AES-256-GCM under the key in `master.key`. A sealed value is
//   1 byte version | 8 bytes key id | 12 bytes nonce | 16 bytes tag | ciphertext
// and opens only with the words (`aad`) it was sealed with, so it cannot be moved to another place in the database.
import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes } from 'node:crypto'
import { Problem } from '../domain/problem.ts'
import { makeKey, readKey } from './master-key.ts'

export interface Vault {
  seal(plain: string, aad: string): Buffer
  /**
   * @param what it is, for the message: `config`
   * @throws Problem `master-key-wrong`, or `internal` when the value or its place were changed
   */
  open(sealed: Buffer, aad: string, what: string): string
}

const CIPHER = 'aes-256-gcm'
const VERSION = 1
const HEADER = 9
const NONCE = 12
const TAG = 16

/**
 * Reads the key, or makes it when nothing was ever sealed, and checks that it is the one.
 * @param path the key file
 * @param sample some sealed value of the database, null when there is none
 * @throws Problem `master-key-missing`, `master-key-wrong`, `settings-invalid`
 */
export function openVault(path: string, sample: () => Buffer | null): Vault {
  const sealed = sample()
  const bytes = readKey(path) ?? (sealed === null ? makeKey(path) : missing(path, sealed))
  const keyId = createHash('sha256').update(bytes).digest().subarray(0, 8)
  const key = createSecretKey(bytes)
  const header = Buffer.concat([Buffer.of(VERSION), keyId])

  const checkHeader = (value: Buffer, what: string) => {
    if (value[0] !== VERSION || value.length < HEADER + NONCE + TAG) throw damaged(what)
    if (keyId.equals(value.subarray(1, HEADER))) return
    throw new Problem('master-key-wrong', {
      headline: `${path} is not the key that stored config and credentials were encrypted with`,
      saw: `the key on disk is ${keyId.toString('hex')}, they are encrypted with ${keyIdOf(value)}`,
      hint: `Put key ${keyIdOf(value)} back into ${path} from your backup.`,
    })
  }
  if (sealed !== null) checkHeader(sealed, 'value')

  return {
    seal(plain, aad) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG })
      cipher.setAAD(Buffer.concat([header, Buffer.from(aad)]))
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return Buffer.concat([header, nonce, cipher.getAuthTag(), text])
    },
    open(value, aad, what) {
      checkHeader(value, what)
      const [nonce, tag, text] = [
        value.subarray(HEADER, HEADER + NONCE),
        value.subarray(HEADER + NONCE, HEADER + NONCE + TAG),
        value.subarray(HEADER + NONCE + TAG),
      ]
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG })
      decipher.setAAD(Buffer.concat([header, Buffer.from(aad)])).setAuthTag(tag)
      try {
        return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw damaged(what, cause)
      }
    },
  }
}

function missing(path: string, sealed: Buffer): never {
  throw new Problem('master-key-missing', {
    headline: `${path}, the key that decrypts stored config and credentials, is gone`,
    saw: `they are encrypted with key ${keyIdOf(sealed)}`,
    hint: `Put key ${keyIdOf(sealed)} back into ${path} from your backup (mode 0600). Without it they are lost.`,
  })
}

function damaged(what: string, cause?: unknown): Problem {
  return new Problem('internal', {
    headline: `A stored ${what} does not decrypt`,
    saw: 'the key is the right one, so the encrypted value was changed or damaged in the database',
    hint: 'Restore the data directory from a backup, or set it anew.',
    cause,
  })
}

function keyIdOf(sealed: Buffer): string {
  return sealed.subarray(1, HEADER).toString('hex')
}
