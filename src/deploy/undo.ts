// What is acquired registers its undo at once. When the work fails, the undos run last first; when it succeeds
// they are forgotten. An undo that fails itself is reported and does not stop the others.
import type { App } from '../domain/app.ts'
import type { Ground } from './ground.ts'

/** An undo may be run again, and finds nothing to do when what it undoes is gone. */
export type RegisterUndo = (what: string, undo: () => Promise<void>) => void

export async function withUndo<T>(
  work: (register: RegisterUndo) => Promise<T>,
  undoFailed: (what: string, error: unknown, undo: () => Promise<void>) => void,
): Promise<T> {
  const undos: { what: string; undo: () => Promise<void> }[] = []
  try {
    return await work((what, undo) => undos.push({ what, undo }))
  } catch (error) {
    for (const { what, undo } of undos.reverse()) {
      try {
        await undo()
      } catch (failure) {
        undoFailed(what, failure, undo)
      }
    }
    throw error
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
