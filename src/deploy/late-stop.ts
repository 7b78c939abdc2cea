// What serves may be stopped once more after a crash: the engine goes on with a stop that the last process asked for, and
// one that has much to do kills late. Whatever it ends is started again as soon as it has ended.
import type { App } from '../domain/app.ts'
import { serves } from '../domain/service.ts'
import type { Ground } from './ground.ts'
import { keepRunning } from './keep-running.ts'
import { linked } from './linked.ts'
import type { Operations } from './operations.ts'

/** Operations of an app, the newest first, among which the last that took its turn is looked for. */
const RECENT = 100
/** Milliseconds that an engine may take to list containers, or to be asked for the exits of one. */
const DEADLINE = 60_000

/** Of what still serves: one that failed may have been undone, or not yet. A `run` goes on beside others. */
export function stopMayBeUnderWay({ store }: Pick<Ground, 'store'>, app: App): boolean {
  const last = store.operations.list(app.id, RECENT).find(({ kind }) => kind !== 'run')
  return last !== undefined && last.state !== 'succeeded'
}

/**
 * Resolves when the grace is over and `late` milliseconds with it, and early when the gateway stops.
 * @throws Problem `engine-unreachable` and its kin: to be done again
 */
export async function outlastStop(
  ground: Ground,
  operations: Operations,
  app: App,
  late: number,
  stopping: AbortSignal,
): Promise<void> {
  const { store } = ground
  const { stack, engine } = ground.stack(app.stack)
  const over = linked(AbortSignal.any([AbortSignal.timeout(stack.grace * 1000 + late), stopping]))

  async function serving(): Promise<string[]> {
    const present = await engine.list(app.name, AbortSignal.any([AbortSignal.timeout(DEADLINE), stopping]))
    const [live, services] = [store.releases.live(app.id), store.services.of(app.id)]
    return present.filter(({ labels }) => serves(labels, live, services)).map(({ id }) => id)
  }

  /** @returns whether it is still to run */
  function keep(id: string): Promise<boolean> {
    return operations.exclusive(app.id, async () => {
      if (over.signal.aborted || !(await serving()).includes(id)) return false
      await keepRunning([id], engine)
      return true
    })
  }

  async function outlast(id: string): Promise<void> {
    for (;;) {
      // Asked for before the look, so that it ends at no moment unseen.
      const exit = engine.nextExit(id, over.signal)
      exit.catch(() => {})
      if (!(await keep(id))) return
      await exit
    }
  }

  try {
    await Promise.all((await serving()).map(outlast))
  } catch (error) {
    if (!over.signal.aborted) throw error
  } finally {
    over.end()
  }
}
