// Which member has the right on which path of the secret store.
import type { DatabaseSync } from 'node:sqlite'
import { now, statement } from './database.ts'

export function secretGrantRows(db: DatabaseSync) {
  const selectOf = statement<{ path: string }>(
    db,
    'SELECT path FROM secret_grants WHERE member_id = ? ORDER BY path',
  )
  const selectAll = statement<{ path: string; member: string }>(
    db,
    `SELECT path, members.name AS member FROM secret_grants JOIN members ON members.id = member_id
     ORDER BY path, members.name`,
  )
  const insert = statement(
    db,
    'INSERT OR IGNORE INTO secret_grants (member_id, path, created_at) VALUES (?, ?, ?)',
  )
  const deleteOne = statement(db, 'DELETE FROM secret_grants WHERE member_id = ? AND path = ?')

  return {
    /** Each for itself and all below it, by path. */
    of: (memberId: number): string[] => selectOf.all(memberId).map(({ path }) => path),
    /** By path and member. */
    list: (): { path: string; member: string }[] => selectAll.all().map(row => ({ ...row })),
    /** One that is there already stays. */
    add(memberId: number, path: string): void {
      insert.run(memberId, path, now())
    },
    /** @returns whether there was one of exactly that path */
    remove: (memberId: number, path: string): boolean => deleteOne.run(memberId, path) > 0,
  }
}
