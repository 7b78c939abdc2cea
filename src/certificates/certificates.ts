// Sees to it that every endpoint with TLS has its certificate at the router, and a new one in time. What is known is in
// the record; what the router has is put there from it.
//
// Until an ordered certificate is there, nothing stands in for it: connections to that hostname fail. One that no
// client trusts would serve nobody, and would teach people to click warnings away.
import {
  type Certificate,
  type CertificateState,
  describeCertificate,
  renewalAt,
  retryAt,
} from '../domain/certificate.ts'
import type { Endpoint, EndpointTls, Hostname } from '../domain/endpoint.ts'
import type { Log } from '../domain/log.ts'
import { Problem, type ProblemCode } from '../domain/problem.ts'
import type { Router } from '../domain/router.ts'
import { Secret } from '../domain/secret.ts'
import type { AuthorityKey } from '../store/certificate-keys.ts'
import type { Store } from '../store/store.ts'
import { type Admitted, admit } from './admit.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { Refusal } from './refusal.ts'

export interface AcmeSettings {
  /** `https://…` of the authority's directory. */
  readonly directory: string
  /** Null: nothing can be ordered. Whoever gives one agrees to the authority's terms. */
  readonly email: string | null
  /** PEM certificates of authorities that the directory is trusted by besides the usual ones, null for none. */
  readonly ca: string | null
}

export interface CertificatesOptions {
  readonly store: Pick<Store, 'certificates' | 'certificateKeys' | 'gatewayId'>
  /** Those that there are now. */
  readonly endpoints: () => readonly Endpoint[]
  readonly router: Pick<
    Router,
    'putCertificate' | 'removeCertificate' | 'answerChallenge' | 'forgetChallenge'
  >
  readonly acme: AcmeSettings
  readonly log: Log
  readonly now?: () => Date
}

export interface Certificates {
  /**
   * Whether an endpoint can be made like that: to be asked before anything is written.
   * @param pem what was given with `file`, else null
   * @returns what is to be handed to `ensure`, and lines to show
   * @throws Problem `endpoint-refused`
   */
  admit(hostname: Hostname, tls: EndpointTls, pem: Secret | null): Admitted
  /**
   * Gets a certificate, unless there is one that will do, and puts it to the router. That an authority gives none is
   * no error: the state says so, and it is asked again in time. May take minutes for `acme`.
   * @param given in place of the one that there is
   * @throws Problem of the router; `signal.reason`
   */
  ensure(endpoint: Endpoint, signal: AbortSignal, given?: Certificate | null): Promise<CertificateState>
  /** Off the router, and forgotten. Missing is success. @throws Problem of the router */
  remove(endpoint: Endpoint, signal: AbortSignal): Promise<void>
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
  state(endpoint: Endpoint): CertificateState
  /** One line without a full stop, null for an endpoint without TLS. */
  describe(endpoint: Endpoint): string | null
  /** PEM certificate of the gateway's own authority, which is made at first. */
  authority(): Promise<string>
}

const AWAY: ReadonlySet<ProblemCode> = new Set(['router-missing', 'router-unreachable'])

export function createCertificates(options: CertificatesOptions): Certificates {
  const { store, endpoints, router, acme, log, now = () => new Date() } = options
  const rows = store.certificates
  const turns = oneAtATime()
  const notPut = new Set<number>()

  async function put({ id, hostname }: Endpoint, { chain, key }: Certificate, signal: AbortSignal) {
    notPut.add(id)
    await router.putCertificate(hostname, new Secret(`${chain}${key.reveal()}`), signal)
    notPut.delete(id)
  }

  /** @throws Problem `certificate-failed`; Problem of the router; `signal.reason` */
  async function obtain({ hostname, tls }: Endpoint, signal: AbortSignal): Promise<Certificate> {
    // Loaded when they are needed: together they take a third of a second and much memory.
    if (tls === 'internal') {
      const { issue } = await import('./authority.ts')
      return issue(await ownAuthority(), hostname, now())
    }
    const { obtainAcme } = await import('./obtain-acme.ts')
    if (acme.email === null) throw emailGone(hostname)
    const { directory, email, ca } = acme
    const ordering = { directory, email, ca, accounts: store.certificateKeys, router }
    return obtainAcme(ordering, hostname, signal, now)
  }

  async function ownAuthority(): Promise<AuthorityKey> {
    const { certificateKeys, gatewayId } = store
    const kept = certificateKeys.authority()
    if (kept !== null) return kept
    const { makeAuthority } = await import('./authority.ts')
    const made = await makeAuthority(`Fairlead gateway ${gatewayId}`, now())
    certificateKeys.keepAuthority(made)
    return certificateKeys.authority() ?? made
  }

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

  async function bring(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    if (isDue(endpoint)) await renew(endpoint, signal)
    const kept = isThere(endpoint) ? rows.of(endpoint.id) : null
    if (kept !== null) await put(endpoint, kept, signal)
  }

  async function renew(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    try {
      const certificate = await obtain(endpoint, signal)
      if (!isThere(endpoint)) return
      rows.keep(endpoint.id, certificate)
      log.info({ hostname: endpoint.hostname, until: certificate.notAfter }, 'a certificate was obtained')
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'certificate-failed')) throw error
      log.warn({ hostname: endpoint.hostname, error }, 'no certificate was obtained')
      if (isThere(endpoint)) noteTrouble(endpoint, error)
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
  async function unlessAway({ hostname }: Endpoint, signal: AbortSignal, work: () => Promise<void>) {
    try {
      await work()
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Problem && AWAY.has(error.code)) throw error
      log.warn({ hostname, error }, 'a certificate could not be brought to the router')
    }
  }

  function isThere({ id }: Endpoint): boolean {
    return endpoints().some(each => each.id === id)
  }

  const state = ({ id }: Endpoint): CertificateState => ({
    validUntil: rows.of(id)?.notAfter ?? null,
    trouble: rows.trouble(id),
  })

  return {
    admit: (hostname, tls, pem) => admit({ hostname, tls, pem, email: acme.email }, now()),
    async ensure(endpoint, signal, given = null) {
      if (endpoint.tls === 'off') return state(endpoint)
      return turns.run(endpoint.id, signal, async either => {
        if (given !== null) rows.keep(endpoint.id, given)
        await bring(endpoint, either)
        return state(endpoint)
      })
    },
    async remove({ id, hostname, tls }, signal) {
      if (tls === 'off') return
      turns.end(id, destroyed(hostname))
      rows.remove(id)
      notPut.delete(id)
      await router.removeCertificate(hostname, signal)
    },
    async load(signal) {
      for (const endpoint of endpoints()) {
        const kept = endpoint.tls === 'off' ? null : rows.of(endpoint.id)
        if (kept !== null) await unlessAway(endpoint, signal, () => put(endpoint, kept, signal))
      }
    },
    async renewDue(signal) {
      for (const endpoint of endpoints()) {
        if (!notPut.has(endpoint.id) && !(isDue(endpoint) && isTime(endpoint))) continue
        await unlessAway(endpoint, signal, () =>
          turns.run(endpoint.id, signal, either => bring(endpoint, either)),
        )
      }
    },
    state,
    describe: endpoint => describeCertificate(endpoint.tls, state(endpoint), now()),
    authority: async () => (await ownAuthority()).certificate,
  }
}

function emailGone(hostname: Hostname): Problem {
  return new Problem('certificate-failed', {
    headline: `The certificate of ${hostname} cannot be ordered any more`,
    saw: 'FAIRLEAD_ACME_EMAIL is not set.',
    hint: 'Set it again, and start the gateway again.',
  })
}

function destroyed(hostname: Hostname): Problem {
  return new Problem('not-found', {
    headline: `No certificate is needed for ${hostname} any more`,
    saw: 'The endpoint was destroyed while its certificate was being obtained.',
    hint: `\`fairlead endpoints:create ${hostname}\` makes it anew.`,
  })
}
