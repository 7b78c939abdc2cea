// Keeps certificates as long as the gateway runs: to the router at the start, renewed in time from then
// on, and away from it when they are of no endpoint any more.
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../domain/log.ts'
import type { Certificates } from './certificates.ts'

/** Milliseconds between two looks at what is due: authorities are asked far less often, see `retryAt`. */
const ROUND = 600_000

/** Resolves when the signal is aborted. A round that fails is a line in the log. */
export async function keepCertificates(
  certificates: Pick<Certificates, 'sweep' | 'load' | 'renewDue'>,
  log: Log,
  signal: AbortSignal,
  round = ROUND,
): Promise<void> {
  for (let loaded = false; !signal.aborted; ) {
    try {
      await certificates.sweep(signal)
      if (!loaded) await certificates.load(signal)
      loaded = true
      await certificates.renewDue(signal)
    } catch (error) {
      if (!signal.aborted) log.warn({ error }, 'certificates could not be brought to the router')
    }
    await delay(round, undefined, { signal }).catch(() => {})
  }
}
