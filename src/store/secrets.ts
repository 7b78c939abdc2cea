// The secret store: values under paths, and which app uses which.
import type { DatabaseSync } from 'node:sqlite'
import type { App } from '../domain/app.ts'
import { Secret } from '../domain/secret.ts'
import { now, statement, transaction } from './database.ts'
import { placeOf } from './places.ts'
import type { Vault } from './vault.ts'

export interface StoredSecret {
  readonly id: number
  readonly path: string
  /** Who wrote the value that is there now, and when (ISO 8601, UTC). */
  readonly actor: string
  readonly createdAt: string
  /** Those that use it, by name. */
  readonly apps: App[]
}

type SecretRow = Omit<StoredSecret, 'apps'>

/** @param apps those that use the secret of that id, by name */
export function secretRows(
  db: DatabaseSync,
  vault: Vault,
  gatewayId: string,
  apps: (secretId: number) => App[],
) {
  const fields = 'id, path, actor, created_at AS "createdAt"'
  const selectByPath = statement<SecretRow>(db, `SELECT ${fields} FROM secrets WHERE path = ?`)
  const selectAll = statement<SecretRow>(db, `SELECT ${fields} FROM secrets ORDER BY path`)
  const selectSealed = statement<{ sealed: Uint8Array }>(db, 'SELECT sealed FROM secrets WHERE path = ?')
  const insert = statement(db, 'INSERT INTO secrets (sealed, actor, created_at, path) VALUES (?, ?, ?, ?)')
  const update = statement(db, 'UPDATE secrets SET sealed = ?, actor = ?, created_at = ? WHERE path = ?')
  const deleteOne = statement(db, 'DELETE FROM secrets WHERE path = ?')
  const insertUse = statement(
    db,
    `INSERT INTO secret_uses (app_id, secret_id, actor, created_at) SELECT ?, id, ?, ? FROM secrets WHERE path = ?
     ON CONFLICT (app_id) DO UPDATE SET secret_id = excluded.secret_id, actor = excluded.actor,
       created_at = excluded.created_at`,
  )
  const selectUse = statement<{ path: string }>(
    db,
    'SELECT secrets.path FROM secret_uses JOIN secrets ON secrets.id = secret_id WHERE app_id = ?',
  )
  const deleteUse = statement(db, 'DELETE FROM secret_uses WHERE app_id = ?')

  const place = (path: string) => placeOf(gatewayId, 'secret', path)
  const withApps = (row: SecretRow): StoredSecret => ({ ...row, apps: apps(row.id) })

  return {
    find(path: string): StoredSecret | null {
      const row = selectByPath.get(path)
      return row ? withApps(row) : null
    },
    /** By path. */
    list: (): StoredSecret[] => selectAll.all().map(withApps),
    read(path: string): Secret | null {
      const row = selectSealed.get(path)
      return row ? new Secret(vault.open(Buffer.from(row.sealed), place(path), 'secret')) : null
    },
    /** The apps that use it go on using it. */
    put(path: string, value: Secret, actor: string): 'created' | 'replaced' {
      const row = [vault.seal(value.reveal(), place(path)), actor, now(), path] as const
      return transaction(db, () => {
        if (update.run(...row) > 0) return 'replaced'
        insert.run(...row)
        return 'created'
      })
    },
    /** One that apps use is kept by the database: the caller has seen to that. @returns whether there was one */
    remove: (path: string): boolean => deleteOne.run(path) > 0,
    /** Takes the place of the secret that the app used before. That there is one of that path, the caller has seen. */
    use(appId: number, path: string, actor: string): void {
      if (insertUse.run(appId, actor, now(), path) === 0) throw new Error(`There is no secret ${path}`)
    },
    /** Path of the secret that the app uses. */
    usedBy: (appId: number): string | null => selectUse.get(appId)?.path ?? null,
    /** @returns whether it used one */
    unuse: (appId: number): boolean => deleteUse.run(appId) > 0,
  }
}
