// Waits for a condition: asks again until it holds.
import { setTimeout as delay } from 'node:timers/promises'

/** Of a machine that is very slow, and less than that of ava, which could not say what was waited for. */
const PATIENCE_MS = 120_000
const INTERVAL_MS = 50

/** @returns the first answer that is not false, null or undefined; throws when none comes */
export async function until<T>(what: string, ask: () => Promise<T | false | null | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (answer !== false && answer !== null && answer !== undefined) return answer
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`)
    await delay(INTERVAL_MS)
  }
}
