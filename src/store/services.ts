// How an app's processes are scaled, and which containers of the live release serve.
import type { DatabaseSync } from 'node:sqlite'
import type { RolloutWay, Service, Services } from '../domain/service.ts'
import { statement, transaction } from './database.ts'

interface ServiceRow {
  process: string
  count: number
  memory: number | null
  cpus: number | null
  started_by: string
  rollout: RolloutWay | null
}

const toService = (row: ServiceRow): Service => ({
  process: row.process,
  count: row.count,
  memory: row.memory,
  cpus: row.cpus,
  startedBy: JSON.parse(row.started_by),
  rollout: row.rollout,
})

export function serviceRows(db: DatabaseSync) {
  const select = statement<ServiceRow>(
    db,
    `SELECT process, count, memory, cpus, started_by, rollout FROM services WHERE app_id = ?
     ORDER BY process`,
  )
  const upsert = statement(
    db,
    `INSERT INTO services (app_id, process, count, memory, cpus, started_by, shaped_by)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (app_id, process) DO UPDATE SET count = excluded.count, memory = excluded.memory,
       cpus = excluded.cpus, started_by = excluded.started_by, shaped_by = excluded.shaped_by`,
  )
  const upsertRollout = statement(
    db,
    `INSERT INTO services (app_id, process, count, started_by, shaped_by, rollout) VALUES (?, ?, 1, '[]', 0, ?)
     ON CONFLICT (app_id, process) DO UPDATE SET rollout = excluded.rollout`,
  )
  const shaped = statement(db, 'SELECT 1 FROM services WHERE app_id = ? AND shaped_by = ? LIMIT 1')
  return {
    /** Those that were ever scaled, restarted or set, in the order of their names. */
    of: (appId: number): Services =>
      new Map(select.all(appId).map(row => [row.process, toService(row)] as const)),
    /** All of them or none, by the operation of that number. From here on these are the containers that serve. */
    write(appId: number, services: Iterable<Omit<Service, 'rollout'>>, operation: number): void {
      transaction(db, () => {
        for (const { process, count, memory, cpus, startedBy } of services) {
          upsert.run(appId, process, count, memory, cpus, JSON.stringify(startedBy), operation)
        }
      })
    },
    /** In force from the next time on that its containers are replaced. */
    setRollout(appId: number, process: string, rollout: RolloutWay | null): void {
      upsertRollout.run(appId, process, rollout)
    },
    /** Whether a service is as the operation of that number wrote it. */
    wasShapedBy: (appId: number, operation: number): boolean => shaped.get(appId, operation) !== undefined,
  }
}
