import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import { openPrivate } from '../../../src/store/database.ts'
import { knownMigrations, migrate } from '../../../src/store/migrate.ts'
import { directory } from './opened.ts'

const one = { number: 1, name: '001-one.sql', sql: 'CREATE TABLE one (a TEXT) STRICT;' }
const two = {
  number: 2,
  name: '002-two.sql',
  sql: "INSERT INTO one VALUES ('kept'); CREATE TABLE two (b TEXT);",
}
const broken = {
  number: 2,
  name: '002-two.sql',
  sql: 'CREATE TABLE two (b TEXT); INSERT INTO nowhere VALUES (1);',
}

const tables = (db: DatabaseSync) =>
  db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .all()
    .map(row => row.name)

test('the migrations of this program are numbered from 1 without gaps', t => {
  const numbers = knownMigrations().map(m => m.number)
  t.deepEqual(
    numbers,
    numbers.map((_, i) => i + 1),
  )
  t.true(numbers.length > 0)
})

test('each migration is applied once, and later ones to a database that has the earlier', t => {
  const db = openPrivate(join(directory(t), 'x.db'))
  t.teardown(() => db.close())
  migrate(db, [one], 'x.db')
  migrate(db, [one, two], 'x.db')
  migrate(db, [one, two], 'x.db')
  t.deepEqual(tables(db), ['one', 'two'])
  t.deepEqual(
    db
      .prepare('SELECT a FROM one')
      .all()
      .map(row => row.a),
    ['kept'],
  )
})

test('a migration that fails in its middle leaves nothing of itself and can be tried again', t => {
  const db = openPrivate(join(directory(t), 'x.db'))
  t.teardown(() => db.close())
  t.throws(() => migrate(db, [one, broken], 'x.db'), { message: 'Migration 002-two.sql failed on x.db' })
  t.deepEqual(tables(db), ['one'])
  migrate(db, [one, two], 'x.db')
  t.deepEqual(tables(db), ['one', 'two'])
})
