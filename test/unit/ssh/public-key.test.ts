import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Problem, problemLines } from '../../../src/domain/problem.ts'
import { parseAuthorizedKeys, parsePublicKeyLine } from '../../../src/ssh/public-key.ts'
import { run } from './front-door.ts'

const field = (bytes: Buffer | string) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(bytes))
  return Buffer.concat([length, Buffer.from(bytes)])
}
const lineOf = (type: string, ...fields: (Buffer | string)[]) =>
  `${type} ${Buffer.concat([type, ...fields].map(field)).toString('base64')}`
const ed25519 = (first: number) => lineOf('ssh-ed25519', Buffer.alloc(32, first))

test('keys of every accepted type that ssh-keygen makes are read, with its fingerprint', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-public-key-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const kinds = ['ed25519', 'ecdsa -b 256', 'ecdsa -b 384', 'ecdsa -b 521', 'rsa -b 2048', 'rsa -b 4096']
  for (const [index, kind] of kinds.entries()) {
    const path = join(directory, String(index))
    await run('ssh-keygen', ['-q', '-N', '', '-C', 'ann at home', '-f', path, '-t', ...kind.split(' ')])
    const line = await readFile(`${path}.pub`, 'utf8')
    const key = parsePublicKeyLine(line)
    t.is(key.comment, 'ann at home')
    t.is(key.fingerprint, (await run('ssh-keygen', ['-lf', path])).stdout.split(' ')[1] ?? '')
    t.is(`${key.type} ${key.blob.toString('base64')} ${key.comment}\n`, line)
  }
})

const rsa = (bits: number, exponent = Buffer.from([1, 0, 1])) => {
  const modulus = Buffer.alloc(bits / 8 + 1, 0xff)
  modulus[0] = 0
  return lineOf('ssh-rsa', exponent, modulus)
}
const accepted = /Accepted are ssh-ed25519, ecdsa-sha2-nistp256, .*, ssh-rsa \(RSA with 2048 bits or more\)/
const refused: Record<string, [string, RegExp]> = {
  'a DSA key': [lineOf('ssh-dss', 'p', 'q', 'g', 'y'), accepted],
  'a key of a security token': [lineOf('sk-ssh-ed25519@openssh.com', Buffer.alloc(32), 'ssh:'), accepted],
  'a certificate': [lineOf('ssh-ed25519-cert-v01@openssh.com', 'nonce'), accepted],
  'an RSA key of 1024 bits': [rsa(1024), /1024 bits[\s\S]*2048 bits or more/],
  'an RSA key of 32768 bits': [rsa(32768), /32768 bits/],
  'an RSA key with exponent 1': [rsa(2048, Buffer.from([1])), /unusable exponent/],
  'options before the key': [`command="sh",no-pty ${ed25519(1)}`, /Options before a key/],
  'a base64 that is cut short': [ed25519(1).slice(0, -3), /cut short or garbled/],
  'a type without a key': ['ssh-ed25519', /cut short/],
  'a type that is not the one inside': [ed25519(1).replace('ssh-ed25519', 'ssh-rsa'), /not an ssh-rsa key/],
  'an ed25519 key of 31 bytes': [lineOf('ssh-ed25519', Buffer.alloc(31)), /wrong length/],
  'bytes behind the key': [lineOf('ssh-ed25519', Buffer.alloc(32), 'more'), /wrong length/],
  'a length that points outside': [
    `ssh-ed25519 ${Buffer.from('7fffffff00', 'hex').toString('base64')}`,
    /not an ssh-ed25519 key/,
  ],
  'a point that is not on its curve': [
    lineOf('ecdsa-sha2-nistp256', 'nistp256', Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)])),
    /not a point of its curve/,
  ],
  'a curve that is not the one of the type': [
    lineOf('ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(97, 4)),
    /names another curve/,
  ],
  'a private key': ['-----BEGIN OPENSSH PRIVATE KEY-----', /private key[\s\S]*\.pub/],
  'a public key in PEM': ['-----BEGIN PUBLIC KEY-----', /ssh-keygen -i/],
  'two lines': [`${ed25519(1)}\n${ed25519(2)}`, /line break/],
  'a terminal escape in the comment': [`${ed25519(1)} \x1b[2J`, /control character/],
  nothing: ['', /is not a key type/],
}
for (const [what, [line, message]] of Object.entries(refused)) {
  test(`refused with its reason: ${what}`, t => {
    const fault = t.throws<Problem>(() => parsePublicKeyLine(line), { instanceOf: Problem })
    t.is(fault.code, 'usage')
    t.regex(problemLines(fault).join('\n'), message)
  })
}

test('what looks like key material is never repeated in a message', t => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const secret = pem.split('\n')[1] ?? ''
  const fault = t.throws<Problem>(() => parseAuthorizedKeys(pem), { instanceOf: Problem })
  t.false(problemLines(fault).join('\n').includes(secret))
})

test('a file may hold comments, blank lines, Windows line ends and a key twice', t => {
  const keys = parseAuthorizedKeys(
    `# ours\r\n\r\n${ed25519(1)} ann\r\n  # more\n${ed25519(2)}\n${ed25519(1)} again\n`,
  )
  t.deepEqual(
    keys.map(key => key.comment),
    ['ann', ''],
  )
})

test('a bad line of a file is named by its number', t => {
  const text = `# one\n${ed25519(1)}\n\nssh-dss AAAA bob\n`
  t.throws(() => parseAuthorizedKeys(text), {
    message: 'Line 4: "ssh-dss" is not a key type that is accepted',
  })
})
