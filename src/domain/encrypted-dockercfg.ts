// The file `dockercfg.encrypted`: a line that says for whom, which age itself does not tell, and an armoured age file.
// What `age` alone writes, binary or armoured, is the same without that line. The line is there for messages: anybody
// may change it, so nothing is decided by it.
import { type AppName, formatAppName } from './app.ts'

export const ENCRYPTED_DOCKERCFG = 'dockercfg.encrypted'
export const ENCRYPT_COMMAND = `fairlead registry:encrypt FILE > ${ENCRYPTED_DOCKERCFG}`

/** The public half of an app's key pair. */
export const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/

const BEGIN = '-----BEGIN AGE ENCRYPTED FILE-----'
const END = '-----END AGE ENCRYPTED FILE-----'
const BINARY = 'age-encryption.org/v1\n'
const FIRST_LINE =
  /^# dockercfg(?: for ([a-z0-9-]{1,40}\/[a-z0-9-]{1,40}))?, readable with the key (age1[02-9ac-hj-np-z]{58})[ \t]*\r?\n/

export interface MadeFor {
  /** `my-env/my-app`, where the file says so. */
  readonly app: string | null
  readonly recipient: string
}

/** @param armour what age wrote, armoured */
export function writeEncryptedDockercfg(app: AppName | null, recipient: string, armour: string): string {
  return `# dockercfg${app === null ? '' : ` for ${formatAppName(app)}`}, readable with the key ${recipient}\n${armour}`
}

/** What the bytes look like, before anything is decrypted. */
export type EncryptedDockercfg =
  | { readonly kind: 'armoured'; readonly armour: string; readonly madeFor: MadeFor | null }
  | { readonly kind: 'binary' }
  /** The armour's last line is missing. */
  | { readonly kind: 'cut-off'; readonly madeFor: MadeFor | null }
  | { readonly kind: 'empty' | 'jet' | 'plain' | 'unknown' }

export function readEncryptedDockercfg(bytes: Uint8Array): EncryptedDockercfg {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (text.startsWith(BINARY)) return { kind: 'binary' }
  const first = FIRST_LINE.exec(text)
  const madeFor = first?.[2] === undefined ? null : { app: first[1] ?? null, recipient: first[2] }
  const rest = text.slice(first?.[0].length ?? 0).trim()
  if (rest.startsWith(BEGIN)) {
    return rest.endsWith(END) ? { kind: 'armoured', armour: rest, madeFor } : { kind: 'cut-off', madeFor }
  }
  if (madeFor !== null && BEGIN.startsWith(rest)) return { kind: 'cut-off', madeFor }
  if (rest === '') return { kind: 'empty' }
  if (rest.startsWith('codeship:') || /^[A-Za-z0-9+/\s]{20,}={0,2}$/.test(rest)) return { kind: 'jet' }
  if (/^(?:\xef\xbb\xbf)?\s*\{/.test(rest)) return { kind: 'plain' }
  return { kind: 'unknown' }
}
