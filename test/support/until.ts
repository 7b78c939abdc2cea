// Waits for a condition: asks again until it holds.
import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 45_000
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
