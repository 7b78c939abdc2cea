// Somebody's use of a command that changes something or shows secrets, as it is kept for audit.
import type { ProblemCode } from './problem.ts'

/** `failed` is for what ends without a Problem, and with an exit status that is not 0. */
export type ActivityOutcome = 'ok' | 'failed' | ProblemCode

export interface NewActivity {
  /** Name of the member. */
  readonly actor: string
  /** `SHA256:…` of the key they logged in with. */
  readonly key: string
  readonly address: string
  readonly command: string
  /** Names of what it was about: variables, members, paths. Never values. */
  readonly words: readonly string[]
  /** Names of the options that were given. */
  readonly options: readonly string[]
  readonly environmentId: number | null
  readonly environment: string | null
  /** Handle within the environment. */
  readonly app: string | null
  readonly stack: string | null
}

export interface Activity extends NewActivity {
  readonly id: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** Null as long as it runs. */
  readonly outcome: ActivityOutcome | null
}
