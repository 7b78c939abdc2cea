// What the router has of certificates is what the record says, whenever the gateway was killed.
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createCertificates } from '../../../src/certificates/certificates.ts'
import type { EndpointTls, Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { Router } from '../../../src/domain/router.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { noRouter } from '../../../src/routing/no-router.ts'
import { realRouter } from '../../support/haproxy.ts'
import { certificateFor } from '../../support/hostname-certificate.ts'
import { shownCertificate } from '../../support/routed.ts'
import { watchedRouter } from '../../support/watched-router.ts'
import { opened, withApp } from '../store/opened.ts'

const HOST = 'web.example.com' as Hostname
const GONE = 'gone.example.com' as Hostname
const PLAIN = 'plain.example.com' as Hostname
const NEVER = new AbortController().signal
const NOWHERE = { directory: 'https://localhost:1/directory', email: 'ops@example.com', ca: null }

function keeper(t: ExecutionContext, router: Router, directory = NOWHERE.directory) {
  const store = opened(t)
  const app = withApp(store)
  const warned: string[] = []
  const log = {
    info() {},
    warn: (fields: object, message: string) =>
      void warned.push(`${(fields as { hostname?: string }).hostname}: ${message}`),
    error() {},
  }
  const parts = { store, endpoints: store.endpoints.all, router, acme: { ...NOWHERE, directory }, log }
  const endpoint = (hostname: Hostname, tls: EndpointTls) =>
    store.endpoints.create(app.id, { hostname, service: 'web', port: null, path: null, tls })
  const put = async (hostname: Hostname) => {
    await router.putCertificate(hostname, new Secret(certificateFor(hostname).pem), NEVER)
  }
  return { store, app, certificates: createCertificates(parts), endpoint, put, warned }
}

test('private keys of no endpoint are taken off the disk and out of HAProxy, those of endpoints stay', async t => {
  const { router, directory, https } = await realRouter(t)
  const { certificates, endpoint, put, warned } = keeper(t, router)
  await router.replace([], NEVER)
  await certificates.ensure(endpoint(HOST, 'internal'), NEVER)
  const shown = await shownCertificate(https, HOST)
  // As a gateway leaves it that is killed between the end of an endpoint and that of its certificate…
  await put(GONE)
  endpoint(PLAIN, 'off')
  await put(PLAIN)
  // …or while it wrote one.
  const files = join(directory, 'certificates')
  writeFileSync(join(files, 'half.example.com.pem.next'), '-----BEGIN PRIVATE KEY-----')
  t.truthy(await shownCertificate(https, GONE))
  await certificates.sweep(NEVER)
  t.deepEqual(readdirSync(files), [`${HOST}.pem`])
  t.is(readFileSync(join(directory, 'crt-list'), 'utf8'), `${join(files, HOST)}.pem ${HOST}\n`)
  t.deepEqual(
    [
      await shownCertificate(https, HOST),
      await shownCertificate(https, GONE),
      await shownCertificate(https, PLAIN),
    ],
    [shown, null, null],
  )
  t.deepEqual(
    warned.toSorted(),
    [GONE, 'half.example.com', PLAIN].map(
      name => `${name}: a certificate of no endpoint is taken off the router`,
    ),
  )
})

test('it is done where HAProxy does not run, and starts none', async t => {
  const { router, directory, again } = await realRouter(t, { https: null })
  const { put } = keeper(t, router)
  await put(GONE)
  const { certificates } = keeper(t, again({ binary: '/nowhere/haproxy' }))
  await certificates.sweep(NEVER)
  t.deepEqual(readdirSync(join(directory, 'certificates')), [])
  t.false(existsSync(join(directory, 'haproxy.pid')))
})

test('what is kept of an endpoint without TLS goes out of the record too', async t => {
  const router = watchedRouter()
  const { certificates, endpoint, store } = keeper(t, router)
  const one = endpoint(HOST, 'internal')
  await certificates.ensure(one, NEVER)
  store.endpoints.modify(one.id, { port: null, path: null, tls: 'off' })
  await certificates.sweep(NEVER)
  t.is(store.certificates.of(one.id), null)
  t.deepEqual(await router.keptCertificates(NEVER), [])
})

test('one that cannot be taken away is a line in the log, and keeps no other', async t => {
  const router = watchedRouter()
  const { certificates, put, warned } = keeper(t, router)
  for (const name of [GONE, PLAIN]) await put(name)
  const off = router.on('removeCertificate', hostname => {
    if (hostname === GONE) throw new Problem('router-unreachable', { headline: 'It is away', hint: 'Wait.' })
  })
  await certificates.sweep(NEVER)
  t.deepEqual(await router.keptCertificates(NEVER), [GONE])
  t.true(warned.includes(`${GONE}: a certificate of no endpoint could not be taken off the router`))
  off()
  await certificates.sweep(NEVER)
  t.deepEqual(await router.keptCertificates(NEVER), [])
})

test('one that is put for an endpoint which is about to have TLS is not taken away', async t => {
  const router = watchedRouter()
  const { certificates, endpoint, store } = keeper(t, router)
  const one = endpoint(HOST, 'off')
  const swept: Promise<void>[] = []
  // Whoever sweeps now finds it at the router, and no TLS in the record.
  const found = Promise.withResolvers<void>()
  const put = router.putCertificate
  router.putCertificate = async (...words) => {
    await put(...words)
    swept.push(certificates.sweep(NEVER))
    await found.promise
  }
  router.on('keptCertificates', () => setImmediate(found.resolve))
  const write = () => {
    store.endpoints.modify(one.id, { port: null, path: null, tls: 'internal' })
  }
  await certificates.exchange(one, { tls: 'internal', given: null }, write, NEVER, () => {})
  await Promise.all(swept)
  t.is(swept.length, 1)
  t.deepEqual(await router.keptCertificates(NEVER), [HOST])
  t.truthy(store.certificates.of(one.id))
})

test('a renewal that comes to its end late does not undo what an endpoint was changed to', async t => {
  const router = watchedRouter()
  const { certificates, endpoint, store } = keeper(t, router)
  const one = endpoint(HOST, 'internal')
  await certificates.ensure(one, NEVER)
  store.certificates.remove(one.id)
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const off = router.on('putCertificate', async () => {
    off()
    reached.resolve()
    await released.promise
  })
  const renewing = certificates.renewDue(NEVER)
  await reached.promise
  const given = certificates.admit(HOST, 'file', new Secret(certificateFor(HOST).pem)).given ?? t.fail()
  const write = () => {
    store.endpoints.modify(one.id, { port: null, path: null, tls: 'file' })
  }
  const exchanging = certificates.exchange(one, { tls: 'file', given }, write, NEVER, () => {})
  released.resolve()
  await Promise.all([renewing, exchanging])
  t.is(store.certificates.of(one.id)?.chain, given.chain)
  // A keeper that read its list before is not to order again either.
  await certificates.ensure(one, NEVER)
  await certificates.renewDue(NEVER)
  t.is(store.certificates.of(one.id)?.chain, given.chain)
})

test('an order that is ended for another certificate is no failure of the authority', async t => {
  const silent = createServer()
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const asked = once(silent, 'connection')
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const router = watchedRouter()
  const { certificates, endpoint, store } = keeper(t, router, `https://127.0.0.1:${port}/directory`)
  const one = endpoint(HOST, 'acme')
  const ordering = certificates.ensure(one, NEVER)
  ordering.catch(() => {})
  const [socket] = await asked
  t.teardown(() => socket.destroy())
  const given = certificates.admit(HOST, 'file', new Secret(certificateFor(HOST).pem)).given ?? t.fail()
  router.on('putCertificate', () => {
    t.is(store.certificates.trouble(one.id), null)
    throw new Problem('router-failed', { headline: 'It would not', hint: 'Look.' })
  })
  const write = () => t.fail()
  await t.throwsAsync(
    certificates.exchange(one, { tls: 'file', given }, write, NEVER, () => {}),
    {
      message: 'It would not',
    },
  )
  t.like(await t.throwsAsync(ordering, { instanceOf: Problem }), {
    code: 'cancelled',
    headline: `Another certificate is put in place for ${HOST}`,
  })
  t.deepEqual(certificates.state(one), { validUntil: null, trouble: null })
})

test('where there can be no router there is nothing to be taken away', async t => {
  const why = new Problem('router-unreachable', { headline: 'It cannot be', hint: 'Move it.' })
  const router = noRouter(why)
  const { certificates } = keeper(t, router)
  await t.notThrowsAsync(certificates.sweep(NEVER))
  t.is(await t.throwsAsync(router.seen(NEVER)), why)
})
