// Operations and the lines their actors saw.
import type { DatabaseSync } from 'node:sqlite'
import type { Operation, OperationKind, OperationState } from '../domain/operation.ts'
import type { ProblemCode } from '../domain/problem.ts'
import { now, statement } from './database.ts'

export interface NewOperation {
  readonly kind: OperationKind
  /** Name of the member who asks. */
  readonly actor: string
  /** `SHA256:…` of the key they logged in with, and where from: kept for audit. */
  readonly key: string
  readonly address: string
  /** A commit, names of variables. Never values. */
  readonly subject: string
}

export type Outcome = Exclude<OperationState, 'queued' | 'running'>

export function operationRows(db: DatabaseSync) {
  const fields = `id, app_id AS "appId", number, kind, state, actor, subject, problem,
    created_at AS "createdAt", started_at AS "startedAt", ended_at AS "endedAt"`
  const insert = statement<Operation>(
    db,
    `INSERT INTO operations (app_id, number, kind, state, actor, actor_key, actor_address, subject, created_at)
     VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM operations WHERE app_id = ?1), ?, 'queued', ?, ?, ?, ?, ?)
     RETURNING ${fields}`,
  )
  const begin = statement(
    db,
    `UPDATE operations SET state = 'running', started_at = ? WHERE id = ? AND state = 'queued'`,
  )
  const end = statement(
    db,
    'UPDATE operations SET state = ?, problem = ?, ended_at = ? WHERE id = ? AND ended_at IS NULL',
  )
  const insertLine = statement(
    db,
    `INSERT INTO operation_lines (operation_id, position, text)
     VALUES (?1, (SELECT coalesce(max(position), 0) + 1 FROM operation_lines WHERE operation_id = ?1), ?2)`,
  )
  const selectLines = statement<{ text: string }>(
    db,
    'SELECT text FROM operation_lines WHERE operation_id = ? ORDER BY position',
  )
  const selectLinesAfter = statement<{ position: number; text: string }>(
    db,
    `SELECT position, text FROM operation_lines WHERE operation_id = ? AND position > ?
     ORDER BY position LIMIT ?`,
  )
  const selectByNumber = statement<Operation>(
    db,
    `SELECT ${fields} FROM operations WHERE app_id = ? AND number = ?`,
  )
  const selectAll = statement<Operation>(
    db,
    `SELECT ${fields} FROM operations WHERE app_id = ? ORDER BY number DESC LIMIT ?`,
  )
  const selectUnfinished = statement<Operation>(
    db,
    `SELECT ${fields} FROM operations WHERE ended_at IS NULL ORDER BY id`,
  )

  return {
    /** Queued; the number is one more than the app's highest. */
    create(appId: number, operation: NewOperation): Operation {
      const { kind, actor, key, address, subject } = operation
      const row = insert.get(appId, kind, actor, key, address, subject, now())
      return { ...(row as Operation) }
    },
    /** Queued becomes running; any other state stays as it is. */
    start(id: number): void {
      begin.run(now(), id)
    },
    /** The first outcome stays. */
    finish(id: number, outcome: Outcome, problem: ProblemCode | null): void {
      end.run(outcome, problem, now(), id)
    },
    appendLine(id: number, text: string): void {
      insertLine.run(id, text)
    },
    lines: (id: number): string[] => selectLines.all(id).map(row => row.text),
    /** The next ones after that position (0: from the first), in their order. */
    linesAfter: (id: number, position: number, limit: number): { position: number; text: string }[] =>
      selectLinesAfter.all(id, position, limit).map(row => ({ ...row })),
    byNumber(appId: number, number: number): Operation | null {
      const row = selectByNumber.get(appId, number)
      return row ? { ...row } : null
    },
    /** Newest first. */
    list: (appId: number, limit: number): Operation[] => selectAll.all(appId, limit).map(row => ({ ...row })),
    /** Queued and running ones of all apps, oldest first: at start, what the last end interrupted. */
    unfinished: (): Operation[] => selectUnfinished.all().map(row => ({ ...row })),
  }
}
