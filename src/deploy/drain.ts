// Waits until requests that were under way have ended, and cuts those that take too long.
import { setTimeout as delay } from 'node:timers/promises'
import type { Router } from '../domain/router.ts'

/** Milliseconds between two looks. */
const SHORTEST = 20
const LONGEST = 250

/**
 * @param addresses asked again before anything is cut: an address that somebody else has by then is nobody's to cut
 * @param seconds after which they are cut
 */
export async function drain(
  router: Pick<Router, 'underWay' | 'cut'>,
  addresses: () => Promise<ReadonlySet<string>>,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + seconds * 1000
  let waited = SHORTEST
  for (;;) {
    const draining = await addresses()
    if (draining.size === 0 || (await router.underWay(draining, signal)) === 0) return
    const left = end - performance.now()
    if (left <= 0) return router.cut(draining, signal)
    await delay(Math.min(waited, left), undefined, { signal }).catch(() => signal.throwIfAborted())
    waited = Math.min(LONGEST, waited * 2)
  }
}
