// Turns: work on one app is done one at a time, in the order in which it was asked for; work on other apps goes on
// beside it. Whoever leaves while waiting leaves at once, and those behind still wait for those ahead.
import { untilAborted } from '../domain/until-aborted.ts'

export interface Turns<Who> {
  /** Who has the turn and who waits for it, the one who has it first. */
  ahead(app: number): readonly Who[]
  /**
   * @param who shown to those behind; null for work that nobody asked for
   * @param until the turn is passed on when the work has ended and this has settled
   * @param next called when nobody but the one that has the turn is ahead any more; not when it is so from the start
   * @throws signal.reason when it is aborted before the turn comes: then `work` is never called
   */
  take<T>(
    app: number,
    who: Who | null,
    work: () => Promise<T>,
    bounds?: { signal?: AbortSignal; until?: Promise<unknown>; next?: () => void },
  ): Promise<T>
  /** Resolves when nobody has a turn or waits for one. */
  idle(): Promise<void>
}

export function createTurns<Who>(): Turns<Who> {
  const queues = new Map<
    number,
    { tail: Promise<void>; line: { who: Who; next: (() => void) | undefined }[] }
  >()

  return {
    ahead: app => (queues.get(app)?.line ?? []).map(({ who }) => who),

    async take(app, who, work, { signal, until, next } = {}) {
      const queue = queues.get(app) ?? { tail: Promise.resolve(), line: [] }
      queues.set(app, queue)
      const before = queue.tail
      const turn = Promise.withResolvers<void>()
      queue.tail = turn.promise
      const place = who === null ? null : { who, next }
      if (place !== null) queue.line.push(place)

      const leave = () => {
        const at = place === null ? -1 : queue.line.indexOf(place)
        if (at === -1) return
        queue.line.splice(at, 1)
        // Whoever is second now was third.
        if (at <= 1) queue.line[1]?.next?.()
      }
      const pass = () => {
        leave()
        if (queue.tail === turn.promise) queues.delete(app)
        turn.resolve()
      }
      try {
        await (signal === undefined ? before : untilAborted(before, signal))
      } catch (reason) {
        leave()
        void before.then(pass)
        throw reason
      }
      try {
        return await work()
      } finally {
        void Promise.allSettled([until]).then(pass)
      }
    },

    async idle() {
      while (queues.size > 0) await Promise.all([...queues.values()].map(queue => queue.tail))
    },
  }
}
