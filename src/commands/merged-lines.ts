// Several logs as one, in the order of their time stamps. Holds one line of each log and no more: a log is read on
// only when its line was taken.
import type { Instant } from '../domain/instant.ts'

export interface Line {
  readonly text: string
  readonly at: Instant
}

/** Reads a log line by line, waiting for each line to be taken; resolves at its end. */
export type Read = (line: (text: string, at: Instant) => unknown, signal: AbortSignal) => Promise<void>

/**
 * Calls `emit` with the index of the log and its line, waiting for it. Lines of the same instant come in the order of
 * the logs; the lines of one log keep their order, whatever their times.
 * @throws what a read, or emit, throws; then all other reads are ended
 */
export async function mergeLines(
  reads: readonly Read[],
  emit: (log: number, line: Line) => unknown,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController()
  const logs = reads.map(read => oneByOne(read, AbortSignal.any([signal, over.signal])))
  try {
    const heads = await Promise.all(logs.map(log => log.next()))
    for (;;) {
      const first = earliest(heads)
      const line = heads[first]
      if (!line) return
      await emit(first, line)
      signal.throwIfAborted()
      heads[first] = (await logs[first]?.next()) ?? null
    }
  } finally {
    over.abort()
    for (const log of logs) log.leave()
  }
}

function earliest(heads: readonly (Line | null)[]): number {
  return heads.reduce((best, line, i) => {
    const known = heads[best]
    return line && (!known || line.at < known.at) ? i : best
  }, 0)
}

interface OneByOne {
  /** The next line, null at the end. */
  next(): Promise<Line | null>
  /** Lets the reader go on to find that its signal is aborted. */
  leave(): void
}

function oneByOne(read: Read, signal: AbortSignal): OneByOne {
  let taken = Promise.withResolvers<void>()
  let arrived = awaited()
  let started = false

  /** What nobody waits for any more may fail without anybody hearing of it. */
  function awaited() {
    const waiting = Promise.withResolvers<Line | null>()
    waiting.promise.catch(() => {})
    return waiting
  }

  const start = () => {
    started = true
    const line = (text: string, at: Instant) => {
      arrived.resolve({ text, at })
      return taken.promise
    }
    read(line, signal).then(
      () => arrived.resolve(null),
      error => arrived.reject(error),
    )
  }

  return {
    next() {
      if (started) {
        const before = taken
        arrived = awaited()
        taken = Promise.withResolvers()
        before.resolve()
      } else start()
      return arrived.promise
    },
    leave: () => taken.resolve(),
  }
}
