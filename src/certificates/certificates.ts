// Sees to it that every endpoint with TLS has its certificate at the router, and a new one in time. What is known is in
// the record; what the router has is put there from it.
//
// Until an ordered certificate is there, nothing stands in for it: connections to that hostname fail. One that no
// client trusts would serve nobody, and would teach people to click warnings away.
import { type CertificateState, describeCertificate, renewalAt, retryAt } from '../domain/certificate.ts'
import type { Endpoint, Hostname } from '../domain/endpoint.ts'
import type { EndpointCertificates, Tell } from '../domain/endpoint-certificates.ts'
import type { Log } from '../domain/log.ts'
import { Problem, type ProblemCode, problemLines } from '../domain/problem.ts'
import type { Router } from '../domain/router.ts'
import type { Store } from '../store/store.ts'
import { admit } from './admit.ts'
import { createAtRouter } from './at-router.ts'
import { type AcmeSettings, obtain, ownAuthority } from './obtain.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { Refusal } from './refusal.ts'

export interface CertificatesOptions {
  readonly store: Pick<Store, 'certificates' | 'certificateKeys' | 'gatewayId'>
  /** Those that there are now. */
  readonly endpoints: () => readonly Endpoint[]
  readonly router: Pick<
    Router,
    'putCertificate' | 'removeCertificate' | 'keptCertificates' | 'answerChallenge' | 'forgetChallenge'
  >
  readonly acme: AcmeSettings
  readonly log: Log
  readonly now?: () => Date
}

export interface Certificates extends EndpointCertificates {
  /**
   * Puts all that is kept to the router, as after its start. One that it does not take is a line in the log.
   * @throws Problem `router-missing`, `router-unreachable`; `signal.reason`
   */
  load(signal: AbortSignal): Promise<void>
  /**
   * Gets what is missing, renews what is due and puts what could not be put, one after the other. What fails is a line
   * in the log. @throws Problem `router-missing`, `router-unreachable`; `signal.reason`
   */
  renewDue(signal: AbortSignal): Promise<void>
  /** Takes off the router what no endpoint has. What fails is a line in the log. */
  sweep(signal: AbortSignal): Promise<void>
  state(endpoint: Endpoint): CertificateState
  /** PEM certificate of the gateway's own authority, which is made at first. */
  authority(): Promise<string>
}

/** Milliseconds that the router gets to do what the record says, also when whoever asked has left. */
const SETTLING = 30_000

const AWAY: ReadonlySet<ProblemCode> = new Set(['router-missing', 'router-unreachable'])

export function createCertificates(options: CertificatesOptions): Certificates {
  const { store, endpoints, router, acme, log, now = () => new Date() } = options
  const rows = store.certificates
  const turns = oneAtATime()
  const atRouter = createAtRouter({ rows, endpoints, router, turns, log })
  const sources = { store, router, acme, now }

  /** One given by hand is never due: nobody can renew it but who gave it. */
  function isDue({ id, tls }: Endpoint): boolean {
    if (tls === 'off' || tls === 'file') return false
    const kept = rows.of(id)
    const source = tls === 'acme' ? acme.directory : tls
    return kept === null || kept.source !== source || renewalAt(kept) <= now()
  }

  function isTime({ id }: Endpoint): boolean {
    const trouble = rows.trouble(id)
    return trouble === null || new Date(trouble.retryAt) <= now()
  }

  /** In the endpoint's turn. What became of it while that was waited for is what counts. */
  async function bring({ id }: Endpoint, signal: AbortSignal, tell?: Tell): Promise<void> {
    const endpoint = endpoints().find(each => each.id === id)
    if (endpoint === undefined || endpoint.tls === 'off') return atRouter.forget(id)
    if (isDue(endpoint)) await renew(endpoint, signal, tell)
    const kept = isAsBefore(endpoint) ? rows.of(id) : null
    if (kept === null) return
    await atRouter.put(endpoint, kept, signal)
    tell?.(`       The certificate of ${endpoint.hostname} is in place`)
  }

  async function renew(endpoint: Endpoint, signal: AbortSignal, tell?: Tell): Promise<void> {
    try {
      const certificate = await obtain(sources, endpoint, signal, tell)
      if (!isAsBefore(endpoint)) return
      rows.keep(endpoint.id, certificate)
      log.info({ hostname: endpoint.hostname, until: certificate.notAfter }, 'a certificate was obtained')
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'certificate-failed')) throw error
      log.warn({ hostname: endpoint.hostname, error }, 'no certificate was obtained')
      if (isAsBefore(endpoint)) noteTrouble(endpoint, error)
      for (const line of problemLines(error)) tell?.(line)
    }
  }

  function noteTrouble({ id }: Endpoint, { headline, saw = '', hint, cause }: Problem): void {
    const failures = (rows.trouble(id)?.failures ?? 0) + 1
    const wait = cause instanceof Refusal ? cause.wait : null
    rows.setTrouble(id, {
      headline,
      saw,
      hint,
      failures,
      retryAt: retryAt(failures, wait, now()).toISOString(),
    })
  }

  /** A router that is away is so for all: an order for each would ask the authority for nothing. */
  async function unlessAway(
    { hostname }: Pick<Endpoint, 'hostname'>,
    signal: AbortSignal,
    work: () => Promise<void>,
  ) {
    try {
      await work()
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Problem && AWAY.has(error.code)) throw error
      log.warn({ hostname, error }, 'a certificate could not be brought to the router')
    }
  }

  /** Whether it still is to have what it was to have. */
  function isAsBefore({ id, tls }: Endpoint): boolean {
    return endpoints().some(each => each.id === id && each.tls === tls)
  }

  /** What was to be put and was not written down is taken back. What cannot be told now, the next round does. */
  async function takeBack(hostname: Hostname): Promise<void> {
    try {
      await atRouter.settle(hostname, AbortSignal.timeout(SETTLING))
    } catch (error) {
      log.warn({ hostname, error }, 'a certificate that was not wanted after all is still at the router')
    }
  }

  const state = ({ id }: Endpoint): CertificateState => ({
    validUntil: rows.of(id)?.notAfter ?? null,
    trouble: rows.trouble(id),
  })

  return {
    admit: (hostname, tls, pem) => admit({ hostname, tls, pem, email: acme.email }, now()),
    async ensure(endpoint, signal, given = null, tell = undefined) {
      if (endpoint.tls === 'off') return state(endpoint)
      return turns.run(endpoint.id, signal, async either => {
        if (given !== null) rows.keep(endpoint.id, given)
        await bring(endpoint, either, tell)
        return state(endpoint)
      })
    },
    async exchange(endpoint, { tls, given }, write, signal, tell) {
      const { id, hostname } = endpoint
      const certificate = given ?? (await obtain(sources, { hostname, tls }, signal, tell))
      turns.end(id, modified(hostname))
      await turns.run(id, signal, async either => {
        try {
          await atRouter.put(endpoint, certificate, either)
          either.throwIfAborted()
          rows.keep(id, certificate, write)
        } catch (error) {
          await takeBack(hostname)
          throw error
        }
      })
      tell(`       The certificate of ${hostname} is in place`)
    },
    async remove({ id, hostname, tls }, signal) {
      if (tls === 'off') return
      turns.end(id, destroyed(hostname))
      rows.remove(id)
      atRouter.forget(id)
      await router.removeCertificate(hostname, signal)
    },
    async load(signal) {
      for (const { id, hostname } of endpoints()) {
        if (rows.of(id) === null) continue
        await unlessAway({ hostname }, signal, () =>
          turns.run(id, signal, either => atRouter.settle(hostname, either)),
        )
      }
    },
    async renewDue(signal) {
      for (const endpoint of endpoints()) {
        if (!atRouter.lags(endpoint.id) && !(isDue(endpoint) && isTime(endpoint))) continue
        await unlessAway(endpoint, signal, () =>
          turns.run(endpoint.id, signal, either => bring(endpoint, either)),
        )
      }
    },
    sweep: atRouter.sweep,
    state,
    describe: endpoint => describeCertificate(endpoint.tls, state(endpoint), now()),
    authority: async () => (await ownAuthority(sources)).certificate,
  }
}

/** Of no authority's doing, so that it does not count as a failure of one. */
function modified(hostname: Hostname): Problem {
  return new Problem('cancelled', {
    headline: `Another certificate is put in place for ${hostname}`,
    saw: 'The endpoint was modified while its certificate was being obtained.',
    hint: '`fairlead endpoints` shows what it has now.',
  })
}

function destroyed(hostname: Hostname): Problem {
  return new Problem('not-found', {
    headline: `No certificate is needed for ${hostname} any more`,
    saw: 'The endpoint was destroyed while its certificate was being obtained.',
    hint: `\`fairlead endpoints:create ${hostname}\` makes it anew.`,
  })
}
