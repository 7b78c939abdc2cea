// Key pairs by which files of credentials in a repository are encrypted for its app: the current one whole, of
// earlier ones the public half, so that a file that was made for one of them can be told from a stranger's.
import type { DatabaseSync } from 'node:sqlite'
import { Secret } from '../domain/secret.ts'
import { now, overwriteDeleted, statement, transaction } from './database.ts'
import { placeOf } from './places.ts'
import type { Vault } from './vault.ts'

export interface AppKeys {
  readonly current: { readonly recipient: string; readonly identity: Secret } | null
  /** The last retired first; times are ISO 8601, UTC. */
  readonly retired: readonly { readonly recipient: string; readonly retiredAt: string }[]
}

export function registryKeyRows(db: DatabaseSync, vault: Vault, gatewayId: string) {
  const selectCurrent = statement<{ recipient: string; sealed: Uint8Array }>(
    db,
    'SELECT recipient, sealed FROM registry_keys WHERE app_id = ? AND retired_at IS NULL',
  )
  const selectRetired = statement<{ recipient: string; retiredAt: string }>(
    db,
    `SELECT recipient, retired_at AS "retiredAt" FROM registry_keys
     WHERE app_id = ? AND retired_at IS NOT NULL ORDER BY id DESC`,
  )
  const retire = statement(
    db,
    'UPDATE registry_keys SET sealed = NULL, retired_at = ? WHERE app_id = ? AND retired_at IS NULL',
  )
  const insert = statement(
    db,
    'INSERT INTO registry_keys (app_id, recipient, sealed, actor, created_at) VALUES (?, ?, ?, ?, ?)',
  )
  const place = (appId: number, recipient: string) => placeOf(gatewayId, 'registry key', appId, recipient)

  return {
    of(appId: number): AppKeys {
      const row = selectCurrent.get(appId)
      const open = (recipient: string, sealed: Uint8Array) =>
        new Secret(vault.open(Buffer.from(sealed), place(appId, recipient), 'registry key'))
      return {
        current: row ? { recipient: row.recipient, identity: open(row.recipient, row.sealed) } : null,
        retired: selectRetired.all(appId).map(each => ({ ...each })),
      }
    },
    /** The first pair of the app or its next one. The private half before it is gone for good. */
    replace(appId: number, pair: { recipient: string; identity: Secret }, actor: string): void {
      const sealed = vault.seal(pair.identity.reveal(), place(appId, pair.recipient))
      const retired = transaction(db, () => {
        const count = retire.run(now(), appId)
        insert.run(appId, pair.recipient, sealed, actor, now())
        return count
      })
      if (retired > 0) overwriteDeleted(db)
    },
  }
}
