// One work at a time for each number. Whoever comes later waits, and may leave; what is under way can be ended.
import { untilAborted } from '../domain/until-aborted.ts'

export interface OneAtATime {
  /** @throws what the work throws; `signal.reason`, also while it waits */
  run<T>(id: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Aborts what is under way for that number, with this reason. */
  end(id: number, reason: Error): void
}

export function oneAtATime(): OneAtATime {
  const underWay = new Map<number, { done: Promise<void>; ending: AbortController }>()
  return {
    async run(id, signal, work) {
      for (let before = underWay.get(id); before !== undefined; before = underWay.get(id)) {
        await untilAborted(before.done, signal)
      }
      signal.throwIfAborted()
      const { promise: done, resolve } = Promise.withResolvers<void>()
      const ending = new AbortController()
      underWay.set(id, { done, ending })
      try {
        return await work(AbortSignal.any([signal, ending.signal]))
      } finally {
        underWay.delete(id)
        resolve()
      }
    },
    end: (id, reason) => underWay.get(id)?.ending.abort(reason),
  }
}
