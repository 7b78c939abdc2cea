// The Problem that something ends with, as plain data to compare.
import { Problem } from '../../src/domain/problem.ts'

export interface CaughtProblem {
  readonly code: string
  readonly headline: string
  readonly saw: string | undefined
  readonly hint: string
}

/**
 * @param attempt a promise, or a function that throws
 * @throws when it succeeds, or fails with anything but a Problem
 */
export async function caughtProblem(attempt: Promise<unknown> | (() => unknown)): Promise<CaughtProblem> {
  try {
    await (typeof attempt === 'function' ? attempt() : attempt)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { code, headline, saw, hint } = error
    return { code, headline, saw, hint }
  }
  throw new Error('it succeeded, though a Problem was expected')
}

/** The same with a text replaced everywhere, e.g. a port that is different each time. */
export function withText(problem: CaughtProblem, from: string, to: string): CaughtProblem {
  const { code, headline, saw, hint } = problem
  const change = (text: string) => text.replaceAll(from, to)
  return {
    code,
    headline: change(headline),
    saw: saw === undefined ? undefined : change(saw),
    hint: change(hint),
  }
}
