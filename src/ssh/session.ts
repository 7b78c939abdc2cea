// What a command gets from the front door: one exec (or bare login) of a person whose signature was verified.
import type { Readable, Writable } from 'node:stream'
import type { Actor } from '../domain/member.ts'
import type { Terminal } from './terminal.ts'

export interface Session {
  readonly actor: Actor
  /** The words of the command; empty for a bare login (`ssh -T`). */
  readonly words: readonly string[]
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Null when the client did not ask for one. */
  readonly terminal: Terminal | null
  /** What the client asked to set, from an allow-list: GIT_PROTOCOL only. */
  readonly env: ReadonlyMap<string, string>
  /** Aborted when the client leaves or the gateway stops. */
  readonly signal: AbortSignal
}

/** Runs one command. Its result is the exit status; a throw is exit status 1 and a line in the log. */
export type Serve = (session: Session) => Promise<number>
