// Work that goes on after its actor was answered: kept, so that a shutdown can wait for it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../domain/log.ts'

export interface Background {
  /** Watches over work under way: a failure is a line in the log. @param app id of the one that it is about */
  run(what: string, work: Promise<void>, app?: number): void
  /** Does it again, after ever longer pauses, until it succeeds or the gateway stops: then its signal is aborted. */
  insist(what: string, work: (stopping: AbortSignal) => Promise<void>, app?: number): void
  /** What is under way about the app of that id. */
  about(app: number): string[]
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
  /** Gives up what waits to be tried again, and resolves when nothing is under way or the time is over. */
  stop(milliseconds: number): Promise<void>
}

/** Milliseconds before the nth repetition, counted from 0. */
const PAUSE = (n: number) => Math.min(60_000, 1000 * 2 ** n)

export function createBackground(log: Log, pause: (n: number) => number = PAUSE): Background {
  const under = new Map<Promise<void>, { what: string; app: number | undefined }>()
  const stopping = new AbortController()

  function run(what: string, work: Promise<void>, app?: number): void {
    const watched = work
      .catch(error => log.warn({ what, error }, 'background work failed'))
      .finally(() => under.delete(watched))
    under.set(watched, { what, app })
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
    while (under.size > 0) await Promise.all(under.keys())
  }

  return {
    run,
    idle,
    insist: (what, work, app) => run(what, untilDone(what, work), app),
    about: app => [...under.values()].filter(each => each.app === app).map(({ what }) => what),
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
