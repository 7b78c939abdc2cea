// When a registry has refused every credential that was offered: one Problem that tells of each.
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'

export interface Refusal {
  readonly auth: Pick<RegistryAuth, 'username' | 'source'>
  readonly problem: Problem
}

/** @param refusals in the order in which they came; at least one, which alone is returned as it is */
export function allRefused(refusals: readonly Refusal[]): Problem {
  const [first, ...more] = refusals
  if (first === undefined) throw new TypeError('nothing was refused')
  if (more.length === 0) return first.problem
  const { code, headline, hint, phase, runs, cause } = first.problem
  return new Problem(code, {
    headline,
    saw: refusals.map(lineOf).join('\n'),
    hint,
    ...(phase !== undefined && { phase }),
    ...(runs !== undefined && { runs }),
    ...(cause !== undefined && { cause }),
  })
}

function lineOf({ auth, problem }: Refusal): string {
  const answer = (problem.saw ?? problem.headline).split('\n').join(' ')
  return `${printable(auth.username)}, from ${auth.source}: ${answer}`
}
