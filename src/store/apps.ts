// Apps. Everything else that belongs to an app goes with its row.
import type { DatabaseSync } from 'node:sqlite'
import type { App, AppName, Handle } from '../domain/app.ts'
import { now, orTaken, statement } from './database.ts'

interface AppRow {
  id: number
  environment: Handle
  app: Handle
  environment_id: number
  stack: string
  live_release: number | null
}

const toApp = (row: AppRow): App => ({
  id: row.id,
  name: { environment: row.environment, app: row.app },
  environmentId: row.environment_id,
  stack: row.stack,
  liveRelease: row.live_release,
})

export function appRows(db: DatabaseSync) {
  const select = `SELECT apps.id, environments.handle AS environment, apps.handle AS app, apps.environment_id,
    environments.stack, apps.live_release FROM apps JOIN environments ON environments.id = apps.environment_id`
  const order = 'ORDER BY environments.handle, apps.handle'
  const insert = statement<{ id: number }>(
    db,
    'INSERT INTO apps (environment_id, handle, created_at) VALUES (?, ?, ?) RETURNING id',
  )
  const selectById = statement<AppRow>(db, `${select} WHERE apps.id = ?`)
  const selectByName = statement<AppRow>(db, `${select} WHERE environments.handle = ? AND apps.handle = ?`)
  const selectAll = statement<AppRow>(db, `${select} ${order}`)
  const selectInEnvironment = statement<AppRow>(db, `${select} WHERE apps.environment_id = ? ${order}`)
  const selectUsingSecret = statement<AppRow>(
    db,
    `${select} JOIN secret_uses ON secret_uses.app_id = apps.id WHERE secret_uses.secret_id = ? ${order}`,
  )
  const deleteById = statement(db, 'DELETE FROM apps WHERE id = ?')

  const byId = (id: number): App | null => {
    const row = selectById.get(id)
    return row ? toApp(row) : null
  }
  return {
    /** @throws Problem `name-taken` */
    create(environmentId: number, handle: Handle): App {
      return orTaken(`There is an app ${handle} in this environment already`, 'Choose another name.', () => {
        const { id } = insert.get(environmentId, handle, now()) as { id: number }
        return byId(id) as App
      })
    },
    find(name: AppName): App | null {
      const row = selectByName.get(name.environment, name.app)
      return row ? toApp(row) : null
    },
    byId,
    /** Of one environment or all, by name. */
    list: (environmentId?: number): App[] =>
      (environmentId === undefined ? selectAll.all() : selectInEnvironment.all(environmentId)).map(toApp),
    /** By name. */
    usingSecret: (secretId: number): App[] => selectUsingSecret.all(secretId).map(toApp),
    /** With its configs, releases, operations and their lines, and its credentials. Missing is success. */
    remove(id: number): void {
      deleteById.run(id)
    },
  }
}
