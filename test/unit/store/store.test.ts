import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { knownMigrations } from '../../../src/store/migrate.ts'
import { openStore } from '../../../src/store/store.ts'
import { change, deployBy, directory, handle, opened, secrets, withApp } from './opened.ts'

test('a store keeps its gateway id over restarts, and two stores have two', t => {
  const path = directory(t)
  const first = opened(t, path)
  t.regex(first.gatewayId, /^[0-9a-f]{12}$/)
  first.close()
  t.is(opened(t, path).gatewayId, first.gatewayId)
  t.not(opened(t).gatewayId, first.gatewayId)
})

test('every file of a store is readable by its owner only, even where the umask or an old file would allow more', t => {
  const path = join(directory(t), 'made', 'here')
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'fairlead.db'), '')
  chmodSync(join(path, 'fairlead.db'), 0o644)
  const store = opened(t, path)
  withApp(store)
  const modes = readdirSync(path).map(
    name => `${name} ${(statSync(join(path, name)).mode & 0o777).toString(8)}`,
  )
  t.deepEqual(modes.sort(), [
    'fairlead.db 600',
    'fairlead.db-shm 600',
    'fairlead.db-wal 600',
    'gateway.lock 600',
    'master.key 600',
  ])
})

test('a directory that the store makes is closed to others', t => {
  const path = join(directory(t), 'data')
  opened(t, path)
  t.is(statSync(path).mode & 0o777, 0o700)
})

test('the database runs with WAL, foreign keys and synchronous NORMAL', t => {
  const store = opened(t)
  t.throws(() => store.apps.create(99, handle('x')), { message: /FOREIGN KEY/ })
  t.throws(() => store.networks.record(99, '10.0.0.0/26'), { message: /FOREIGN KEY/ })
})

test('a second gateway on the same directory is refused until the first one closes', t => {
  const path = directory(t)
  const store = opened(t, path)
  const problem = t.throws(() => openStore(path), { instanceOf: Problem })
  t.is(problem.code, 'settings-invalid')
  t.is(problem.headline, 'Another gateway runs on this data directory')
  store.close()
  store.close()
  t.notThrows(() => opened(t, path))
})

test('after a gateway was killed with -9, what it wrote is there and the directory is free', async t => {
  const path = directory(t)
  const url = new URL('../../../src/store/store.ts', import.meta.url)
  const program = `const { openStore } = await import(${JSON.stringify(url.href)})
    const store = openStore(${JSON.stringify(path)})
    const env = store.environments.create('my-env', 'local')
    const app = store.apps.create(env.id, 'my-app')
    const op = store.operations.create(app.id, ${JSON.stringify(deployBy('ann'))})
    store.operations.start(op.id)
    console.log('ready')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  t.throws(() => openStore(path), { message: /Another gateway/ })
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  const left = opened(t, path).operations.unfinished()
  t.is(left.length, 1)
  t.is(left[0]?.state, 'running')
})

test('a database of a newer program is refused and left as it was', t => {
  const path = directory(t)
  opened(t, path).close()
  const db = new DatabaseSync(join(path, 'fairlead.db'))
  db.exec('PRAGMA user_version = 1000')
  db.close()
  const problem = t.throws(() => openStore(path), { instanceOf: Problem })
  t.is(problem.code, 'settings-invalid')
  t.regex(problem.headline, /was written by a newer Fairlead/)
  t.regex(problem.saw ?? '', /its schema is number 1000, this program knows \d+/)
})

test('a data directory of the first schema is brought to the newest, with all it holds', t => {
  const path = directory(t)
  const first = opened(t, path)
  first.configs.write(withApp(first).id, secrets({ A: 'kept' }), change)
  first.close()
  const db = new DatabaseSync(join(path, 'fairlead.db'))
  const { sql: initial } = knownMigrations()[0] ?? { sql: '' }
  const schema = new DatabaseSync(':memory:')
  schema.exec(initial)
  const tables = (of: DatabaseSync) =>
    of
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid DESC",
      )
      .all()
      .map(({ name }) => String(name))
  const columns = (of: DatabaseSync, table: string) =>
    of
      .prepare('SELECT name FROM pragma_table_info(?)')
      .all(table)
      .map(({ name }) => String(name))
  const known = tables(schema)
  const later = tables(db).filter(table => !known.includes(table))
  t.true(later.length > 0)
  for (const table of later) db.exec(`DROP TABLE ${table}`)
  for (const table of known) {
    const before = columns(schema, table)
    const added = columns(db, table).filter(column => !before.includes(column))
    for (const column of added) db.exec(`ALTER TABLE ${table} DROP COLUMN ${column}`)
  }
  schema.close()
  db.exec('PRAGMA user_version = 1')
  db.close()
  const again = opened(t, path)
  const app = withApp(again, 'my-env', 'other')
  t.is(again.configs.current(1).values.get('A')?.reveal(), 'kept')
  t.is(again.registryUris.of(app.id), null)
  t.deepEqual(again.secrets.list(), [])
})

test('a file that is no database, and a data directory that cannot be made, are Problems that name the path', t => {
  const path = directory(t)
  writeFileSync(
    join(path, 'fairlead.db'),
    'this is not a database at all, but long enough to look at'.repeat(20),
  )
  const garbage = t.throws(() => openStore(path), { instanceOf: Problem })
  t.is(garbage.code, 'settings-invalid')
  t.true(garbage.headline.includes(join(path, 'fairlead.db')))
  t.regex(garbage.saw ?? '', /not a database/)

  const blocked = t.throws(() => openStore(join(path, 'fairlead.db', 'deeper')), { instanceOf: Problem })
  t.is(blocked.code, 'settings-invalid')
  t.regex(blocked.saw ?? '', /ENOTDIR/)
})

test('a store that could not be opened lets go of its directory', t => {
  const path = directory(t)
  const store = opened(t, path)
  store.configs.write(withApp(store).id, secrets({ A: 'value' }), change)
  store.close()
  const key = readFileSync(join(path, 'master.key'))
  chmodSync(join(path, 'master.key'), 0o644)
  t.throws(() => openStore(path), { message: /may be read by others/ })
  chmodSync(join(path, 'master.key'), 0o600)
  t.notThrows(() => opened(t, path))
  t.deepEqual(readFileSync(join(path, 'master.key')), key)
})

test('a transaction is all or nothing, and so is one inside another', t => {
  const store = opened(t)
  t.throws(
    () =>
      store.transaction(() => {
        store.members.create(handle('ann'), false)
        throw new Error('no')
      }),
    { message: 'no' },
  )
  t.deepEqual(store.members.list(), [])

  const value = store.transaction(() => {
    store.members.create(handle('ann'), false)
    t.throws(() =>
      store.transaction(() => {
        store.members.create(handle('ben'), false)
        throw new Error('no')
      }),
    )
    store.transaction(() => store.members.create(handle('cid'), false))
    return 7
  })
  t.is(value, 7)
  t.deepEqual(
    store.members.list().map(m => m.name as string),
    ['ann', 'cid'],
  )
})

test('a transaction that would wait is refused and undone', t => {
  const store = opened(t)
  t.throws(
    () =>
      store.transaction(() => {
        store.members.create(handle('ann'), false)
        return Promise.resolve()
      }),
    { instanceOf: TypeError },
  )
  t.deepEqual(store.members.list(), [])
})
