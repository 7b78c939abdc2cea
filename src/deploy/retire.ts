// Retire: stopped with its grace, then removed.
import type { Container } from '../domain/container.ts'
import type { Engine } from '../domain/engine.ts'

/** Room for the engine beyond the grace it was told to give. */
const MARGIN_MS = 60_000

/**
 * May be run again: what is gone is done.
 * @throws what the engine throws; the other containers are retired all the same
 */
export async function retireAll(
  containers: readonly Container[],
  engine: Engine,
  graceSeconds: number,
  stopping?: AbortSignal,
): Promise<void> {
  const deadline = AbortSignal.timeout(graceSeconds * 1000 + MARGIN_MS)
  const signal = stopping ? AbortSignal.any([deadline, stopping]) : deadline
  const outcomes = await Promise.allSettled(
    containers.map(async ({ id }) => {
      await engine.stop(id, graceSeconds, signal)
      await engine.remove(id, signal)
    }),
  )
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
