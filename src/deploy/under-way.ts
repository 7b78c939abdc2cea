// Operations that have not ended: what those beside its actor can know of one, and do to it. In memory only: it ends
// with the gateway, as every operation does, so nothing of it can be left behind.
import { EventEmitter, once } from 'node:events'
import type { Operation } from '../domain/operation.ts'
import type { Problem } from '../domain/problem.ts'
import type { Outcome } from '../store/operations.ts'

export interface UnderWay {
  readonly operation: Operation
  /** How it ends, once that is decided: what goes on then is its commands from `.aptible.yml`. */
  readonly decided: Outcome | null
  /** Resolves when its outcome was recorded. */
  readonly ended: Promise<Outcome>
  /** Resolves with the next line of its transcript, or its end; or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void>
  /** Ends its work for that reason. Again, or later: nothing more happens. */
  cancel(reason: Problem): void
  /** Ends what goes on after it was decided how the operation ends. */
  stopAfterwards(reason: Problem): void
}

/** What the one that runs it does with it. */
export interface Tracked extends UnderWay {
  /** Aborted by `cancel`. */
  readonly work: AbortSignal
  /** Aborted by `stopAfterwards`. */
  readonly afterwards: AbortSignal
  decide(outcome: Outcome): void
  news(): void
  over(outcome: Outcome): void
}

export function createUnderWay() {
  const all = new Map<number, Tracked>()
  return {
    /** Null when it has ended. */
    of: (operationId: number): UnderWay | null => all.get(operationId) ?? null,
    track(operation: Operation): Tracked {
      const [work, afterwards] = [new AbortController(), new AbortController()]
      const bell = new EventEmitter().setMaxListeners(0)
      const { promise: ended, resolve } = Promise.withResolvers<Outcome>()
      let decided: Outcome | null = null
      const tracked: Tracked = {
        operation,
        ended,
        get decided() {
          return decided
        },
        work: work.signal,
        afterwards: afterwards.signal,
        async next(signal) {
          // `once` takes its listener away again: whoever leaves leaves nothing behind.
          await once(bell, 'news', { signal }).catch(() => {})
        },
        cancel: reason => work.abort(reason),
        stopAfterwards: reason => afterwards.abort(reason),
        decide: outcome => {
          decided = outcome
        },
        news: () => void bell.emit('news'),
        over(outcome) {
          all.delete(operation.id)
          resolve(outcome)
          bell.emit('news')
        },
      }
      all.set(operation.id, tracked)
      return tracked
    },
  }
}
