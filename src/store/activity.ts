// Who did what, newest first: kept apart from operations, which go with their app.
import type { DatabaseSync } from 'node:sqlite'
import type { Activity, ActivityOutcome, NewActivity } from '../domain/activity.ts'
import { now, statement } from './database.ts'

interface ActivityRow extends Omit<Activity, 'words' | 'options'> {
  readonly words: string
  readonly options: string
}

const toActivity = (row: ActivityRow): Activity => ({
  ...row,
  words: JSON.parse(row.words),
  options: JSON.parse(row.options),
})

export function activityRows(db: DatabaseSync) {
  const insert = statement<{ id: number }>(
    db,
    `INSERT INTO activity (created_at, actor, actor_key, actor_address, command, words, options, environment_id,
       environment, app, stack) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
  )
  const end = statement(db, 'UPDATE activity SET outcome = ? WHERE id = ? AND outcome IS NULL')
  const interrupt = statement(db, `UPDATE activity SET outcome = 'interrupted' WHERE outcome IS NULL`)
  const selectAll = statement<ActivityRow>(
    db,
    `SELECT id, created_at AS "createdAt", actor, actor_key AS "key", actor_address AS "address", command, words,
       options, environment_id AS "environmentId", environment, app, stack, outcome
     FROM activity
     WHERE (?1 IS NULL OR environment_id IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR app = ?2)
     ORDER BY id DESC LIMIT ?3`,
  )
  const deleteOld = statement(db, 'DELETE FROM activity WHERE created_at < ?')

  return {
    /** @returns its id, for `finish` */
    begin(activity: NewActivity): number {
      const { actor, key, address, command, words, options, environmentId, environment, app, stack } =
        activity
      const lists = [JSON.stringify(words), JSON.stringify(options)] as const
      const row = insert.get(
        now(),
        actor,
        key,
        address,
        command,
        ...lists,
        environmentId,
        environment,
        app,
        stack,
      )
      return (row as { id: number }).id
    },
    /** The first outcome stays. */
    finish(id: number, outcome: ActivityOutcome): void {
      end.run(outcome, id)
    },
    /** At start: what the last end of the gateway cut off. */
    failInterrupted(): void {
      interrupt.run()
    },
    /**
     * Newest first.
     * @param environments ids, null for everything, also what is in no environment
     * @param app handle, null for all
     */
    list(environments: readonly number[] | null, app: string | null, limit: number): Activity[] {
      const ids = environments === null ? null : JSON.stringify(environments)
      return selectAll.all(ids, app, limit).map(toActivity)
    },
    /** @returns how many of before that time (ISO 8601, UTC) were removed */
    trim: (before: string): number => deleteOld.run(before),
  }
}
