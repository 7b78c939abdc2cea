// What has settled and went live is started again by the engine whenever it stops by itself.
import type { App } from '../domain/app.ts'
import type { Engine } from '../domain/engine.ts'
import { serves } from '../domain/service.ts'
import type { Ground } from './ground.ts'

const DEADLINE_MS = 60_000

/**
 * In the app's turn, unless `startAgain` takes it. One that is gone by now was retired by a later release, and is left
 * out.
 * @param startAgain done with one that has stopped
 */
export async function keepRunning(
  ids: readonly string[],
  engine: Engine,
  startAgain = (id: string, signal: AbortSignal) => engine.start(id, signal),
): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS)
  await Promise.all(
    ids.map(async id => {
      if ((await engine.inspect(id, signal)) === null) return
      await engine.keepRunning(id, signal)
      // It may have stopped just before it was told: that alone does not start it again.
      const state = (await engine.inspect(id, signal))?.state
      if (state === 'exited' || state === 'created') await startAgain(id, signal)
    }),
  )
}

/** The same outside of the app's turn, where the next operation may have stopped on purpose what has just gone live. */
export function keepLiveRunning(
  { store, stack, exclusive }: Pick<Ground, 'store' | 'stack' | 'exclusive'>,
  app: App,
  ids: readonly string[],
): Promise<void> {
  const { engine } = stack(app.stack)
  const ifItServes = async (id: string) => {
    const container = await engine.inspect(id, AbortSignal.timeout(DEADLINE_MS))
    if (container === null) return
    const isServing = serves(container.labels, store.releases.live(app.id), store.services.of(app.id))
    if (isServing) await keepRunning([id], engine)
  }
  return keepRunning(ids, engine, id => exclusive(app.id, () => ifItServes(id)))
}
