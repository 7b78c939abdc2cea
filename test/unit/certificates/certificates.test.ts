// The keeper, over a real store and a router in memory.
import { X509Certificate } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { createCertificates } from '../../../src/certificates/certificates.ts'
import type { Endpoint, EndpointTls, Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { makeAuthority } from '../../support/certificate.ts'
import { directory, opened, withApp } from '../store/opened.ts'

const HOST = 'web.example.com'
const DAY = 86_400_000
const NEVER = new AbortController().signal
/** Nobody listens there. */
const NOWHERE = { directory: 'https://localhost:1/directory', email: 'ops@example.com', ca: null }

function keeper(t: ExecutionContext, { path = directory(t), acme = NOWHERE } = {}) {
  const store = opened(t, path)
  const app = withApp(store)
  const logged: string[] = []
  const write = (_: object, message: string) => void logged.push(message)
  const put = new Map<string, string>()
  const clock = { now: new Date() }
  const router = {
    away: false,
    refuses: '',
    async putCertificate(hostname: Hostname, pem: Secret) {
      if (router.away) throw new Problem('router-unreachable', { headline: 'It is gone', hint: 'Wait.' })
      if (hostname === router.refuses) throw new Problem('router-failed', { headline: 'No', hint: 'Do not.' })
      put.set(hostname, pem.reveal())
    },
    removeCertificate: async (hostname: Hostname) => void put.delete(hostname),
    keptCertificates: async () => [...put.keys()] as Hostname[],
    answerChallenge: async () => {},
    forgetChallenge: async () => {},
  }
  const certificates = createCertificates({
    store,
    endpoints: store.endpoints.all,
    router,
    acme,
    log: { info: write, warn: write, error: write },
    now: () => clock.now,
  })
  const endpoint = (tls: EndpointTls, hostname = HOST): Endpoint =>
    store.endpoints.create(app.id, {
      hostname: hostname as Hostname,
      service: 'web',
      port: null,
      path: null,
      tls,
    })
  return { store, app, certificates, endpoint, put, router, clock, logged, path }
}

const serial = (pem: string | undefined) => new X509Certificate(pem ?? '').serialNumber

test('an internal certificate is made at first and kept from then on, with one authority for all', async t => {
  const { certificates, endpoint, put } = keeper(t)
  const [one, two] = [endpoint('internal'), endpoint('internal', 'two.example.com')]
  t.deepEqual(certificates.state(one), { validUntil: null, trouble: null })
  const [first] = await Promise.all([certificates.ensure(one, NEVER), certificates.ensure(two, NEVER)])
  const before = put.get(HOST)
  t.is(first.validUntil, new X509Certificate(before ?? '').validToDate.toISOString())
  t.true(before?.endsWith('-----END PRIVATE KEY-----\n'))
  await certificates.ensure(one, NEVER)
  t.is(put.get(HOST), before)
  const ca = new X509Certificate(await certificates.authority())
  for (const pem of put.values()) t.true(new X509Certificate(pem).verify(ca.publicKey))
})

test('an endpoint without TLS needs nothing', async t => {
  const { certificates, endpoint, put } = keeper(t)
  const plain = endpoint('off')
  t.deepEqual(await certificates.ensure(plain, NEVER), { validUntil: null, trouble: null })
  await certificates.renewDue(NEVER)
  t.is(put.size, 0)
})

test('what is due is renewed and put in place of the old one, what is not due is left alone', async t => {
  const { certificates, endpoint, put, clock } = keeper(t)
  await certificates.ensure(endpoint('internal'), NEVER)
  const first = put.get(HOST)
  put.clear()
  clock.now = new Date(clock.now.getTime() + 59 * DAY)
  await certificates.renewDue(NEVER)
  t.is(put.size, 0)
  clock.now = new Date(clock.now.getTime() + 2 * DAY)
  await certificates.renewDue(NEVER)
  t.not(serial(put.get(HOST)), serial(first))
})

test('a router that has started anew is given all that there was, also by a gateway that has', async t => {
  const first = keeper(t)
  await first.certificates.ensure(first.endpoint('internal'), NEVER)
  await first.certificates.ensure(first.endpoint('internal', 'two.example.com'), NEVER)
  const authority = await first.certificates.authority()
  first.store.close()
  const again = createAgain(t, first.path)
  await again.certificates.load(NEVER)
  t.deepEqual(again.put, first.put)
  t.is(await again.certificates.authority(), authority)
})

function createAgain(t: ExecutionContext, path: string) {
  const store = opened(t, path)
  const put = new Map<string, string>()
  const router = {
    putCertificate: async (hostname: Hostname, pem: Secret) => void put.set(hostname, pem.reveal()),
    removeCertificate: async () => {},
    keptCertificates: async () => [],
    answerChallenge: async () => {},
    forgetChallenge: async () => {},
  }
  const log = { info() {}, warn() {}, error() {} }
  const parts = { store, endpoints: store.endpoints.all, router, acme: NOWHERE, log }
  return { put, certificates: createCertificates(parts) }
}

test('a certificate that the router could not take is put there later, and not made twice', async t => {
  const { certificates, endpoint, put, router, store } = keeper(t)
  const one = endpoint('internal')
  router.away = true
  await t.throwsAsync(certificates.ensure(one, NEVER), { message: 'It is gone' })
  const made = store.certificates.of(one.id)?.chain ?? ''
  await t.throwsAsync(certificates.renewDue(NEVER), { message: 'It is gone' })
  t.is(put.size, 0)
  router.away = false
  await certificates.renewDue(NEVER)
  t.is(serial(put.get(HOST)), serial(made))
  put.clear()
  await certificates.renewDue(NEVER)
  t.is(put.size, 0)
})

test('a certificate that the router refuses keeps it from no other', async t => {
  const { certificates, endpoint, put, router, logged } = keeper(t)
  for (const name of [HOST, 'two.example.com']) await certificates.ensure(endpoint('internal', name), NEVER)
  put.clear()
  router.refuses = HOST
  await certificates.load(NEVER)
  t.deepEqual([...put.keys()], ['two.example.com'])
  t.is(logged.at(-1), 'a certificate could not be brought to the router')
  router.refuses = ''
  await certificates.renewDue(NEVER)
  t.true(put.has(HOST))
})

test('a destroyed endpoint takes its certificate along, off the router and out of the record', async t => {
  const { certificates, endpoint, put, store } = keeper(t)
  const one = endpoint('internal')
  await certificates.ensure(one, NEVER)
  await certificates.remove(one, NEVER)
  t.is(put.size, 0)
  t.is(store.certificates.of(one.id), null)
  await certificates.remove(one, NEVER)
  await certificates.load(NEVER)
  t.is(put.size, 0)
})

test('an authority that gives none is no error: why is told, and it is asked again in time, ever later', async t => {
  const { certificates, endpoint, clock, put } = keeper(t)
  const one = endpoint('acme')
  const { validUntil, trouble } = await certificates.ensure(one, NEVER)
  t.is(validUntil, null)
  t.is(trouble?.headline, 'The authority localhost:1 could not be asked: it refuses the connection')
  t.is(trouble?.failures, 1)
  await certificates.renewDue(NEVER)
  t.is(certificates.state(one).trouble?.failures, 1)
  clock.now = new Date(trouble?.retryAt ?? '')
  await certificates.renewDue(NEVER)
  const second = certificates.state(one).trouble
  t.is(second?.failures, 2)
  t.is(Date.parse(second?.retryAt ?? '') - clock.now.getTime(), 2 * 3_600_000)
  t.is(put.size, 0)
})

test('whoever asks for it by hand is not kept waiting for the next time', async t => {
  const { certificates, endpoint } = keeper(t)
  const one = endpoint('acme')
  await certificates.ensure(one, NEVER)
  t.is((await certificates.ensure(one, NEVER)).trouble?.failures, 2)
})

test('a certificate that cannot be renewed serves until its end', async t => {
  const { certificates, endpoint, put, store, clock } = keeper(t)
  const one = endpoint('acme')
  const ordered = makeAuthority().issue(`DNS:${HOST}`)
  const day = (n: number) => new Date(clock.now.getTime() + n * DAY).toISOString()
  store.certificates.keep(one.id, {
    chain: ordered.cert,
    key: new Secret(ordered.key),
    notBefore: day(-80),
    notAfter: day(10),
    source: NOWHERE.directory,
  })
  const state = await certificates.ensure(one, NEVER)
  t.is(state.validUntil, day(10))
  t.is(state.trouble?.failures, 1)
  t.is(put.get(HOST), ordered.cert + ordered.key)
})

test('after a change of the authority, certificates of the one before are ordered anew', async t => {
  const { certificates, endpoint, store, clock } = keeper(t)
  const one = endpoint('acme')
  const { cert, key } = makeAuthority().issue(`DNS:${HOST}`)
  const day = (n: number) => new Date(clock.now.getTime() + n * DAY).toISOString()
  const kept = { chain: cert, key: new Secret(key), notBefore: day(-1), notAfter: day(89) }
  store.certificates.keep(one.id, { ...kept, source: NOWHERE.directory })
  await certificates.renewDue(NEVER)
  t.is(certificates.state(one).trouble, null)
  store.certificates.keep(one.id, { ...kept, source: 'https://staging.example/directory' })
  await certificates.renewDue(NEVER)
  t.is(certificates.state(one).trouble?.failures, 1)
})

test('one given by hand is kept and put, replaced by the next one, and never renewed', async t => {
  const { certificates, endpoint, put, clock } = keeper(t)
  const authority = makeAuthority()
  const one = endpoint('file')
  for (let n = 0; n < 2; n++) {
    const { cert, key } = authority.issue(`DNS:${HOST}`)
    const { given } = certificates.admit(one.hostname, 'file', new Secret(cert + key))
    await certificates.ensure(one, NEVER, given)
    t.is(put.get(HOST), cert + key)
  }
  const last = put.get(HOST)
  put.clear()
  clock.now = new Date(clock.now.getTime() + 10 * DAY)
  await certificates.renewDue(NEVER)
  t.is(put.size, 0)
  await certificates.load(NEVER)
  t.is(put.get(HOST), last)
})

test('a gateway without its address at the authority says so, and orders nothing', async t => {
  const { certificates, endpoint } = keeper(t, { acme: { ...NOWHERE, email: null as never } })
  const { trouble } = await certificates.ensure(endpoint('acme'), NEVER)
  t.is(trouble?.headline, `The certificate of ${HOST} cannot be ordered any more`)
  t.is(trouble?.saw, 'FAIRLEAD_ACME_EMAIL is not set.')
  t.is(trouble?.hint, 'Set it again, and start the gateway again.')
})

test('no private key of a certificate is in a log or a message', async t => {
  const { certificates, endpoint, logged, put, store } = keeper(t)
  const one = endpoint('internal')
  await certificates.ensure(one, NEVER)
  t.deepEqual(logged, ['a certificate was obtained'])
  t.false(JSON.stringify(store.certificates.of(one.id)).includes('PRIVATE KEY'))
  t.true(put.get(HOST)?.includes('PRIVATE KEY'))
})
