// Looks after HAProxy: a connection to its socket is held, and when it breaks off HAProxy is looked for, and started
// again if it is gone. It breaks off at a reload too, and then there is nothing to mend.
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'

/** Milliseconds before one that ended soon after its start is started once more; doubled each time. */
const FIRST_PAUSE = 200
const LONGEST_PAUSE = 30_000
/** One that ran for so long did not end soon. */
const STEADY = 10_000

export interface Watch {
  /** Does nothing when it has begun. */
  begin(): void
  close(): Promise<void>
}

/** All in milliseconds. */
export interface WatchClock {
  now(): number
  /** Rejects when the signal is aborted. */
  pause(length: number, signal: AbortSignal): Promise<void>
}

export interface WatchOptions {
  readonly socket: string
  /** Starts HAProxy if it does not run. @returns whether it had to */
  mend(signal: AbortSignal): Promise<boolean>
  readonly log: Log
  readonly clock?: WatchClock
}

const CLOCK: WatchClock = {
  now: Date.now,
  pause: (length, signal) => delay(length, undefined, { signal }),
}

export function watch({ socket, mend, log, clock = CLOCK }: WatchOptions): Watch {
  const ending = new AbortController()
  const { signal } = ending
  let watching: Promise<void> | null = null

  const keepWatch = async () => {
    let tried = Number.NEGATIVE_INFINITY
    let wait = 0
    while (!signal.aborted) {
      await untilItEnds(socket, signal)
      if (signal.aborted) return
      if (clock.now() - tried > STEADY) wait = 0
      // Before a start, not after it: from then on the connection is held, and tells how long it ran.
      if (wait > 0) await clock.pause(wait, signal)
      try {
        if (await mend(signal)) {
          log.warn({}, 'HAProxy was gone, and has been started again')
        } else {
          await clock.pause(FIRST_PAUSE, signal)
          continue
        }
      } catch (error) {
        if (signal.aborted) return
        const saw = error instanceof Problem ? { headline: error.headline, saw: error.saw } : { err: error }
        log.error({ ...saw, again: longer(wait) }, 'HAProxy is gone, and cannot be started')
      }
      wait = longer(wait)
      tried = clock.now()
    }
  }
  return {
    begin: () => {
      if (!signal.aborted) watching ??= keepWatch().catch(() => {})
    },
    close: async () => {
      ending.abort(new Error('the watch over HAProxy has ended'))
      await watching
    },
  }
}

function longer(wait: number): number {
  return wait === 0 ? FIRST_PAUSE : Math.min(2 * wait, LONGEST_PAUSE)
}

/** One that cannot be connected to has ended, too. */
function untilItEnds(socket: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const connection = connect(socket)
    const end = () => connection.destroy()
    signal.addEventListener('abort', end, { once: true })
    connection.unref()
    connection.resume()
    connection.on('error', () => {})
    connection.on('close', () => {
      signal.removeEventListener('abort', end)
      resolve()
    })
  })
}
