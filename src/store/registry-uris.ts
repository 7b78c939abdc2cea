// Where an app's file of credentials is fetched from.
import type { DatabaseSync } from 'node:sqlite'
import { Secret } from '../domain/secret.ts'
import { now, statement } from './database.ts'
import { placeOf } from './places.ts'
import type { Vault } from './vault.ts'

export function registryUriRows(db: DatabaseSync, vault: Vault, gatewayId: string) {
  const select = statement<{ sealed: Uint8Array }>(db, 'SELECT sealed FROM registry_uris WHERE app_id = ?')
  const upsert = statement(
    db,
    `INSERT INTO registry_uris (app_id, sealed, actor, created_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (app_id) DO UPDATE SET sealed = excluded.sealed, actor = excluded.actor,
       created_at = excluded.created_at`,
  )
  const deleteOf = statement(db, 'DELETE FROM registry_uris WHERE app_id = ?')
  const place = (appId: number) => placeOf(gatewayId, 'registry URI', appId)

  return {
    of(appId: number): Secret | null {
      const row = select.get(appId)
      return row ? new Secret(vault.open(Buffer.from(row.sealed), place(appId), 'registry URI')) : null
    },
    /** Takes the place of the one before. */
    set(appId: number, uri: Secret, actor: string): void {
      upsert.run(appId, vault.seal(uri.reveal(), place(appId)), actor, now())
    },
    /** @returns whether there was one */
    remove: (appId: number): boolean => deleteOf.run(appId) > 0,
  }
}
