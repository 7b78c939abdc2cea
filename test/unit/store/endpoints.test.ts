import test from 'ava'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { Secret } from '../../../src/domain/secret.ts'
import type { NewEndpoint } from '../../../src/store/endpoints.ts'
import { directory, opened, withApp } from './opened.ts'

const wish = (hostname: string, rest: Partial<NewEndpoint> = {}): NewEndpoint => ({
  hostname: hostname as Hostname,
  service: 'web',
  port: null,
  path: null,
  tls: 'off',
  ...rest,
})

test('an endpoint is found as it was written, also after the store was opened again', t => {
  const path = directory(t)
  const store = opened(t, path)
  const app = withApp(store)
  const made = store.endpoints.create(app.id, wish('a.test', { port: 3000, path: '/health', tls: 'acme' }))
  t.like(made, {
    appId: app.id,
    hostname: 'a.test',
    service: 'web',
    port: 3000,
    path: '/health',
    tls: 'acme',
  })
  t.regex(made.createdAt, /^\d{4}-\d\d-\d\dT.*Z$/)
  store.close()
  const { endpoints } = opened(t, path)
  t.deepEqual(endpoints.byHostname(made.hostname), made)
  t.deepEqual(endpoints.of(app.id), [made])
  t.is(endpoints.byHostname('b.test' as Hostname), null)
})

test('a hostname is given once in the whole gateway', t => {
  const store = opened(t)
  store.endpoints.create(withApp(store).id, wish('a.test'))
  const other = withApp(store, 'other-env', 'other-app')
  const problem = t.throws(() => store.endpoints.create(other.id, wish('a.test')), { instanceOf: Problem })
  t.is(problem.code, 'name-taken')
  t.notRegex(problem.headline, /my-app/)
})

test('slots are given from 0, the lowest free one first, and never twice', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  const made = ['a', 'b', 'c'].map((name, i) =>
    store.endpoints.create([app, other][i % 2]?.id ?? 0, wish(`${name}.test`)),
  )
  t.deepEqual(
    made.map(({ slot }) => slot),
    [0, 1, 2],
  )
  store.endpoints.remove(made[1]?.id ?? 0)
  store.endpoints.remove(made[1]?.id ?? 0)
  t.is(store.endpoints.create(app.id, wish('d.test')).slot, 1)
  t.is(store.endpoints.create(app.id, wish('e.test')).slot, 3)
  store.endpoints.remove(made[0]?.id ?? 0)
  t.is(store.endpoints.create(other.id, wish('f.test')).slot, 0)
  t.deepEqual(
    store.endpoints.all().map(({ hostname }) => hostname[0]),
    ['f', 'd', 'c', 'e'],
  )
})

test('an endpoint is changed in place: id, slot and hostname stay, and so do the others', t => {
  const store = opened(t)
  const app = withApp(store)
  const made = store.endpoints.create(app.id, wish('a.test', { port: 3000, path: '/health', tls: 'acme' }))
  const other = store.endpoints.create(app.id, wish('b.test'))
  const changed = { ...made, port: null, path: null, tls: 'file' } as const
  t.deepEqual(store.endpoints.modify(made.id, { port: null, path: null, tls: 'file' }), changed)
  t.deepEqual(store.endpoints.all(), [changed, other])
  store.endpoints.remove(made.id)
  t.is(store.endpoints.modify(made.id, { port: 1, path: null, tls: 'off' }), null)
})

test('an endpoint and its certificate are written together or not at all', t => {
  const store = opened(t)
  const { id } = store.endpoints.create(withApp(store).id, wish('a.test'))
  const given = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-04-01T00:00:00Z', source: 'file' }
  const certificate = { ...given, chain: 'chain', key: new Secret('key') }
  const modify = () => {
    store.endpoints.modify(id, { port: null, path: null, tls: 'file' })
  }
  const fail = () => {
    modify()
    throw new Error('it is gone')
  }
  t.throws(() => store.certificates.keep(id, certificate, fail), { message: 'it is gone' })
  t.deepEqual([store.certificates.of(id), store.endpoints.all()[0]?.tls], [null, 'off'])
  store.certificates.keep(id, certificate, modify)
  t.deepEqual([store.certificates.of(id)?.chain, store.endpoints.all()[0]?.tls], ['chain', 'file'])
})

test('the endpoints of an app go with it', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  store.endpoints.create(app.id, wish('a.test'))
  const left = store.endpoints.create(other.id, wish('b.test'))
  store.apps.remove(app.id)
  t.deepEqual(store.endpoints.all(), [left])
})
