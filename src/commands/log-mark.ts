// How far a log was read, so that reading can go on there after a cut without repeating a line.
import type { LogOptions } from '../domain/engine.ts'
import type { Instant } from '../domain/instant.ts'

export interface LogMark {
  /** What to ask the engine for to go on. What it then sends has to pass `isNew`. */
  resume(): Omit<LogOptions, 'follow'>
  /** Whether a line was not there before the last `resume`; if so, it counts as read. */
  isNew(at: Instant): boolean
}

/** @param from what to ask for as long as nothing was read */
export function logMark(from: Omit<LogOptions, 'follow'>): LogMark {
  let latest: Instant | null = null
  /** Lines of that instant that were read. */
  let count = 0
  /** The first lines of that instant that were read before. */
  let repeated = 0
  return {
    resume() {
      repeated = count
      return latest === null ? from : { lines: 'all', since: latest }
    },
    isNew(at) {
      if (at === latest && repeated > 0) {
        repeated -= 1
        return false
      }
      if (latest === null || at > latest) {
        latest = at
        count = 0
        repeated = 0
      }
      if (at === latest) count += 1
      return true
    },
  }
}
