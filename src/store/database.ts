// The SQLite file: how it is opened, typed statements and transactions on it.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Problem } from '../domain/problem.ts'
import { knownMigrations, migrate } from './migrate.ts'

/**
 * Opens the database at `path`, made at first and brought to the newest schema, readable by its owner only.
 * @throws Problem `settings-invalid` when the file cannot be used
 */
export function openDatabase(path: string): DatabaseSync {
  const db = openPrivate(path)
  try {
    db.exec('PRAGMA journal_mode = WAL')
    db.exec('PRAGMA synchronous = NORMAL')
    // What is deleted is overwritten with zeros, not only marked as free: it may be a key that was retired.
    db.exec('PRAGMA secure_delete = ON')
    migrate(db, knownMigrations(), path)
    return db
  } catch (cause) {
    db.close()
    throw cause instanceof Problem ? cause : unusable(path, cause)
  }
}

/**
 * A connection to a file of mode 0600, in a directory made with 0700. SQLite gives the files that it puts beside
 * the database (-wal, -shm, -journal) the mode of the database itself.
 * @param timeout milliseconds to wait for a lock that another process holds
 */
export function openPrivate(path: string, timeout = 5000): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
    return new DatabaseSync(path, { timeout, enableForeignKeyConstraints: true })
  } catch (cause) {
    throw unusable(path, cause)
  }
}

export interface Statement<Row> {
  get(...values: SQLInputValue[]): Row | undefined
  all(...values: SQLInputValue[]): Row[]
  /** @returns how many rows changed, those of cascades not counted */
  run(...values: SQLInputValue[]): number
}

/** A prepared statement whose rows have the type that its SQL promises. */
export function statement<Row = never>(db: DatabaseSync, sql: string): Statement<Row> {
  const prepared = db.prepare(sql)
  return {
    get: (...values) => onDisk(() => prepared.get(...values)) as Row | undefined,
    all: (...values) => prepared.all(...values) as Row[],
    run: (...values) => Number(onDisk(() => prepared.run(...values)).changes),
  }
}

const DISK_FULL = 13

/** A full disk is no fault of the program: whoever asked is told, and the operator can mend it. */
function onDisk<T>(write: () => T): T {
  try {
    return write()
  } catch (cause) {
    if ((cause as { errcode?: number }).errcode !== DISK_FULL) throw cause
    throw new Problem('internal', {
      headline: 'The gateway has no space left on its own disk',
      saw: (cause as Error).message,
      hint: 'Tell an operator of the gateway, who has to free space where FAIRLEAD_DATA lies; then try again.',
      cause,
    })
  }
}

/** All or nothing; may be nested. `fn` is synchronous, so nothing else runs in between. */
export function transaction<T>(db: DatabaseSync, fn: () => T): T {
  const nested = db.isTransaction
  db.exec(nested ? 'SAVEPOINT nested' : 'BEGIN IMMEDIATE')
  try {
    const result = fn()
    if (result instanceof Promise) throw new TypeError('A transaction cannot wait for a promise')
    onDisk(() => db.exec(nested ? 'RELEASE nested' : 'COMMIT'))
    return result
  } catch (error) {
    // SQLite may have rolled back by itself (disk full): then there is nothing to undo.
    if (db.isTransaction) db.exec(nested ? 'ROLLBACK TO nested; RELEASE nested' : 'ROLLBACK')
    throw error
  }
}

/**
 * Writes the zeros of what was deleted into the database, and empties the log that still holds it. Not while others
 * read the database (a backup): then it happens with the next checkpoint, and nobody waits for it.
 */
export function overwriteDeleted(db: DatabaseSync): void {
  if (db.isTransaction) return
  const { timeout } = db.prepare('PRAGMA busy_timeout').get() as { timeout: number }
  db.exec('PRAGMA busy_timeout = 0')
  try {
    onDisk(() => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'))
  } finally {
    db.exec(`PRAGMA busy_timeout = ${timeout}`)
  }
}

const UNIQUE_VIOLATED = [2067, 1555]

/** Runs `insert`; a row that is there already becomes the Problem `name-taken`. */
export function orTaken<T>(headline: string, hint: string, insert: () => T): T {
  try {
    return insert()
  } catch (error) {
    const code = (error as { errcode?: number }).errcode
    if (code === undefined || !UNIQUE_VIOLATED.includes(code)) throw error
    throw new Problem('name-taken', { headline, hint })
  }
}

/** The time of a row: ISO 8601, UTC. */
export function now(): string {
  return new Date().toISOString()
}

function unusable(path: string, cause: unknown): Problem {
  return new Problem('settings-invalid', {
    headline: `The database ${path} cannot be opened`,
    saw:
      cause instanceof Error
        ? [cause, cause.cause].flatMap(e => (e instanceof Error ? e.message : [])).join(': ')
        : String(cause),
    hint: 'Point FAIRLEAD_DATA at a directory that this user may write, or restore it from a backup.',
    cause,
  })
}
