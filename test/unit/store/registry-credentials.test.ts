// Credentials that are kept for an app, its environment or its stack: which of them an app gets to see.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import type { App } from '../../../src/domain/app.ts'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import { keychainOf } from '../../../src/domain/keychain.ts'
import type { RegistryScope } from '../../../src/domain/registry-scope.ts'
import { Secret } from '../../../src/domain/secret.ts'
import type { Store } from '../../../src/store/store.ts'
import { directory, handle, opened, withApp } from './opened.ts'

const login = (host: string, path = '', password = `for ${host}/${path}`) =>
  ({ host, path, kind: 'password', username: 'robot', password: new Secret(password) }) as const

const of = (app: App) => ({ kind: 'app', id: app.id }) as const
const around = (app: App) => ({ kind: 'environment', id: app.environmentId }) as const
const STACK = { kind: 'stack', name: 'local' } as const

const seen = (store: Store, app: App, host: string) =>
  store.registryCredentials
    .forHost(app, host)
    .map(({ scope, auth }) => `${scope} ${auth.host}/${auth.path} ${auth.password.reveal()}`)

test("an app finds its own credentials for a host, then its environment's, then its stack's, and no others", t => {
  const store = opened(t)
  const [app, sibling, stranger] = [
    withApp(store),
    withApp(store, 'my-env', 'sibling'),
    withApp(store, 'other-env', 'stranger'),
  ]
  const { put } = store.registryCredentials
  put(STACK, [login('quay.io', '', 'stack')], 'ann')
  put({ kind: 'stack', name: 'far' }, [login('quay.io', '', 'far')], 'ann')
  put(around(app), [login('quay.io', 'acme', 'environment'), login('ghcr.io', '', 'ghcr')], 'ann')
  put(of(app), [login('quay.io', 'acme/shop', 'longer'), login('quay.io', 'acme', 'own')], 'ann')
  put(of(sibling), [login('quay.io', '', 'sibling')], 'ann')
  put(around(stranger), [login('quay.io', '', 'elsewhere')], 'ann')

  t.deepEqual(seen(store, app, 'quay.io'), [
    'app quay.io/acme own',
    'app quay.io/acme/shop longer',
    'environment quay.io/acme environment',
    'stack quay.io/ stack',
  ])
  t.deepEqual(seen(store, app, 'ghcr.io'), ['environment ghcr.io/ ghcr'])
  for (const scope of ['app', 'environment', 'stack'] as const) {
    const all = store.registryCredentials.forHost(app, 'quay.io').filter(each => each.scope === scope)
    t.deepEqual(store.registryCredentials.forHost(app, 'quay.io', scope), all)
    t.true(all.length > 0)
  }
  t.deepEqual(seen(store, stranger, 'quay.io'), ['environment quay.io/ elsewhere', 'stack quay.io/ stack'])
  for (const host of ['io', 'quay.io:443', 'QUAY.IO', '%', '']) t.deepEqual(seen(store, app, host), [], host)
})

test('a credential comes back as it went in, an identity token as one', t => {
  const store = opened(t)
  const app = withApp(store)
  const password = 'p:ä"\n\u{1f600}'
  const token = {
    host: 'acme.azurecr.io',
    path: '',
    kind: 'identity-token',
    username: '<token>',
    password: new Secret(password),
  } as const
  store.registryCredentials.put(of(app), [token], 'ann')
  const [found, ...more] = store.registryCredentials.forHost(app, token.host)
  t.deepEqual(more, [])
  t.like(found?.auth, { host: token.host, path: '', kind: 'identity-token', username: '<token>' })
  t.is(found?.auth.password.reveal(), password)
})

test('one of the same scope, host and path is replaced, others stay; the list shows who and when, no password', t => {
  const store = opened(t)
  const app = withApp(store)
  const { put, list } = store.registryCredentials
  put(of(app), [login('quay.io', 'acme', 'old'), login('quay.io', '', 'all')], 'ann')
  put(around(app), [login('quay.io', 'acme', 'other scope')], 'ann')
  put(of(app), [{ ...login('quay.io', 'acme', 'new'), username: 'robot2' }], 'ben')
  t.deepEqual(seen(store, app, 'quay.io'), [
    'app quay.io/ all',
    'app quay.io/acme new',
    'environment quay.io/acme other scope',
  ])
  const listed = list(of(app))
  t.deepEqual(
    listed.map(({ createdAt: _, ...rest }) => rest),
    [
      { host: 'quay.io', path: '', kind: 'password', username: 'robot', actor: 'ann' },
      { host: 'quay.io', path: 'acme', kind: 'password', username: 'robot2', actor: 'ben' },
    ],
  )
  for (const { createdAt } of listed) t.is(new Date(createdAt).toISOString(), createdAt)
})

test('several are stored together or not at all', t => {
  const store = opened(t)
  const app = withApp(store)
  const broken = { ...login('ghcr.io'), kind: 'neither' as 'password' }
  t.throws(() => store.registryCredentials.put(of(app), [login('quay.io'), broken], 'ann'), {
    message: /CHECK/,
  })
  t.deepEqual(store.registryCredentials.list(of(app)), [])
})

test('one path of a host is removed, or all of them, of that scope alone', t => {
  const store = opened(t)
  const app = withApp(store)
  const { put, remove } = store.registryCredentials
  for (const scope of [of(app), around(app), STACK])
    put(scope, [login('quay.io'), login('quay.io', 'acme'), login('ghcr.io')], 'ann')
  t.is(remove(of(app), 'quay.io', ''), 1)
  t.is(remove(of(app), 'quay.io', ''), 0)
  t.is(remove(around(app), 'quay.io', null), 2)
  t.is(remove(STACK, 'docker.io', null), 0)
  t.deepEqual(seen(store, app, 'quay.io'), [
    'app quay.io/acme for quay.io/acme',
    'stack quay.io/ for quay.io/',
    'stack quay.io/acme for quay.io/acme',
  ])
  t.is(seen(store, app, 'ghcr.io').length, 3)
})

test('credentials go with their app and their environment; those of a stack stay, and a new app gets none', t => {
  const store = opened(t)
  const app = withApp(store)
  for (const scope of [of(app), around(app), STACK])
    store.registryCredentials.put(scope, [login('quay.io')], 'ann')
  store.apps.remove(app.id)
  t.deepEqual(store.registryCredentials.list(of(app)), [])
  t.is(store.registryCredentials.list(around(app)).length, 1)
  store.environments.remove(app.environmentId)
  t.deepEqual(store.registryCredentials.list(around(app)), [])
  const next = withApp(store)
  t.deepEqual(seen(store, next, 'quay.io'), ['stack quay.io/ for quay.io/'])
  t.is(store.registryCredentials.remove(STACK, 'quay.io', null), 1)
})

test('a credential is of exactly one owner that there is', t => {
  const path = directory(t)
  const store = opened(t, path)
  const missing: RegistryScope[] = [
    { kind: 'app', id: 99 },
    { kind: 'environment', id: 99 },
  ]
  for (const scope of missing)
    t.throws(() => store.registryCredentials.put(scope, [login('quay.io')], 'ann'), {
      message: /FOREIGN KEY/,
    })
  const app = withApp(store)
  store.close()
  const db = new DatabaseSync(join(path, 'fairlead.db'))
  t.teardown(() => db.close())
  const insert = db.prepare(
    `INSERT INTO registry_credentials (app_id, environment_id, stack, host, path, kind, username, sealed, actor, created_at)
     VALUES (?, ?, ?, 'quay.io', '', 'password', 'u', x'00', 'ann', '')`,
  )
  t.throws(() => insert.run(null, null, null), { message: /CHECK/ })
  t.throws(() => insert.run(app.id, app.environmentId, null), { message: /CHECK/ })
  t.throws(() => insert.run(app.id, null, 'local'), { message: /CHECK/ })
  t.notThrows(() => insert.run(app.id, null, null))
})

test('a host is found through an index in each scope', t => {
  const path = directory(t)
  opened(t, path).close()
  const sources = readFileSync(new URL('../../../src/store/registry-credentials.ts', import.meta.url), 'utf8')
  t.regex(sources, /WHERE \$\{column\} = \? AND host = \? ORDER BY path/)
  const db = new DatabaseSync(join(path, 'fairlead.db'))
  t.teardown(() => db.close())
  for (const column of ['app_id', 'environment_id', 'stack']) {
    const plan = db
      .prepare(
        `EXPLAIN QUERY PLAN SELECT sealed FROM registry_credentials WHERE ${column} = ? AND host = ? ORDER BY path`,
      )
      .all(1, 'quay.io')
      .map(row => String(row.detail))
    t.is(plan.length, 1, 'no sorting by itself')
    t.regex(
      plan[0] ?? '',
      new RegExp(`^SEARCH registry_credentials USING INDEX \\S+ \\(${column}=\\? AND host=\\?\\)$`),
    )
  }
})

test('through a keychain, the longest path of the nearest scope comes first', async t => {
  const store = opened(t)
  const app = withApp(store)
  store.registryCredentials.put(
    around(app),
    [login('quay.io', 'acme', 'team'), login('quay.io', '', 'all')],
    'ann',
  )
  store.registryCredentials.put(
    of(app),
    [login('quay.io', 'acme2', 'not this'), login('quay.io', '', 'own')],
    'ann',
  )
  const found = (host: string) => store.registryCredentials.forHost(app, host)
  const sources = (['app', 'environment'] as const).map(scope => ({
    name: scope,
    isSet: true,
    read: async (host: string) =>
      found(host)
        .filter(each => each.scope === scope)
        .map(({ auth }) => ({ ...auth, source: scope })),
  }))
  const offered = []
  for await (const auth of keychainOf(sources).candidates(parseImageReference('quay.io/acme/shop')))
    offered.push(auth.password.reveal())
  t.deepEqual(offered, ['own', 'team', 'all'])
})

test('a name of a stack that says SQL is a name', t => {
  const store = opened(t)
  const stack = { kind: 'stack', name: "x' OR '1'='1" } as const
  store.registryCredentials.put(stack, [login('quay.io')], 'ann')
  t.deepEqual(store.registryCredentials.list({ kind: 'stack', name: handle('x') }), [])
  t.is(store.registryCredentials.list(stack).length, 1)
})
