// The names under which an app's images are being pushed. One that is still here when nothing is pushed was left on the
// engine.
import type { DatabaseSync } from 'node:sqlite'
import { statement } from './database.ts'

export function pushNameRows(db: DatabaseSync) {
  const insert = statement(db, 'INSERT OR IGNORE INTO push_names (app_id, name) VALUES (?, ?)')
  const remove = statement(db, 'DELETE FROM push_names WHERE app_id = ? AND name = ?')
  const select = statement<{ name: string }>(db, 'SELECT name FROM push_names WHERE app_id = ? ORDER BY name')
  return {
    /** `host/repository:tag` */
    of: (appId: number): string[] => select.all(appId).map(row => row.name),
    add(appId: number, name: string): void {
      insert.run(appId, name)
    },
    /** Missing is success. */
    remove(appId: number, name: string): void {
      remove.run(appId, name)
    },
  }
}
