// Endpoints: which hostname reaches which service. Routes are derived from these rows, never the other way round.
import type { DatabaseSync } from 'node:sqlite'
import type { Endpoint, Hostname } from '../domain/endpoint.ts'
import { now, orTaken, statement } from './database.ts'

export type NewEndpoint = Omit<Endpoint, 'id' | 'appId' | 'slot' | 'createdAt'>
/** What of an endpoint can change as long as it is there. */
export type EndpointState = Pick<Endpoint, 'port' | 'path' | 'tls'>

export function endpointRows(db: DatabaseSync) {
  const fields = 'id, app_id AS "appId", hostname, service, port, path, tls, slot, created_at AS "createdAt"'
  // The lowest free slot: the router makes room for as many as the highest one says.
  const insert = statement<Endpoint>(
    db,
    `INSERT INTO endpoints (app_id, hostname, service, port, path, tls, slot, created_at)
     VALUES (?, ?, ?, ?, ?, ?, (
       SELECT min(slot) FROM (SELECT 0 AS slot UNION ALL SELECT slot + 1 FROM endpoints)
       WHERE slot NOT IN (SELECT slot FROM endpoints)
     ), ?)
     RETURNING ${fields}`,
  )
  const selectAll = statement<Endpoint>(db, `SELECT ${fields} FROM endpoints ORDER BY slot`)
  const selectOf = statement<Endpoint>(db, `SELECT ${fields} FROM endpoints WHERE app_id = ? ORDER BY id`)
  const selectByHostname = statement<Endpoint>(db, `SELECT ${fields} FROM endpoints WHERE hostname = ?`)
  const update = statement<Endpoint>(
    db,
    `UPDATE endpoints SET port = ?, path = ?, tls = ? WHERE id = ? RETURNING ${fields}`,
  )
  const deleteById = statement(db, 'DELETE FROM endpoints WHERE id = ?')

  return {
    /** @throws Problem `name-taken` when there is one of that hostname, of whichever app */
    create(appId: number, endpoint: NewEndpoint): Endpoint {
      const { hostname, service, port, path, tls } = endpoint
      return orTaken(
        `There is an endpoint ${hostname} on this gateway already`,
        'Choose another hostname.',
        () => ({ ...(insert.get(appId, hostname, service, port, path, tls, now()) as Endpoint) }),
      )
    },
    /** In the order of the slots. */
    all: (): Endpoint[] => selectAll.all().map(row => ({ ...row })),
    /** Oldest first. */
    of: (appId: number): Endpoint[] => selectOf.all(appId).map(row => ({ ...row })),
    byHostname(hostname: Hostname): Endpoint | null {
      const row = selectByHostname.get(hostname)
      return row ? { ...row } : null
    },
    /** @returns null when it is not there any more */
    modify(id: number, { port, path, tls }: EndpointState): Endpoint | null {
      const row = update.get(port, path, tls, id)
      return row ? { ...row } : null
    },
    /** Its slot is free again. Missing is success. */
    remove(id: number): void {
      deleteById.run(id)
    },
  }
}
