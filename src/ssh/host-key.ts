// The key by which clients know this gateway again. Made at first start, and never replaced by us: a new one makes
// every client shout.
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import ssh2 from 'ssh2'
import { Problem } from '../domain/problem.ts'
import { fingerprintOf } from './public-key.ts'

export interface HostKey {
  /** OpenSSH PEM. */
  readonly privateKey: string
  /** `SHA256:…` */
  readonly fingerprint: string
  /** `ssh-ed25519 AAAA…`: with a host name in front of it, a line of known_hosts. */
  readonly publicLine: string
  /** True when it did not exist before this call. */
  readonly created: boolean
}

/**
 * Reads the host key, or makes an ed25519 one of mode 0600.
 * @throws Problem `settings-invalid`: others may read the file, or it holds no usable private key
 */
export async function loadHostKey(path: string): Promise<HostKey> {
  try {
    const existing = await read(path)
    if (existing !== null) return describe(path, existing, false)
    const created = await create(path)
    const privateKey = await read(path)
    if (privateKey !== null) return describe(path, privateKey, created)
  } catch (fault) {
    if (fault instanceof Problem) throw fault
    throw unusable(path, fault instanceof Error ? fault.message : String(fault), fault)
  }
  throw unusable(path, 'the file vanished while it was read')
}

async function read(path: string): Promise<string | null> {
  const file = await open(path, 'r').catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === 'ENOENT') return null
    throw fault
  })
  if (file === null) return null
  try {
    const mode = (await file.stat()).mode & 0o777
    if ((mode & 0o077) !== 0) {
      throw new Problem('settings-invalid', {
        headline: `The host key ${path} can be read or changed by others`,
        saw: `Its mode is 0${mode.toString(8)}.`,
        hint: `Run \`chmod 600 ${path}\`. If others may have read it, delete it: a new one is made at the next start.`,
      })
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** A link, not a rename: of two gateways that start at once, one makes the key and both use it. */
async function create(path: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(generateHostKey())
    await file.sync()
    await link(draft, path)
    return true
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw fault
  } finally {
    await file.close()
    await unlink(draft)
  }
}

/**
 * An ed25519 key as OpenSSH PEM. ssh2 drops leading zero bytes of the public half, so that one key in 256 is broken:
 * those are thrown away.
 */
export function generateHostKey(): string {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'fairlead' })
    const [, base64 = ''] = pair.public.split(' ')
    if (Buffer.from(base64, 'base64').length === 4 + 'ssh-ed25519'.length + 4 + 32) return pair.private
  }
}

function describe(path: string, privateKey: string, created: boolean): HostKey {
  const key = ssh2.utils.parseKey(privateKey)
  if (key instanceof Error) throw unusable(path, key.message, key)
  if (!key.isPrivateKey()) throw unusable(path, 'it is a public key')
  const blob = key.getPublicSSH()
  const publicLine = `${key.type} ${blob.toString('base64')}`
  return { privateKey, fingerprint: fingerprintOf(blob), publicLine, created }
}

function unusable(path: string, saw: string, cause?: unknown): Problem {
  return new Problem('settings-invalid', {
    headline: `The host key ${path} cannot be used`,
    saw,
    hint: 'Restore it from a backup, or move it away: a new one is made at the next start, and clients have to be told its fingerprint.',
    cause,
  })
}
