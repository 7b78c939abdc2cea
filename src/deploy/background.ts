// Work that goes on after its actor was answered: kept, so that a shutdown can wait for it.
import type { Log } from '../domain/log.ts'

export function createBackground(log: Log) {
  const under = new Set<Promise<void>>()
  return {
    run(what: string, work: Promise<void>): void {
      const watched = work
        .catch(error => log.warn({ what, error }, 'background work failed'))
        .finally(() => under.delete(watched))
      under.add(watched)
    },
    async idle(): Promise<void> {
      while (under.size > 0) await Promise.all(under)
    },
  }
}
