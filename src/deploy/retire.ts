// Retire: stopped with its grace, then removed.
import type { Container, Engine } from '../domain/engine.ts'
import type { Log } from '../domain/log.ts'

/** Room for the engine beyond the grace it was told to give. */
const MARGIN_MS = 60_000

/** @throws what the engine throws; the other containers are retired all the same */
export async function retireAll(
  containers: readonly Container[],
  engine: Engine,
  graceSeconds: number,
): Promise<void> {
  const signal = AbortSignal.timeout(graceSeconds * 1000 + MARGIN_MS)
  const outcomes = await Promise.allSettled(
    containers.map(async ({ id }) => {
      await engine.stop(id, graceSeconds, signal)
      await engine.remove(id, signal)
    }),
  )
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/**
 * After the commit point nothing may fail the deploy any more: what could not be retired is a warning, and is
 * retired by the next deploy or the next start.
 */
export async function retireQuietly(
  containers: readonly Container[],
  engine: Engine,
  graceSeconds: number,
  log: Log,
): Promise<void> {
  try {
    await retireAll(containers, engine, graceSeconds)
  } catch (error) {
    log.warn({ containers: containers.map(({ name }) => name), error }, 'could not retire containers')
  }
}
