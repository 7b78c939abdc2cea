import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import test from 'ava'
import { issue, makeAuthority } from '../../../src/certificates/authority.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'

const NOW = new Date()
const DAY = 86_400_000
const HOST = 'web.my-env.example.com' as Hostname
const LONG = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com` as Hostname

for (const hostname of [HOST, LONG]) {
  test(`who trusts the authority trusts its certificate, for its hostname of ${hostname.length} characters alone`, async t => {
    const authority = await makeAuthority('Fairlead gateway 0123456789ab', NOW)
    const { chain, key } = await issue(authority, hostname, NOW)
    const server = createServer({ cert: chain, key: key.reveal() }, socket => socket.end('served'))
    t.teardown(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const handshake = (servername: string, ca: string) => {
      const socket = connect({ port, host: '127.0.0.1', servername, ca })
      return once(socket, 'secureConnect').then(
        () => {
          socket.destroy()
          return 'trusted'
        },
        error => error.code,
      )
    }
    const stranger = await makeAuthority('Fairlead gateway 0123456789ab', NOW)
    t.is(await handshake(hostname, authority.certificate), 'trusted')
    t.is(await handshake('other.example.com', authority.certificate), 'ERR_TLS_CERT_ALTNAME_INVALID')
    t.not(await handshake(hostname, stranger.certificate), 'trusted')
  })
}

test('a certificate is for servers, lasts 90 days, and is no authority; the authority signs no further ones', async t => {
  const authority = await makeAuthority('Fairlead gateway 0123456789ab', NOW)
  const made = await issue(authority, HOST, NOW)
  const [leaf, ca] = [new X509Certificate(made.chain), new X509Certificate(authority.certificate)]
  t.is(ca.subject, 'CN=Fairlead gateway 0123456789ab')
  t.true(ca.ca)
  t.false(leaf.ca)
  t.is(leaf.subjectAltName, `DNS:${HOST}`)
  t.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  t.is(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.is(ca.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.true(leaf.verify(ca.publicKey))
  t.is(Math.round((leaf.validToDate.getTime() - NOW.getTime()) / DAY), 90)
  t.is(Math.round((ca.validToDate.getTime() - NOW.getTime()) / DAY), 3650)
  t.deepEqual(
    [made.notBefore, made.notAfter, made.source],
    [leaf.validFromDate.toISOString(), leaf.validToDate.toISOString(), 'internal'],
  )
  t.is(`${made.key}`, '[redacted]')
})

test('no two certificates have one serial number, one key, or a number that can be guessed', async t => {
  const authority = await makeAuthority('Fairlead gateway 0123456789ab', NOW)
  const made = await Promise.all(Array.from({ length: 8 }, () => issue(authority, HOST, NOW)))
  t.is(new Set(made.map(({ key }) => key.reveal())).size, 8)
  const serials = made.map(({ chain }) => new X509Certificate(chain).serialNumber)
  t.is(new Set(serials).size, 8)
  for (const serial of serials) t.is(serial.length, 32, serial)
})

test('no certificate outlives the authority that signed it', async t => {
  const authority = await makeAuthority('Fairlead gateway 0123456789ab', NOW)
  const late = new Date(NOW.getTime() + 3640 * DAY)
  const { notAfter } = await issue(authority, HOST, late)
  t.is(notAfter, new X509Certificate(authority.certificate).validToDate.toISOString())
})
