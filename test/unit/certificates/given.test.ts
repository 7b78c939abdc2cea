// Every fault of a file has its own sentence. The files are openssl's, as people have them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { admit } from '../../../src/certificates/admit.ts'
import { readGiven, Unfit } from '../../../src/certificates/given.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { caughtProblem } from '../../support/caught-problem.ts'
import { makeAuthority, makeCertificate } from '../../support/certificate.ts'

const HOST = 'web.example.com' as Hostname
const NOW = new Date()
const DAY = 86_400_000
const AUTHORITY = makeAuthority()
const GOOD = AUTHORITY.issue(`DNS:${HOST}`)
const OTHER = AUTHORITY.issue('DNS:other.example.com')
const WHOLE = 'Give one PEM file: the certificate, those of its issuers in order, and its private key.'

const read = (text: string, hostname = HOST, now = NOW) => readGiven(new Secret(text), hostname, 'file', now)
function saw(t: ExecutionContext, text: string, hostname = HOST, now = NOW): string {
  const result = read(text, hostname, now)
  if (result instanceof Unfit) return `${result.saw} ${result.hint}`
  t.fail('it was taken')
  return ''
}

function openssl(t: ExecutionContext, input: string, ...args: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-given-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const [from, to] = [join(directory, 'in.pem'), join(directory, 'out.pem')]
  writeFileSync(from, input, { mode: 0o600 })
  const [command = '', ...rest] = args.map(arg => (arg === 'IN' ? from : arg))
  execFileSync('openssl', [command, '-out', to, ...rest], { stdio: 'ignore' })
  return readFileSync(to, 'utf8')
}

test('a chain and its key are taken in any order of the two, and written anew without anything else', t => {
  const notes = 'Bag Attributes\n  friendlyName: x\n'
  for (const text of [
    `${GOOD.cert}${AUTHORITY.cert}${GOOD.key}`,
    `${notes}${GOOD.key}${notes}${GOOD.cert}${notes}${AUTHORITY.cert}`,
    `${GOOD.cert}${AUTHORITY.cert}${GOOD.key}`.replaceAll('\n', '\r\n'),
  ]) {
    const result = read(text)
    if (result instanceof Unfit) return t.fail(result.saw)
    t.is(result.chain, GOOD.cert + AUTHORITY.cert)
    t.is(result.key.reveal(), GOOD.key)
    t.is(result.source, 'file')
  }
  return undefined
})

test('keys in the forms of old programs are taken', t => {
  for (const key of [
    openssl(t, GOOD.key, 'ec', '-in', 'IN'),
    `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${openssl(t, GOOD.key, 'ec', '-in', 'IN')}`,
  ]) {
    t.true(key.includes('BEGIN EC PRIVATE KEY'))
    const result = read(GOOD.cert + key)
    t.is(result instanceof Unfit ? result.saw : result.key.reveal(), GOOD.key)
  }
})

test('a wildcard covers one label and no more, and not the domain itself', t => {
  const { cert, key } = AUTHORITY.issue('DNS:*.example.com')
  t.false(read(cert + key, 'a.example.com' as Hostname) instanceof Unfit)
  for (const name of ['example.com', 'a.b.example.com', 'a.example.org'])
    t.is(saw(t, cert + key, name as Hostname), `It is for *.example.com. Have one made that names ${name}.`)
})

test('text without a certificate, or with a broken one', t => {
  const none = 'It holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).'
  t.is(saw(t, ''), `${none} ${WHOLE}`)
  t.is(saw(t, GOOD.key), `${none} ${WHOLE}`)
  const broken = GOOD.cert.replace(/\n.{8}/, '\nAAAAAAAA')
  t.is(
    saw(t, GOOD.cert + broken + GOOD.key),
    `It holds a certificate that cannot be read: number 2 of 2. ${WHOLE}`,
  )
})

test('a file that is far too large is not looked at', t => {
  t.is(saw(t, GOOD.cert + GOOD.key + '#'.repeat(65_536)), `It has more than 65536 characters. ${WHOLE}`)
  t.is(saw(t, GOOD.cert.repeat(11) + GOOD.key), `It holds 11 certificates, more than a chain has. ${WHOLE}`)
})

test('no key, two keys, a broken key', t => {
  t.is(saw(t, GOOD.cert), `It holds no private key in PEM form (-----BEGIN PRIVATE KEY-----). ${WHOLE}`)
  t.is(saw(t, GOOD.cert + GOOD.key + OTHER.key), 'It holds 2 private keys. Leave only its own in it.')
  t.is(
    saw(t, GOOD.cert + GOOD.key.replace(/\n.{8}/, '\nAAAAAAAA')),
    `Its private key cannot be read. ${WHOLE}`,
  )
})

test('a key with a passphrase, in the new form and the old one', t => {
  const words =
    'Its private key has a passphrase. Take it off (`openssl pkey -in KEY -out PLAIN`); the gateway keeps the key encrypted.'
  const pkcs8 = openssl(t, GOOD.key, 'pkcs8', '-topk8', '-in', 'IN', '-passout', 'pass:x')
  const old = openssl(t, GOOD.key, 'ec', '-in', 'IN', '-aes128', '-passout', 'pass:x')
  t.true(pkcs8.includes('BEGIN ENCRYPTED PRIVATE KEY'))
  t.true(old.includes('Proc-Type: 4,ENCRYPTED'))
  t.is(saw(t, GOOD.cert + pkcs8), words)
  t.is(saw(t, GOOD.cert + old), words)
})

test('keys that browsers or the router would not take', t => {
  const weak = openssl(t, '', 'genrsa', '1024')
  t.is(
    saw(t, GOOD.cert + weak),
    'Its RSA key has 1024 bits. Have one made with 2048 or more, or with ECDSA P-256.',
  )
  const ed25519 = openssl(t, '', 'genpkey', '-algorithm', 'ed25519')
  t.is(
    saw(t, GOOD.cert + ed25519),
    'Its key is of a kind that browsers do not take (ed25519). Have one made with ECDSA P-256 or RSA.',
  )
})

test('a key of another certificate, and a chain that does not begin with its own', t => {
  t.is(
    saw(t, GOOD.cert + OTHER.key),
    'Its private key does not belong to its certificate. Give the key that the certificate was made for.',
  )
  t.is(
    saw(t, AUTHORITY.cert + GOOD.cert + GOOD.key),
    `The certificate of its private key does not stand first. ${WHOLE}`,
  )
  t.is(
    saw(t, GOOD.cert + makeAuthority().cert + GOOD.key),
    `Its certificate number 1 was not signed by number 2. ${WHOLE}`,
  )
})

test('a certificate for other names, or for none', t => {
  t.is(saw(t, OTHER.cert + OTHER.key), `It is for other.example.com. Have one made that names ${HOST}.`)
  const many = AUTHORITY.issue('DNS:a.x,DNS:b.x,DNS:c.x,DNS:d.x,DNS:e.x,DNS:f.x,DNS:g.x')
  t.is(
    saw(t, many.cert + many.key),
    `It is for a.x, b.x, c.x, d.x, e.x and 2 more. Have one made that names ${HOST}.`,
  )
  const address = AUTHORITY.issue('IP:127.0.0.1')
  t.is(
    saw(t, address.cert + address.key),
    `It names no hosts (subjectAltName). Have one made that names ${HOST}.`,
  )
})

test('a certificate that has ended, or is not valid yet', t => {
  const later = new Date(NOW.getTime() + 3 * DAY)
  const ended = new Date(NOW.getTime() + 2 * DAY).toISOString().slice(0, 10)
  t.is(
    saw(t, GOOD.cert + GOOD.key, HOST, later),
    `It ended on ${ended}. Have it renewed, and give the new one.`,
  )
  const earlier = new Date(NOW.getTime() - DAY)
  t.regex(
    saw(t, GOOD.cert + GOOD.key, HOST, earlier),
    /^It is not valid before \d{4}-\d\d-\d\d\. Give it then, or check the clock here\.$/,
  )
})

test('a certificate that is made for something else than servers', t => {
  const { cert, key } = AUTHORITY.issue(`DNS:${HOST}\nextendedKeyUsage=clientAuth`)
  t.is(
    saw(t, cert + key),
    `It is not made for servers (no TLS web server authentication). Have one made for a server, that names ${HOST}.`,
  )
})

test('what cannot be used refuses the endpoint, and what ends soon is warned of', async t => {
  const asking = (text: string) =>
    ({ hostname: HOST, tls: 'file', pem: new Secret(text), email: null }) as const
  t.deepEqual(await caughtProblem(() => admit(asking(OTHER.cert + OTHER.key), NOW)), {
    code: 'endpoint-refused',
    headline: `The certificate in the file cannot be used for ${HOST}`,
    saw: 'It is for other.example.com.',
    hint: `Have one made that names ${HOST}.`,
  })
  const self = makeCertificate(`DNS:${HOST}`)
  const { given, warnings } = admit(asking(self.cert + self.key), NOW)
  t.is(given?.chain, self.cert)
  t.is(warnings.length, 1)
  t.regex(warnings[0] ?? '', /^The certificate ends on 20.* UTC, and the gateway cannot renew it\.$/)
})

test('an order needs an address, which agrees to the terms', async t => {
  const asking = { hostname: HOST, tls: 'acme', pem: null, email: null } as const
  t.deepEqual(await caughtProblem(() => admit(asking, NOW)), {
    code: 'endpoint-refused',
    headline: `No certificate can be ordered for ${HOST}: the gateway has no address at the authority`,
    saw: 'FAIRLEAD_ACME_EMAIL is not set.',
    hint: 'An operator has to set FAIRLEAD_ACME_EMAIL, which also agrees to the terms of the authority, and start the gateway again. Or use --tls internal or a file.',
  })
  t.deepEqual(admit({ ...asking, email: 'ops@example.com' }, NOW), { given: null, warnings: [] })
  t.deepEqual(admit({ ...asking, tls: 'internal' }, NOW), { given: null, warnings: [] })
})
