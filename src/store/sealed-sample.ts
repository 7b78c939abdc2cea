// Any sealed value of the database, by which the vault checks its key. Every column of that kind is called `sealed`,
// so a table that is added later is asked as well: one that was forgotten would let a lost key be made anew.
import type { DatabaseSync } from 'node:sqlite'
import { statement } from './database.ts'

export function sealedSample(db: DatabaseSync): Buffer | null {
  const tables = statement<{ name: string }>(
    db,
    `SELECT tables.name FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
     WHERE tables.type = 'table' AND columns.name = 'sealed'`,
  )
  for (const { name } of tables.all()) {
    const sql = `SELECT sealed FROM "${name}" WHERE sealed IS NOT NULL LIMIT 1`
    const row = statement<{ sealed: Uint8Array }>(db, sql).get()
    if (row) return Buffer.from(row.sealed)
  }
  return null
}
