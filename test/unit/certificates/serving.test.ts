// Certificates at the real router: what a client sees that asks for a hostname.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { createCertificates } from '../../../src/certificates/certificates.ts'
import type { AcmeSettings } from '../../../src/certificates/obtain.ts'
import type { Endpoint, EndpointTls, Hostname } from '../../../src/domain/endpoint.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { acmeServer } from '../../support/acme-server.ts'
import { backendServer } from '../../support/backend-server.ts'
import { makeAuthority } from '../../support/certificate.ts'
import { realRouter } from '../../support/haproxy.ts'
import { startTlsLoad } from '../../support/tls-load.ts'
import { until } from '../../support/until.ts'
import { opened, withApp } from '../store/opened.ts'

const HOST = 'web.example.com' as Hostname
const OTHER = 'other.example.com' as Hostname
const SERIAL = /^[0-9A-F]{30,32}$/
const DAY = 86_400_000
const NEVER = new AbortController().signal
const NOWHERE: AcmeSettings = {
  directory: 'https://localhost:1/directory',
  email: 'ops@example.com',
  ca: null,
}

async function gateway(t: ExecutionContext, { acme = NOWHERE, now = new Date() } = {}) {
  const store = opened(t)
  const app = withApp(store)
  const real = await realRouter(t)
  const clock = { now }
  const log = { info() {}, warn() {}, error() {} }
  const endpoints = store.endpoints.all
  const certificates = createCertificates({
    store,
    endpoints,
    router: real.router,
    acme,
    log,
    now: () => clock.now,
  })
  const endpoint = async (tls: EndpointTls, hostname = HOST): Promise<Endpoint> => {
    const made = store.endpoints.create(app.id, { hostname, service: 'web', port: null, path: null, tls })
    await real.router.update([{ hostname, slot: made.slot, servers: [], secure: true }], NEVER)
    return made
  }
  /** @returns the open connection, or the code of the failure */
  const handshake = async (servername: string, ca: string): Promise<TLSSocket | string> => {
    const socket = connect({ ...real.https, servername, ca, ALPNProtocols: ['h2', 'http/1.1'] })
    t.teardown(() => socket.destroy())
    const failed = once(socket, 'error').then(([error]) => error.code as string)
    return Promise.race([failed, once(socket, 'secureConnect').then(() => socket)])
  }
  const shown = async (servername: string, ca: string) => {
    const socket = await handshake(servername, ca)
    return typeof socket === 'string' ? socket : socket.getPeerCertificate().serialNumber
  }
  return { ...real, store, certificates, clock, endpoint, handshake, shown }
}

test('each hostname is served with its own certificate, and a hostname without one with none', async t => {
  const { certificates, endpoint, shown } = await gateway(t)
  await certificates.ensure(await endpoint('internal'), NEVER)
  await certificates.ensure(await endpoint('internal', OTHER), NEVER)
  const ca = await certificates.authority()
  const [one, two] = [await shown(HOST, ca), await shown(OTHER, ca)]
  t.regex(one, SERIAL)
  t.regex(two, SERIAL)
  t.not(one, two)
  t.notRegex(await shown('unknown.example.com', ca), SERIAL)
})

test('HTTP/2 is spoken with whoever asks for it', async t => {
  const { certificates, endpoint, https } = await gateway(t)
  await certificates.ensure(await endpoint('internal'), NEVER)
  const ca = await certificates.authority()
  const client = connectHttp2(`https://${https.host}:${https.port}`, { ca, servername: HOST })
  t.teardown(() => client.destroy())
  const request = client.request({ ':path': '/', ':authority': HOST })
  const [headers] = await once(request, 'response')
  t.is(headers[':status'], 503)
})

test('a renewed certificate is used by the next connection, and the open ones go on', async t => {
  const now = new Date(Date.now() - 61 * DAY)
  const { certificates, endpoint, clock, handshake, shown, pid } = await gateway(t, { now })
  await certificates.ensure(await endpoint('internal'), NEVER)
  const ca = await certificates.authority()
  const open = await handshake(HOST, ca)
  if (typeof open === 'string') return t.fail(open)
  const before = open.getPeerCertificate().serialNumber
  const haproxy = pid()
  clock.now = new Date()
  await certificates.renewDue(NEVER)
  const after = await shown(HOST, ca)
  t.regex(after, SERIAL)
  t.not(after, before)
  t.is(pid(), haproxy)
  open.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  t.true((await once(open, 'data')).length > 0)
  return undefined
})

test('a given certificate is replaced under load: the old one, then the new one, no failure and no reload', async t => {
  const { certificates, endpoint, router, store, https, pid, directory } = await gateway(t)
  const one = await endpoint('file')
  const server = await backendServer(t, '127.0.7.1')
  await router.update([{ hostname: HOST, slot: one.slot, servers: [server], secure: true }], NEVER)
  const company = makeAuthority()
  const issued = Array.from({ length: 3 }, () => {
    const { cert, key } = company.issue(`DNS:${HOST}`)
    const given = certificates.admit(HOST, 'file', new Secret(cert + key)).given
    return { given, serial: new X509Certificate(cert).serialNumber }
  })
  const [first, ...next] = issued
  await certificates.ensure(one, NEVER, first?.given)
  const [haproxy, config] = [pid(), readFileSync(`${directory}/haproxy.cfg`, 'utf8')]
  const processes = () => readFileSync(`/proc/${haproxy}/task/${haproxy}/children`, 'utf8')
  const workers = processes()

  const load = startTlsLoad(https, HOST, [company.cert])
  t.teardown(() => load.stop())
  const soFar = { fresh: 0, kept: 0 }
  const more = () =>
    until('both clients were answered some more', async () => {
      const { fresh, kept } = load.answers
      return fresh > soFar.fresh + 5 && kept > soFar.kept + 5 && Object.assign(soFar, load.answers)
    })
  await more()
  for (const { given } of next) {
    await certificates.exchange(
      one,
      { tls: 'file', given },
      () => {},
      NEVER,
      () => {},
    )
    t.is(store.certificates.of(one.id)?.chain, given?.chain)
    await more()
  }
  await load.stop()
  t.deepEqual([...load.failures], [])
  t.deepEqual(
    load.shown,
    issued.map(({ serial }) => serial),
  )
  t.deepEqual(
    [pid(), processes(), readFileSync(`${directory}/haproxy.cfg`, 'utf8')],
    [haproxy, workers, config],
  )
})

test('a router that lost everything gets its certificates from the record', async t => {
  const { certificates, endpoint, directory, shown } = await gateway(t)
  const one = await endpoint('internal')
  await certificates.ensure(one, NEVER)
  const ca = await certificates.authority()
  const before = await shown(HOST, ca)
  rmSync(`${directory}/certificates`, { recursive: true })
  await certificates.load(NEVER)
  t.is(await shown(HOST, ca), before)
  await certificates.remove(one, NEVER)
  t.notRegex(await shown(HOST, ca), SERIAL)
  await certificates.remove(one, NEVER)
})

test('a certificate is ordered from a real authority through the router, which serves none before', async t => {
  const authority = await acmeServer(t, { hostnames: [HOST] })
  const { directory, ca } = authority
  const { certificates, endpoint, http, shown, clock } = await gateway(t, {
    acme: { ...NOWHERE, directory, ca },
  })
  const one = await endpoint('acme')
  const failed = await certificates.ensure(one, NEVER)
  t.is(failed.validUntil, null)
  t.notRegex(await shown(HOST, ca), SERIAL)
  t.regex(
    certificates.describe(one) ?? '',
    /^waiting: localhost:\d+ could not reach web\.example\.com over HTTP; asked again from /,
  )

  authority.leadTo(http.port)
  const { trouble, validUntil } = await certificates.ensure(one, NEVER)
  t.is(trouble, null)
  const first = await shown(HOST, ca)
  t.regex(first, SERIAL)

  clock.now = new Date(Date.parse(validUntil ?? '') - 3_600_000)
  await certificates.renewDue(NEVER)
  t.not(await shown(HOST, ca), first)
})
