// Pulls of the same digest run one after another, and so do pushes to the same repository: each takes a name away from
// the engine when it is done, which would hit another one between what it does and its look at what came of it. So do
// the names that one image gets and loses, since the engine forgets the image with the last of them.
import { untilAborted } from '../../domain/until-aborted.ts'
//
// Who has the turn of a digest or a repository may wait for that of an image, never the other way round.

export interface Turns {
  /**
   * @param name of the image, with its digest for a pull and of its repository for a push; its id for its names
   * @throws `signal.reason` when aborted while it waits
   */
  take<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take(name, signal, work) {
      const before = last.get(name) ?? Promise.resolve()
      const turn = untilAborted(before, signal).then(work)
      // Who gives up waiting lets nobody past the one that is at work.
      const ended = Promise.allSettled([before, turn]).then(() => {
        if (last.get(name) === ended) last.delete(name)
      })
      last.set(name, ended)
      return turn
    },
  }
}
