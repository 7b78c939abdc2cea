// The names that an app's images bear on an engine for as long as they are pulled or pushed. One that is still here when
// neither happens was left on the engine.
import type { DatabaseSync } from 'node:sqlite'
import { statement } from './database.ts'

export function passingNameRows(db: DatabaseSync) {
  const insert = statement(
    db,
    'INSERT OR IGNORE INTO passing_names (app_id, name) SELECT id, ? FROM apps WHERE id = ?',
  )
  const remove = statement(db, 'DELETE FROM passing_names WHERE app_id = ? AND name = ?')
  const select = statement<{ name: string }>(
    db,
    'SELECT name FROM passing_names WHERE app_id = ? ORDER BY name',
  )
  return {
    /** `host/repository:tag` of a push, `host/repository@digest` of a pull. */
    of: (appId: number): string[] => select.all(appId).map(row => row.name),
    /** Nothing for an app that was destroyed meanwhile: who explains an image does not wait for its turn. */
    add(appId: number, name: string): void {
      insert.run(name, appId)
    },
    /** Missing is success. */
    remove(appId: number, name: string): void {
      remove.run(appId, name)
    },
  }
}
