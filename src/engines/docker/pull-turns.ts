// Pulls of the same digest run one after another: the removal of its name by one of them would hit the other between
// its pull and its look at what it has pulled.

export interface PullTurns {
  /** @param name of the image, pinned by digest. @throws `signal.reason` when aborted while it waits */
  take<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

export function createPullTurns(): PullTurns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take(name, signal, work) {
      const before = last.get(name) ?? Promise.resolve()
      const turn = unlessAborted(before, signal).then(work)
      // Who gives up waiting lets nobody past the one that is at work.
      const ended = Promise.allSettled([before, turn]).then(() => {
        if (last.get(name) === ended) last.delete(name)
      })
      last.set(name, ended)
      return turn
    },
  }
}

async function unlessAborted(wait: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([wait, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
