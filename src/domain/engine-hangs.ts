// An engine that takes requests and does not answer them: found out by the time that it takes, in more than one place.
import { Problem } from './problem.ts'

/** @param saw what it was asked for, and how long that was waited for */
export function engineHangs(stack: string, saw: string, cause?: unknown): Problem {
  return new Problem('engine-unreachable', {
    headline: `The Docker engine of stack ${stack} hangs`,
    saw,
    hint: 'Try again in a minute. For the operator: see its log, and restart it if it stays so. Containers that serve come back with it.',
    cause,
  })
}

/** Whether it is that of a deadline (`AbortSignal.timeout`) that was over. */
export const isTimeout = (error: unknown) => error instanceof Error && error.name === 'TimeoutError'
