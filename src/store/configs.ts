// Versions of an app's variables. Each version is one sealed value that holds all of them; rows are never changed.
import type { DatabaseSync } from 'node:sqlite'
import type { Config } from '../domain/config.ts'
import type { Secret } from '../domain/secret.ts'
import { readConfig, writeConfig } from './config-text.ts'
import { now, statement } from './database.ts'
import type { Vault } from './vault.ts'

export interface ConfigVersion {
  /** 0 before anything was set. */
  readonly version: number
  readonly values: Map<string, Secret>
}

interface ConfigRow {
  version: number
  sealed: Uint8Array
}

export function configRows(db: DatabaseSync, vault: Vault, gatewayId: string) {
  const selectSet = statement<ConfigRow>(
    db,
    `SELECT version, sealed FROM configs WHERE app_id = ? AND with_release = 0
     ORDER BY version DESC LIMIT 1`,
  )
  const selectHighest = statement<{ version: number | null }>(
    db,
    'SELECT max(version) AS version FROM configs WHERE app_id = ?',
  )
  const selectAt = statement<ConfigRow>(
    db,
    'SELECT version, sealed FROM configs WHERE app_id = ? AND version = ?',
  )
  const insert = statement(
    db,
    `INSERT INTO configs (app_id, version, sealed, actor, set_names, unset_names, created_at, with_release)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  const place = (appId: number, version: number) => `config:${gatewayId}:${appId}:${version}`
  const read = (appId: number, row: ConfigRow): ConfigVersion => {
    const text = vault.open(Buffer.from(row.sealed), place(appId, row.version), 'config')
    return { version: row.version, values: readConfig(text) }
  }

  return {
    /** The newest version that was set by itself, not together with a release: what counts before the first is live. */
    current(appId: number): ConfigVersion {
      const row = selectSet.get(appId)
      return row ? read(appId, row) : { version: 0, values: new Map() }
    },
    /** The variables of that version; 0 is the empty config. A version that was never written is a fault of the caller. */
    at(appId: number, version: number): Map<string, Secret> {
      if (version === 0) return new Map()
      const row = selectAt.get(appId, version)
      if (!row) throw new Error(`App ${appId} has no config version ${version}`)
      return read(appId, row).values
    },
    /**
     * @param values all variables of the new version, not the change alone
     * @param about `withRelease`: it belongs to a release, and counts only if that goes live
     * @returns the new version
     */
    write(
      appId: number,
      values: Config,
      about: { actor: string; set: readonly string[]; unset: readonly string[]; withRelease?: boolean },
    ): number {
      const version = (selectHighest.get(appId)?.version ?? 0) + 1
      const sealed = vault.seal(writeConfig(values), place(appId, version))
      const [set, unset] = [JSON.stringify(about.set), JSON.stringify(about.unset)]
      insert.run(appId, version, sealed, about.actor, set, unset, now(), about.withRelease ? 1 : 0)
      return version
    },
  }
}
