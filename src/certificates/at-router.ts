// The router's copies of certificates, made what the record says. They hold private keys that HAProxy reads from the
// disk, so that one which is of no endpoint must not lie there: whatever left it, the next sweep takes it away.
import type { Certificate } from '../domain/certificate.ts'
import type { Endpoint, Hostname } from '../domain/endpoint.ts'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'
import type { Router } from '../domain/router.ts'
import { Secret } from '../domain/secret.ts'
import type { Store } from '../store/store.ts'
import type { OneAtATime } from './one-at-a-time.ts'

export interface AtRouterOptions {
  readonly rows: Pick<Store['certificates'], 'of' | 'remove'>
  /** Those that there are now. */
  readonly endpoints: () => readonly Endpoint[]
  readonly router: Pick<Router, 'putCertificate' | 'removeCertificate' | 'keptCertificates'>
  readonly turns: OneAtATime
  readonly log: Log
}

export interface AtRouter {
  /** @throws Problem of the router: until it is put, or forgotten, it `lags` */
  put(
    endpoint: Pick<Endpoint, 'id' | 'hostname'>,
    certificate: Certificate,
    signal: AbortSignal,
  ): Promise<void>
  /** Whether the router does not have what it was to be given. */
  lags(id: number): boolean
  forget(id: number): void
  /** What the record has for this hostname, or nothing. To be called in the turn of its endpoint. */
  settle(hostname: Hostname, signal: AbortSignal): Promise<void>
  /** Takes away what no endpoint with TLS is for. What cannot be taken away is a line in the log. */
  sweep(signal: AbortSignal): Promise<void>
}

export function createAtRouter({ rows, endpoints, router, turns, log }: AtRouterOptions): AtRouter {
  const notPut = new Set<number>()
  const named = (hostname: Hostname) => endpoints().find(each => each.hostname === hostname)

  const put: AtRouter['put'] = async ({ id, hostname }, { chain, key }, signal) => {
    notPut.add(id)
    await router.putCertificate(hostname, new Secret(`${chain}${key.reveal()}`), signal)
    notPut.delete(id)
  }

  /** Between the look at the record and the call nothing is waited for: what is put for a new endpoint comes later. */
  const removeStray = async (hostname: Hostname, signal: AbortSignal) => {
    const endpoint = named(hostname)
    if (endpoint !== undefined && endpoint.tls !== 'off') return
    if (endpoint !== undefined) rows.remove(endpoint.id)
    log.warn({ hostname }, 'a certificate of no endpoint is taken off the router')
    await router.removeCertificate(hostname, signal)
  }

  return {
    put,
    lags: id => notPut.has(id),
    forget: id => void notPut.delete(id),
    async settle(hostname, signal) {
      const endpoint = named(hostname)
      const kept = endpoint === undefined || endpoint.tls === 'off' ? null : rows.of(endpoint.id)
      if (endpoint !== undefined && kept !== null) return put(endpoint, kept, signal)
      if (endpoint !== undefined) notPut.delete(endpoint.id)
      await router.removeCertificate(hostname, signal)
    },
    async sweep(signal) {
      for (const hostname of await router.keptCertificates(signal)) {
        const endpoint = named(hostname)
        if (endpoint !== undefined && endpoint.tls !== 'off') continue
        try {
          // One that is about to have TLS has its certificate before the record says so.
          if (endpoint === undefined) await removeStray(hostname, signal)
          else await turns.run(endpoint.id, signal, either => removeStray(hostname, either))
        } catch (error) {
          signal.throwIfAborted()
          if (!(error instanceof Problem)) throw error
          log.warn({ hostname, error }, 'a certificate of no endpoint could not be taken off the router')
        }
      }
    },
  }
}
