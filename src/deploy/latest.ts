// Work of which only the newest counts: at most one run under way per key and one that waits, which everybody shares who
// asks meanwhile. Whoever asks gets a run that began after they asked, so that it has seen what they have done.

export type Latest<Key> = (key: Key, work: () => Promise<void>) => Promise<void>

export function createLatest<Key>(): Latest<Key> {
  const running = new Map<Key, Promise<void>>()
  const waiting = new Map<Key, Promise<void>>()

  function begin(key: Key, work: () => Promise<void>): Promise<void> {
    const run = work().finally(() => running.delete(key))
    running.set(key, run)
    return run
  }

  return (key, work) => {
    const next = waiting.get(key)
    if (next !== undefined) return next
    const now = running.get(key)
    if (now === undefined) return begin(key, work)
    const after = now
      .catch(() => {})
      .then(() => {
        waiting.delete(key)
        return begin(key, work)
      })
    waiting.set(key, after)
    return after
  }
}
