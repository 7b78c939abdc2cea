// Public keys as people hand them over: lines of authorized_keys. Parsed to the last byte, because the blob is what
// a login is compared with.
import { createHash, createPublicKey } from 'node:crypto'
import { Problem } from '../domain/problem.ts'

const KEY_TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
] as const
type KeyType = (typeof KEY_TYPES)[number]

export interface PublicKey {
  readonly type: KeyType
  /** The key in SSH's wire format. */
  readonly blob: Buffer
  /** `SHA256:` and 43 characters of unpadded base64, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string
  /** What stands behind the key, often `user@host`; may be empty. */
  readonly comment: string
}

/** OpenSSL takes seconds over much larger ones, and a stranger may not make us do that. */
const RSA_BITS = { least: 2048, most: 16384 }
const CURVES = new Map([
  ['nistp256', { crv: 'P-256', size: 32 }],
  ['nistp384', { crv: 'P-384', size: 48 }],
  ['nistp521', { crv: 'P-521', size: 66 }],
])
const ACCEPTED = `Accepted are ${KEY_TYPES.join(', ')} (RSA with ${RSA_BITS.least} bits or more).`

export function isKeyType(text: string): text is KeyType {
  return (KEY_TYPES as readonly string[]).includes(text)
}

export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/**
 * One line of authorized_keys: type, base64, comment. Options before the type (`command=…`, `from=…`) are refused:
 * to ignore them would give the key more than its owner meant to.
 * @throws Problem `usage`
 */
export function parsePublicKeyLine(line: string): PublicKey {
  const text = line.trim()
  if (/^-{4,5} ?BEGIN/.test(text)) throw refused(...explainPem(text))
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text.replaceAll('\t', ' '))) {
    throw refused('The key holds a line break or a control character', 'Give one key, on one line.')
  }
  const [type = '', base64 = '', ...rest] = text.split(/[ \t]+/)
  if (!isKeyType(type)) throw refused(...explainType(type, text))
  const blob = Buffer.from(base64, 'base64')
  if (base64 === '' || blob.toString('base64') !== base64) {
    throw refused(`The ${type} key is cut short or garbled`, 'Copy the whole line of the .pub file.')
  }
  const fault = faultOf(type, blob)
  if (fault !== null) throw refused(fault, ACCEPTED)
  return { type, blob, fingerprint: fingerprintOf(blob), comment: rest.join(' ') }
}

/**
 * A whole authorized_keys file. Blank lines and `#` comments are skipped; a key that stands twice is returned once.
 * @throws Problem `usage` with the number of the first bad line
 */
export function parseAuthorizedKeys(text: string): PublicKey[] {
  const keys = new Map<string, PublicKey>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    try {
      const key = parsePublicKeyLine(line)
      if (!keys.has(key.fingerprint)) keys.set(key.fingerprint, key)
    } catch (fault) {
      if (!(fault instanceof Problem)) throw fault
      throw new Problem(fault.code, {
        headline: `Line ${index + 1}: ${fault.headline}`,
        hint: fault.hint,
        cause: fault,
      })
    }
  }
  return [...keys.values()]
}

function refused(headline: string, hint: string): Problem {
  return new Problem('usage', { headline, hint })
}

function explainPem(text: string): [string, string] {
  return text.includes('PRIVATE')
    ? ['This is a private key', 'Keep it to yourself, and give the line of the .pub file beside it.']
    : [
        'This is a public key in another format',
        'Convert it with `ssh-keygen -i -f FILE` (add `-m PEM` for PEM).',
      ]
}

function explainType(type: string, text: string): [string, string] {
  if (KEY_TYPES.some(known => text.includes(` ${known} `))) {
    return [
      'Options before a key are not supported',
      `Give the key alone, beginning with its type. ${ACCEPTED}`,
    ]
  }
  return [`${JSON.stringify(type.slice(0, 60))} is not a key type that is accepted`, ACCEPTED]
}

/** What is wrong with the wire format, null when it is a key of that type and nothing besides. */
function faultOf(type: KeyType, blob: Buffer): string | null {
  const fields = readFields(blob)
  if (fields === null || fields[0]?.toString('latin1') !== type) return `This is not an ${type} key`
  const [, first, second] = fields
  if (type === 'ssh-ed25519') {
    return fields.length === 2 && first?.length === 32 ? null : `The ${type} key has the wrong length`
  }
  if (fields.length !== 3 || first === undefined || second === undefined) return `The ${type} key is garbled`
  return type === 'ssh-rsa' ? rsaFault(first, second) : curveFault(type, first, second)
}

function rsaFault(exponent: Buffer, modulus: Buffer): string | null {
  const bits = BigInt(`0x0${modulus.toString('hex')}`).toString(2).length
  if (bits < RSA_BITS.least || bits > RSA_BITS.most) return `The RSA key has ${bits} bits`
  const e = BigInt(`0x0${exponent.toString('hex')}`)
  return e < 3n || e % 2n === 0n || exponent.length > 8 ? 'The RSA key has an unusable exponent' : null
}

function curveFault(type: KeyType, name: Buffer, point: Buffer): string | null {
  const curve = CURVES.get(name.toString('latin1'))
  if (curve === undefined || !type.endsWith(name.toString('latin1')))
    return `The ${type} key names another curve`
  if (point.length !== 1 + 2 * curve.size || point[0] !== 4) return `The ${type} key is garbled`
  const coordinate = (from: number) => point.subarray(from, from + curve.size).toString('base64url')
  try {
    const jwk = { kty: 'EC', crv: curve.crv, x: coordinate(1), y: coordinate(1 + curve.size) }
    createPublicKey({ format: 'jwk', key: jwk })
    return null
  } catch {
    return `The ${type} key is not a point of its curve`
  }
}

/** The length-prefixed strings that the blob consists of, null when they do not fill it exactly. */
function readFields(blob: Buffer): Buffer[] | null {
  const fields: Buffer[] = []
  let at = 0
  while (at < blob.length) {
    if (blob.length - at < 4) return null
    const end = at + 4 + blob.readUInt32BE(at)
    if (end > blob.length) return null
    fields.push(blob.subarray(at + 4, end))
    at = end
  }
  return fields
}
