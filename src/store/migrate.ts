// Brings a database to the schema of this program: numbered SQL files, each applied whole or not at all.
// PRAGMA user_version is the number of the last one applied.
import { readdirSync, readFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { Problem } from '../domain/problem.ts'

export interface Migration {
  /** Counts from 1, without gaps. */
  readonly number: number
  readonly name: string
  readonly sql: string
}

const DIRECTORY = new URL('./migrations/', import.meta.url)

/** The migrations this program knows, in order. */
export function knownMigrations(): Migration[] {
  const names = readdirSync(DIRECTORY)
    .filter(name => name.endsWith('.sql'))
    .sort()
  return names.map((name, i) => {
    if (Number.parseInt(name, 10) !== i + 1) throw new Error(`Migration ${name} should be number ${i + 1}`)
    return { number: i + 1, name, sql: readFileSync(new URL(name, DIRECTORY), 'utf8') }
  })
}

/** @throws Problem `settings-invalid` for a database that a newer program wrote */
export function migrate(db: DatabaseSync, migrations: readonly Migration[], path: string): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version)
  if (version > migrations.length) {
    throw new Problem('settings-invalid', {
      headline: `${path} was written by a newer Fairlead`,
      saw: `its schema is number ${version}, this program knows ${migrations.length}`,
      hint: 'Start the newer Fairlead again, or restore the data directory from before the upgrade.',
    })
  }
  for (const migration of migrations.slice(version)) {
    db.exec('BEGIN IMMEDIATE')
    try {
      db.exec(migration.sql)
      db.exec(`PRAGMA user_version = ${migration.number}`)
      db.exec('COMMIT')
    } catch (cause) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw new Error(`Migration ${migration.name} failed on ${path}`, { cause })
    }
  }
}
