// What has settled and went live is started again by the engine whenever it stops by itself.
import type { Engine } from '../domain/engine.ts'

const DEADLINE_MS = 60_000

/** One that is gone by now was retired by a later release, and is left out. */
export async function keepRunning(ids: readonly string[], engine: Engine): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS)
  await Promise.all(
    ids.map(async id => {
      if ((await engine.inspect(id, signal)) === null) return
      await engine.keepRunning(id, signal)
      // It may have stopped just before it was told: that alone does not start it again.
      const state = (await engine.inspect(id, signal))?.state
      if (state === 'exited' || state === 'created') await engine.start(id, signal)
    }),
  )
}
