// How an operation ends that did not succeed, in words for its actor.
import { type App, formatAppName } from '../domain/app.ts'
import { engineHangs, isTimeout } from '../domain/engine-hangs.ts'
import type { Log } from '../domain/log.ts'
import type { Operation } from '../domain/operation.ts'
import { Problem } from '../domain/problem.ts'

/** An operation ended without success, and its actor has been told why: there is nothing left to print. */
export class OperationFailed extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.headline, { cause: problem })
    this.problem = problem
  }
}

export function destroyed(app: App): Problem {
  const name = formatAppName(app.name)
  return new Problem('app-not-found', {
    headline: `${name} was destroyed while this waited for its turn`,
    hint: 'Ask whoever destroyed it; `fairlead operations` of it are gone too.',
  })
}

/**
 * Who left is told apart from what failed: an abort shows up as whatever error the interrupted call threw. What is no
 * Problem is a bug, and its cause goes to the log: but for a deadline, by which an operation waits for engines alone.
 */
export function asProblem(
  error: unknown,
  { stack }: App,
  { number }: Operation,
  signal: AbortSignal,
  log: Log,
): Problem {
  if (signal.aborted && signal.reason instanceof Problem) return signal.reason
  if (signal.aborted) {
    return new Problem('cancelled', {
      headline: `Operation #${number} was cancelled`,
      saw: 'The connection that asked for it was closed.',
      hint: 'Nothing was changed; ask again when you are ready.',
    })
  }
  if (error instanceof Problem && error.code !== 'internal') return error
  if (isTimeout(error))
    return engineHangs(stack, 'It has not answered in the time that there is for it', error)
  log.error({ operation: number, error }, 'a fault of the gateway')
  if (error instanceof Problem) return error
  return new Problem('internal', {
    headline: `A fault of the gateway ended operation #${number}`,
    hint: `Tell an operator the number of the operation: the cause is in the gateway's log.`,
    cause: error,
  })
}
