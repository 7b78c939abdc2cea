// Work that goes on after its actor was answered: kept, so that a shutdown can wait for it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../domain/log.ts'

export interface Background {
  /** Watches over work under way: a failure is a line in the log. */
  run(what: string, work: Promise<void>): void
  /** Does it again, after ever longer pauses, until it succeeds or the gateway stops: then its signal is aborted. */
  insist(what: string, work: (stopping: AbortSignal) => Promise<void>): void
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
  /** Gives up what waits to be tried again, and resolves when nothing is under way or the time is over. */
  stop(milliseconds: number): Promise<void>
}

/** Milliseconds before the nth repetition, counted from 0. */
const PAUSE = (n: number) => Math.min(60_000, 1000 * 2 ** n)

export function createBackground(log: Log, pause: (n: number) => number = PAUSE): Background {
  const under = new Set<Promise<void>>()
  const stopping = new AbortController()

  function run(what: string, work: Promise<void>): void {
    const watched = work
      .catch(error => log.warn({ what, error }, 'background work failed'))
      .finally(() => under.delete(watched))
    under.add(watched)
  }

  async function untilDone(what: string, work: (stopping: AbortSignal) => Promise<void>): Promise<void> {
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      try {
        return await work(stopping.signal)
      } catch (error) {
        log.warn({ what, error, tries: n + 1 }, 'background work failed, and is tried again')
      }
      await delay(pause(n), undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  async function idle(): Promise<void> {
    while (under.size > 0) await Promise.all(under)
  }

  return {
    run,
    idle,
    insist: (what, work) => run(what, untilDone(what, work)),
    async stop(milliseconds) {
      stopping.abort()
      await atMost(milliseconds, idle())
      if (under.size > 0) log.warn({ works: under.size }, 'background work is left to the next start')
    },
  }
}

/** Stops waiting, not the work, when the time is over. */
export async function atMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race([work, delay(milliseconds, undefined, { signal: over.signal })])
  } finally {
    over.abort()
  }
}
