// What lies in the data directory: no secret in the clear, none that opens elsewhere, none that was retired, and no
// new master key beside sealed values, whichever table they are in.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import type { App } from '../../../src/domain/app.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { openStore, type Store } from '../../../src/store/store.ts'
import { change, directory, opened, secrets, withApp } from './opened.ts'

const VALUE = 'correct-horse-battery-staple'
const value = (n: number | string = '') => `${VALUE}${n}`

const login = (host: string, password = value()) =>
  ({ host, path: '', kind: 'password', username: 'robot', password: new Secret(password) }) as const
const generator = (env: string, image = 'acme/ecr') => ({
  name: 'ecr',
  image,
  env: secrets({ NAME_OF_VARIABLE: env }),
  ttl: 0,
  timeout: 60,
  host: 'quay.io',
  addDocker: false,
})

const certificate = () => ({
  chain: 'of certificates',
  key: new Secret(value()),
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2026-04-01T00:00:00.000Z',
  source: 'internal',
})
const endpoint = (store: Store, app: App) =>
  store.endpoints.create(app.id, {
    hostname: `${app.id}.example.com` as Hostname,
    service: 'web',
    port: null,
    path: null,
    tls: 'internal',
  })

/** What stays when every app is gone. */
const OF_THE_GATEWAY: Record<string, (store: Store) => void> = {
  acme_accounts: store =>
    store.certificateKeys.keepAccount('https://x', {
      url: 'https://x/1',
      email: 'a@b.c',
      key: new Secret(value()),
    }),
  certificate_authority: store =>
    store.certificateKeys.keepAuthority({ certificate: 'of the authority', key: new Secret(value()) }),
}

/** Puts one sealed value in each place there is. */
const WRITES: Record<string, (store: Store, app: App) => void> = {
  ...OF_THE_GATEWAY,
  certificates: (store, app) => store.certificates.keep(endpoint(store, app).id, certificate()),
  configs: (store, app) => store.configs.write(app.id, secrets({ A: value() }), change),
  registry_credentials: (store, app) =>
    store.registryCredentials.put({ kind: 'app', id: app.id }, [login('quay.io')], 'ann'),
  registry_keys: (store, app) =>
    store.registryKeys.replace(app.id, { recipient: 'age1x', identity: new Secret(value()) }, 'ann'),
  registry_uris: (store, app) =>
    store.registryUris.set(app.id, new Secret(`https://x/?sig=${value()}`), 'ann'),
  registry_generators: (store, app) => store.registryGenerators.put(app.id, generator(value()), 'ann'),
  secrets: store => store.secrets.put('a/b', new Secret(value()), 'ann'),
}

const database = (path: string) => new DatabaseSync(join(path, 'fairlead.db'))

test('every table with bytes in it is known here: keys of members are public, all others are sealed', t => {
  const path = directory(t)
  opened(t, path).close()
  const db = database(path)
  t.teardown(() => db.close())
  const columns = db
    .prepare(
      `SELECT tables.name AS name, columns.name AS col FROM sqlite_schema AS tables
       JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table' AND columns.type = 'BLOB' ORDER BY 1`,
    )
    .all()
    .map(row => `${row.name}.${row.col}`)
  t.deepEqual(columns, [...Object.keys(WRITES).map(name => `${name}.sealed`), 'keys.blob'].sort())
})

for (const [table, write] of Object.entries(WRITES)) {
  test(`no form of a value in ${table} is in any byte of the data directory, while the gateway runs and after`, t => {
    const path = directory(t)
    const store = opened(t, path)
    write(store, withApp(store, 'env-to-be-found'))
    const grep = (text: string) =>
      readdirSync(path).filter(name => readFileSync(join(path, name)).includes(text))
    const bytes = Buffer.from(value())
    // The start of a base64 depends on what stands before: all three are looked for.
    const base64 = [0, 1, 2].map(before =>
      Buffer.concat([Buffer.alloc(before), bytes])
        .toString('base64')
        .slice(4, -4),
    )
    const forms = [value(), bytes.toString('hex'), ...base64]
    // The test would see it: what is no secret is found.
    t.not(grep('env-to-be-found').length, 0)
    for (const form of forms) t.deepEqual(grep(form), [], form)
    store.close()
    t.deepEqual(grep('env-to-be-found'), ['fairlead.db'])
    for (const form of forms) t.deepEqual(grep(form), [], form)
  })

  test(`a gateway whose only sealed value is in ${table} does not start without its key, and makes no new one`, t => {
    const path = directory(t)
    const store = opened(t, path)
    write(store, withApp(store))
    store.close()
    const key = join(path, 'master.key')
    rmSync(key)
    const problem = t.throws(() => openStore(path), { instanceOf: Problem })
    t.is(problem.code, 'master-key-missing')
    t.is(problem.headline, `${key}, the key that decrypts stored config and credentials, is gone`)
    t.false(existsSync(key))
  })
}

test('a gateway that only ever retired its keys and removed its credentials has nothing to lose', t => {
  const path = directory(t)
  const store = opened(t, path)
  const app = withApp(store)
  for (const [table, write] of Object.entries(WRITES)) if (!(table in OF_THE_GATEWAY)) write(store, app)
  store.apps.remove(app.id)
  store.secrets.remove('a/b')
  store.close()
  rmSync(join(path, 'master.key'))
  t.notThrows(() => opened(t, path))
})

test('the private half of a retired key is gone: from its row, from the database, from its log', t => {
  const path = directory(t)
  const store = opened(t, path)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  const db = database(path)
  t.teardown(() => db.close())
  const replace = (n: number): Buffer => {
    const identity = new Secret(value(n))
    store.registryKeys.replace(app.id, { recipient: `age1${n}`, identity }, 'ann')
    const row = db
      .prepare('SELECT sealed FROM registry_keys WHERE app_id = ? AND sealed IS NOT NULL')
      .get(app.id)
    return Buffer.from(row?.sealed as Uint8Array)
  }
  // Any part of it behind the header, which all sealed values share: what is written next may take the place of some.
  const found = (sealed: Buffer) => {
    const parts = Array.from({ length: sealed.length - 20 }, (_, i) => sealed.subarray(9 + i, 20 + i))
    const holds = (content: Buffer) => parts.some(part => content.includes(part))
    return readdirSync(path).filter(name => holds(readFileSync(join(path, name))))
  }
  const one = replace(1)
  // A row behind it: so what comes next is not written into its place by chance.
  store.registryKeys.replace(other.id, { recipient: 'age1other', identity: new Secret(value()) }, 'ann')
  t.deepEqual(found(one), ['fairlead.db-wal'])
  const two = replace(2)
  t.deepEqual([found(one), found(two)], [[], ['fairlead.db']])
  replace(3)
  t.deepEqual([found(one), found(two)], [[], []])
  t.deepEqual(
    db
      .prepare('SELECT recipient, sealed IS NULL AS gone FROM registry_keys WHERE app_id = ? ORDER BY id')
      .all(app.id)
      .map(row => ({ ...row })),
    [
      { recipient: 'age11', gone: 1 },
      { recipient: 'age12', gone: 1 },
      { recipient: 'age13', gone: 0 },
    ],
  )
})

test('a key is retired without waiting while somebody else reads the database', t => {
  const path = directory(t)
  const store = opened(t, path)
  const app = withApp(store)
  const reader = database(path)
  t.teardown(() => reader.close())
  store.registryKeys.replace(app.id, { recipient: 'age1one', identity: new Secret(value(1)) }, 'ann')
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM apps').get()
  t.notThrows(() =>
    store.registryKeys.replace(app.id, { recipient: 'age1two', identity: new Secret(value(2)) }, 'ann'),
  )
  reader.exec('COMMIT')
  t.is(store.registryKeys.of(app.id).current?.recipient, 'age1two')
  t.is(store.registryKeys.of(app.id).retired.length, 1)
})

const passwords = (store: Store, app: App, host: string) =>
  store.registryCredentials.forHost(app, host).map(({ auth }) => auth.password.reveal())

/** A change in the database by somebody who has not got the key, and what is read by it afterwards. */
const MOVES: [
  what: string,
  sql: string,
  read: (store: Store, mine: App, theirs: App) => unknown,
  name: string,
][] = [
  [
    'of a stranger to another app',
    'UPDATE registry_credentials SET sealed = (SELECT sealed FROM registry_credentials WHERE app_id = 2) WHERE app_id = 1',
    (store, mine) => passwords(store, mine, 'quay.io'),
    'registry credential',
  ],
  [
    'with its row to another app',
    'DELETE FROM registry_credentials WHERE app_id = 1; UPDATE registry_credentials SET app_id = 1 WHERE app_id = 2',
    (store, mine) => passwords(store, mine, 'quay.io'),
    'registry credential',
  ],
  [
    'to another host',
    "UPDATE registry_credentials SET host = 'evil.example' WHERE app_id = 1",
    (store, mine) => passwords(store, mine, 'evil.example'),
    'registry credential',
  ],
  [
    'to all of its host',
    "UPDATE registry_credentials SET path = 'x' WHERE app_id = 1",
    (store, mine) => passwords(store, mine, 'quay.io'),
    'registry credential',
  ],
  [
    'of an app to its environment',
    'UPDATE registry_credentials SET environment_id = app_id, app_id = NULL WHERE app_id = 1',
    (store, mine) => passwords(store, mine, 'quay.io'),
    'registry credential',
  ],
  [
    'of an identity token to a password',
    "UPDATE registry_credentials SET kind = 'identity-token' WHERE app_id = 1",
    (store, mine) => passwords(store, mine, 'quay.io'),
    'registry credential',
  ],
  [
    'of one key to another',
    'UPDATE registry_keys SET sealed = (SELECT sealed FROM registry_keys WHERE app_id = 2) WHERE app_id = 1',
    (store, mine) => store.registryKeys.of(mine.id),
    'registry key',
  ],
  [
    'of one URI to another app',
    'UPDATE registry_uris SET sealed = (SELECT sealed FROM registry_uris WHERE app_id = 2) WHERE app_id = 1',
    (store, mine) => store.registryUris.of(mine.id),
    'registry URI',
  ],
  [
    'of a generator to another image',
    "UPDATE registry_generators SET image = 'evil.example/x' WHERE app_id = 1",
    (store, mine) => store.registryGenerators.list(mine.id),
    'registry generator',
  ],
  [
    'of a generator to one with the engine’s socket',
    'UPDATE registry_generators SET add_docker = 1 WHERE app_id = 1',
    (store, mine) => store.registryGenerators.list(mine.id),
    'registry generator',
  ],
  [
    'of a generator to another app',
    'DELETE FROM registry_generators WHERE app_id = 1; UPDATE registry_generators SET app_id = 1 WHERE app_id = 2',
    (store, mine) => store.registryGenerators.list(mine.id),
    'registry generator',
  ],
  [
    'of one secret to another path',
    "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE path = 'theirs') WHERE path = 'mine'",
    store => store.secrets.read('mine'),
    'secret',
  ],
  [
    'of a credential to a secret',
    "UPDATE secrets SET sealed = (SELECT sealed FROM registry_uris WHERE app_id = 1) WHERE path = 'mine'",
    store => store.secrets.read('mine'),
    'secret',
  ],
  [
    'of one endpoint to another',
    'UPDATE certificates SET sealed = (SELECT sealed FROM certificates WHERE endpoint_id = 2) WHERE endpoint_id = 1',
    store => store.certificates.of(1)?.key.reveal(),
    'key of a certificate',
  ],
  [
    'of one chain to another',
    "UPDATE certificates SET chain = 'of another' WHERE endpoint_id = 1",
    store => store.certificates.of(1)?.key.reveal(),
    'key of a certificate',
  ],
  [
    'of one authority to another',
    "UPDATE certificate_authority SET certificate = 'of another'",
    store => store.certificateKeys.authority(),
    'key of the authority',
  ],
  [
    'of one ACME account to another',
    "UPDATE acme_accounts SET directory = 'https://y' || directory",
    // Asked for by its old name first, where it opens.
    store =>
      store.certificateKeys.account('https://x') ?? store.certificateKeys.account('https://yhttps://x'),
    'key of an ACME account',
  ],
]

for (const [what, sql, read, name] of MOVES) {
  test(`a sealed value that is moved does not open: ${what} (${name})`, t => {
    const path = directory(t)
    const store = opened(t, path)
    const [mine, theirs] = [withApp(store, 'a', 'mine'), withApp(store, 'b', 'theirs')]
    t.deepEqual([mine.id, theirs.id, mine.environmentId], [1, 2, 1])
    for (const app of [mine, theirs]) {
      store.registryCredentials.put({ kind: 'app', id: app.id }, [login('quay.io', value(app.id))], 'ann')
      const identity = new Secret(value(app.id))
      store.registryKeys.replace(app.id, { recipient: `age1${app.id}`, identity }, 'ann')
      store.registryUris.set(app.id, new Secret(value(app.id)), 'ann')
      store.registryGenerators.put(app.id, generator(value(app.id)), 'ann')
      store.secrets.put(app.name.app, new Secret(value(app.id)), 'ann')
      store.certificates.keep(endpoint(store, app).id, certificate())
    }
    for (const write of Object.values(OF_THE_GATEWAY)) write(store)
    store.close()
    const before = opened(t, path)
    t.notThrows(() => read(before, mine, theirs))
    before.close()
    const db = database(path)
    db.exec(sql)
    db.close()
    const problem = t.throws(() => read(opened(t, path), mine, theirs), { instanceOf: Problem })
    t.is(problem.code, 'internal')
    t.is(problem.headline, `A stored ${name} does not decrypt`)
  })
}
