// Carries out a Rollout up to the commit point: candidates are created, started and watched until they have settled, and
// what is replaced stop-first is stopped in between. The undo of all of it was registered before (`discard.ts`,
// `bring-back.ts`): a failure leaves what ran before and nothing else.
import { type Candidate, candidateLabel, type Rollout } from '../domain/rollout.ts'
import type { StoppedFirst } from './bring-back.ts'
import { type CandidateGround, createCandidate, startCandidate } from './candidate.ts'
import { linked } from './linked.ts'

export interface RollingOut extends CandidateGround {
  readonly stopped: Pick<StoppedFirst, 'stop'>
  /** Asked before anything is stopped. @throws Problem when it would be in vain */
  readonly ready: () => Promise<void>
}

/**
 * @returns the ids of the candidates
 * @throws Problem `container-not-started`, `container-exited`, `health-check-failed`
 */
export async function rollOut(
  plan: Pick<Rollout, 'start' | 'startAfter' | 'stop'>,
  rolling: RollingOut,
  signal: AbortSignal,
): Promise<string[]> {
  const { transcript } = rolling
  if (plan.start.length > 0) transcript.line(`-----> Starting ${names(plan.start)}`)
  // All are made before anything is stopped, so that what is down meanwhile waits for a start only.
  const all = [...plan.start, ...plan.startAfter]
  const ids = await together(all, signal, async (candidate, ending) => {
    const id = await createCandidate(candidate, rolling, ending)
    if (plan.start.includes(candidate)) await startCandidate(candidate, id, rolling, ending)
    return id
  })
  if (plan.startAfter.length === 0) return ids

  await rolling.ready()
  signal.throwIfAborted()
  transcript.line(`-----> Replacing ${names(plan.startAfter)} stop-first: the old end before the new start`)
  await rolling.stopped.stop(plan.stop, signal)
  signal.throwIfAborted()
  await together(plan.startAfter, signal, (candidate, ending) =>
    startCandidate(candidate, ids[all.indexOf(candidate)] ?? '', rolling, ending),
  )
  return ids
}

const names = (candidates: readonly Candidate[]) => candidates.map(candidateLabel).join(', ')

/** The first failure ends the others, and all of them have ended before anything is undone. */
async function together<T>(
  candidates: readonly Candidate[],
  signal: AbortSignal,
  work: (candidate: Candidate, ending: AbortSignal) => Promise<T>,
): Promise<T[]> {
  const { signal: ending, end } = linked(signal)
  const works = candidates.map(candidate => work(candidate, ending))
  for (const each of works) each.catch(end)
  try {
    return await Promise.all(works)
  } finally {
    end()
    await Promise.allSettled(works)
  }
}
