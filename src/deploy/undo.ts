// What is acquired registers its undo at once. When the work fails, the undos run last first; when it succeeds
// they are forgotten. An undo that fails itself does not stop the others; it is left to later, and with it those that
// came after it, in the same order: an engine keeps an image as long as a container is there that was not removed. Nor
// is an engine that does not answer asked for one after the other, while somebody waits for the end of it.
import type { App } from '../domain/app.ts'
import { isTimeout } from '../domain/engine-hangs.ts'
import { Problem } from '../domain/problem.ts'
import type { Ground } from './ground.ts'

/** An undo may be run again, and finds nothing to do when what it undoes is gone. */
export type RegisterUndo = (what: string, undo: () => Promise<void>) => void

interface Undo {
  readonly what: string
  readonly undo: () => Promise<void>
}

/** @param undoFailed told once, with all that is left to do */
export async function withUndo<T>(
  work: (register: RegisterUndo) => Promise<T>,
  undoFailed: (what: string, error: unknown, undo: () => Promise<void>) => void,
): Promise<T> {
  const undos: Undo[] = []
  try {
    return await work((what, undo) => undos.push({ what, undo }))
  } catch (error) {
    const left: Undo[] = []
    const failures: unknown[] = []
    for (const { what, undo } of undos.reverse()) {
      if (failures.some(isAway)) {
        left.push({ what, undo })
        continue
      }
      try {
        await undo()
        if (failures.length > 0) left.push({ what, undo })
      } catch (failure) {
        failures.push(failure)
        left.push({ what, undo })
      }
    }
    if (failures.length > 0) undoFailed(left.map(({ what }) => what).join(', '), failures[0], inTurn(left))
    throw error
  }
}

const isAway = (failure: unknown) =>
  isTimeout(failure) || (failure instanceof Problem && failure.code === 'engine-unreachable')

function inTurn(undos: readonly Undo[]): () => Promise<void> {
  return async () => {
    for (const { undo } of undos) await undo()
  }
}

/** What cannot be undone now, because the engine is what failed, is undone when it answers again. */
export function undoLater(ground: Pick<Ground, 'log' | 'insist'>, app: Pick<App, 'id'>) {
  return (what: string, error: unknown, undo: () => Promise<void>) => {
    ground.log.warn({ what, error }, 'an undo failed, and is tried again')
    ground.insist(`undo ${what}`, undo, app.id)
  }
}

/** Undoing goes on when the one who asked has left, but not for ever. */
export const undoSignal = () => AbortSignal.timeout(60_000)
