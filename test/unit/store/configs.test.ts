import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { openStore } from '../../../src/store/store.ts'
import { bare, change, directory, opened, secrets, withApp } from './opened.ts'

test('an app without variables has the empty config, version 0', t => {
  const store = opened(t)
  const app = withApp(store)
  t.deepEqual(store.configs.current(app.id), { version: 0, values: new Map() })
  t.deepEqual(store.configs.at(app.id, 0), new Map())
})

test('every write is a new version, and older ones stay readable as they were', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  t.is(
    store.configs.write(app.id, secrets({ A: '1', B: '' }), { actor: 'ann', set: ['A', 'B'], unset: [] }),
    1,
  )
  t.is(store.configs.write(app.id, secrets({ B: 'two' }), { actor: 'ben', set: ['B'], unset: ['A'] }), 2)
  t.is(store.configs.write(other.id, secrets({ A: 'x' }), change), 1)
  const current = store.configs.current(app.id)
  t.is(current.version, 2)
  t.deepEqual(bare(current.values), [['B', 'two']])
  t.deepEqual(bare(store.configs.at(app.id, 1)), [
    ['A', '1'],
    ['B', ''],
  ])
  t.throws(() => store.configs.at(app.id, 3), { message: `App ${app.id} has no config version 3` })
})

test('names such as __proto__ and values of any text come back as they went in', t => {
  const store = opened(t)
  const app = withApp(store)
  const values = new Map([
    ...secrets({ A: 'a\nb="c"\u{1f600}é\u2028' }),
    ...secrets({ B: 'x'.repeat(65536) }),
  ])
  for (const [, secret] of secrets({ p: 'polluted' })) values.set('__proto__', secret)
  store.configs.write(app.id, values, change)
  t.deepEqual(bare(store.configs.current(app.id).values), bare(values))
})

test('no value is found in any byte of the data directory, not even while the gateway runs', t => {
  const path = directory(t)
  const store = opened(t, path)
  const value = 'correct-horse-battery-staple'
  const app = withApp(store)
  store.configs.write(app.id, secrets({ REGISTRY_PASSWORD: value }), {
    ...change,
    set: ['REGISTRY_PASSWORD'],
  })
  const forms = [
    value,
    Buffer.from(value).toString('base64').slice(0, 30),
    Buffer.from(value).toString('hex'),
  ]
  const grep = (text: string) =>
    readdirSync(path).filter(name => readFileSync(join(path, name)).includes(text))
  // The test would see it: the name, which is no secret, is found.
  t.deepEqual(grep('REGISTRY_PASSWORD'), ['fairlead.db-wal'])
  for (const form of forms) t.deepEqual(grep(form), [])
  store.close()
  t.deepEqual(grep('REGISTRY_PASSWORD'), ['fairlead.db'])
  for (const form of forms) t.deepEqual(grep(form), [])
})

test('a config that is moved to another app or version in the database does not open', t => {
  const path = directory(t)
  const store = opened(t, path)
  const [mine, theirs] = [withApp(store, 'a', 'mine'), withApp(store, 'b', 'theirs')]
  store.configs.write(theirs.id, secrets({ A: 'secret' }), change)
  store.configs.write(mine.id, secrets({ A: 'old' }), change)
  store.configs.write(mine.id, secrets({ A: 'new' }), change)
  store.close()
  const db = new DatabaseSync(join(path, 'fairlead.db'))
  const copy = db.prepare(
    `UPDATE configs SET sealed = (SELECT sealed FROM configs WHERE app_id = ? AND version = ?)
     WHERE app_id = ? AND version = ?`,
  )
  copy.run(mine.id, 1, mine.id, 2)
  copy.run(theirs.id, 1, mine.id, 1)
  db.close()
  const again = opened(t, path)
  for (const version of [1, 2]) {
    const problem = t.throws(() => again.configs.at(mine.id, version), { instanceOf: Problem })
    t.is(problem.headline, 'A stored config does not decrypt')
  }
  t.is(again.configs.at(theirs.id, 1).get('A')?.reveal(), 'secret')
})

test('a version that a deploy wrote with its release is not what was set last, and its number is used up', t => {
  const store = opened(t)
  const app = withApp(store)
  store.configs.write(app.id, secrets({ A: 'set' }), change)
  t.is(store.configs.write(app.id, secrets({ A: 'deployed' }), { ...change, withRelease: true }), 2)
  t.like(store.configs.current(app.id), { version: 1 })
  t.deepEqual(bare(store.configs.at(app.id, 2)), [['A', 'deployed']])
  t.is(store.configs.write(app.id, secrets({ A: 'again' }), change), 3)
  t.like(store.configs.current(app.id), { version: 3 })
})

test('a store whose key was exchanged or lost does not open, once a config is stored', async t => {
  const path = directory(t)
  const { rmSync } = await import('node:fs')
  const store = opened(t, path)
  store.close()
  rmSync(join(path, 'master.key'))
  const second = opened(t, path)
  second.configs.write(withApp(second).id, secrets({ A: 'x' }), change)
  second.close()
  rmSync(join(path, 'master.key'))
  t.is(t.throws(() => openStore(path), { instanceOf: Problem }).code, 'master-key-missing')
})
