// The transcript of one operation: shown to whoever asked for it as it happens, and kept with the operation.
import type { Transcript } from '../domain/transcript.ts'

/** Where the words of an operation go. Writing to someone who left must not throw. */
export type Say = (text: string) => void

/** Git passes a carriage return on, so that the next line overwrites this one. At most one a second. */
const PROGRESS_INTERVAL_MS = 1000

/** A program that prints without end must not fill the gateway's disk. What is beyond is shown, and not kept. */
const MAX_KEPT_LINES = 10_000
const MAX_KEPT_CHARACTERS = 4000

export interface LiveTranscript extends Transcript {
  /** From now on every text goes through this too, before it is shown or kept. */
  mask(mask: (text: string) => string): void
  /** The text as it would be shown: for what is cut first, since half a secret is not known for one. */
  hide(text: string): string
  /** What follows is kept, however much was printed before: how it ended. */
  makeRoom(): void
}

export function createTranscript(
  say: Say,
  keep: (line: string) => void,
  clock: () => number = Date.now,
): LiveTranscript {
  let hide = (text: string) => text
  let shownAt = Number.NEGATIVE_INFINITY
  let width = 0
  let room = MAX_KEPT_LINES

  const keepSome = (line: string) => {
    room -= 1
    if (room > 0) keep(line.slice(0, MAX_KEPT_CHARACTERS))
    else if (room === 0) keep('       (what follows was shown, and is too much to be kept)')
  }

  return {
    makeRoom() {
      room = MAX_KEPT_LINES
    },
    hide: text => hide(text),
    mask(mask) {
      const before = hide
      hide = text => mask(before(text))
    },
    line(text) {
      for (const each of hide(text).split('\n')) {
        keepSome(each)
        say(`${each.padEnd(width)}\n`)
        width = 0
      }
    },
    progress(text) {
      const now = clock()
      if (now - shownAt < PROGRESS_INTERVAL_MS) return
      shownAt = now
      const shown = hide(text)
      say(`${shown.padEnd(width)}\r`)
      width = shown.length
    },
  }
}
