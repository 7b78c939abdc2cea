// Which subnet the network of an environment has.
import type { DatabaseSync } from 'node:sqlite'
import { statement } from './database.ts'

export function networkRows(db: DatabaseSync) {
  const select = statement<{ subnet: string }>(db, 'SELECT subnet FROM networks WHERE environment_id = ?')
  const upsert = statement(
    db,
    `INSERT INTO networks (environment_id, subnet) VALUES (?, ?)
     ON CONFLICT (environment_id) DO UPDATE SET subnet = excluded.subnet`,
  )
  const remove = statement(db, 'DELETE FROM networks WHERE environment_id = ?')
  const selectInUse = statement<{ subnet: string }>(
    db,
    `SELECT networks.subnet FROM networks JOIN environments ON environments.id = networks.environment_id
     WHERE environments.stack = ? ORDER BY networks.environment_id`,
  )
  return {
    /** CIDR, e.g. `10.210.0.64/26`; null when the environment has no network yet. */
    subnet: (environmentId: number): string | null => select.get(environmentId)?.subnet ?? null,
    record(environmentId: number, subnet: string): void {
      upsert.run(environmentId, subnet)
    },
    /** Missing is success. */
    forget(environmentId: number): void {
      remove.run(environmentId)
    },
    /** The subnets of all environments on that stack. */
    inUse: (stack: string): string[] => selectInUse.all(stack).map(row => row.subnet),
  }
}
