// Something asked for and recorded.
import type { ProblemCode } from './problem.ts'

export type OperationKind =
  | 'deploy'
  | 'scan'
  | 'configure'
  | 'scale'
  | 'restart'
  | 'rollback'
  | 'run'
  | 'endpoint'
  | 'destroy'
export type OperationState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface Operation {
  readonly id: number
  readonly appId: number
  /** Counts from 1 within the app. */
  readonly number: number
  readonly kind: OperationKind
  readonly state: OperationState
  /** Name of the member who asked for it. */
  readonly actor: string
  /** What it was about: a commit, names of variables. Never values. */
  readonly subject: string
  readonly problem: ProblemCode | null
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
}
