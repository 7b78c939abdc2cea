// Looks after HAProxy: a connection to its socket is held, and when it breaks off HAProxy is looked for, and started
// again if it is gone. It breaks off at a reload too, and then there is nothing to mend.
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'

/** Milliseconds before the next try to start one that dies at once; doubled each time. */
const FIRST_PAUSE = 200
const LONGEST_PAUSE = 30_000
/** One that ran for so long did not die at once. */
const STEADY = 10_000

export interface Watch {
  /** Does nothing when it has begun. */
  begin(): void
  close(): Promise<void>
}

export interface WatchOptions {
  readonly socket: string
  /** Starts HAProxy if it does not run. @returns whether it had to */
  mend(signal: AbortSignal): Promise<boolean>
  readonly log: Log
}

export function watch({ socket, mend, log }: WatchOptions): Watch {
  const ending = new AbortController()
  const { signal } = ending
  let watching: Promise<void> | null = null

  const keepWatch = async () => {
    let wait = FIRST_PAUSE
    while (!signal.aborted) {
      const since = Date.now()
      await untilItEnds(socket, signal)
      if (signal.aborted) return
      if (Date.now() - since > STEADY) wait = FIRST_PAUSE
      try {
        if (await mend(signal)) {
          log.warn({}, 'HAProxy was gone, and has been started again')
          await pause(wait, undefined, { signal })
          wait = Math.min(2 * wait, LONGEST_PAUSE)
        } else {
          await pause(FIRST_PAUSE, undefined, { signal })
        }
      } catch (error) {
        if (signal.aborted) return
        const saw = error instanceof Problem ? { headline: error.headline, saw: error.saw } : { err: error }
        log.error({ ...saw, again: wait }, 'HAProxy is gone, and cannot be started')
        await pause(wait, undefined, { signal }).catch(() => {})
        wait = Math.min(2 * wait, LONGEST_PAUSE)
      }
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

async function untilItEnds(socket: string, signal: AbortSignal): Promise<void> {
  const connection = connect(socket)
  connection.unref()
  connection.on('error', () => {})
  connection.resume()
  const closed = once(connection, 'close')
  const end = () => connection.destroy()
  signal.addEventListener('abort', end, { once: true })
  await closed
  signal.removeEventListener('abort', end)
}
