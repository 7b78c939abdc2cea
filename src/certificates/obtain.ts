// Where certificates come from that nobody gives: the gateway's own authority, which is made at first, and that of ACME.
// Both are loaded when they are needed: together they take a third of a second and much memory.
import type { Certificate } from '../domain/certificate.ts'
import type { Endpoint, Hostname } from '../domain/endpoint.ts'
import type { Tell } from '../domain/endpoint-certificates.ts'
import { Problem } from '../domain/problem.ts'
import type { Router } from '../domain/router.ts'
import type { AuthorityKey } from '../store/certificate-keys.ts'
import type { Store } from '../store/store.ts'

export interface AcmeSettings {
  /** `https://…` of the authority's directory. */
  readonly directory: string
  /** Null: nothing can be ordered. Whoever gives one agrees to the authority's terms. */
  readonly email: string | null
  /** PEM certificates of authorities that the directory is trusted by besides the usual ones, null for none. */
  readonly ca: string | null
}

export interface Sources {
  readonly store: Pick<Store, 'certificateKeys' | 'gatewayId'>
  readonly router: Pick<Router, 'answerChallenge' | 'forgetChallenge'>
  readonly acme: AcmeSettings
  readonly now: () => Date
}

/** @throws Problem `certificate-failed`; Problem of the router; `signal.reason` */
export async function obtain(
  sources: Sources,
  { hostname, tls }: Pick<Endpoint, 'hostname' | 'tls'>,
  signal: AbortSignal,
  tell?: Tell,
): Promise<Certificate> {
  const { store, router, acme, now } = sources
  if (tls === 'internal') {
    const { issue } = await import('./authority.ts')
    return issue(await ownAuthority(sources), hostname, now())
  }
  const { obtainAcme } = await import('./obtain-acme.ts')
  if (acme.email === null) throw emailGone(hostname)
  const { directory, email, ca } = acme
  const ordering = { directory, email, ca, accounts: store.certificateKeys, router }
  return obtainAcme(ordering, hostname, signal, now, tell)
}

export async function ownAuthority({ store, now }: Sources): Promise<AuthorityKey> {
  const { certificateKeys, gatewayId } = store
  const kept = certificateKeys.authority()
  if (kept !== null) return kept
  const { makeAuthority } = await import('./authority.ts')
  const made = await makeAuthority(`Fairlead gateway ${gatewayId}`, now())
  certificateKeys.keepAuthority(made)
  return certificateKeys.authority() ?? made
}

function emailGone(hostname: Hostname): Problem {
  return new Problem('certificate-failed', {
    headline: `The certificate of ${hostname} cannot be ordered any more`,
    saw: 'FAIRLEAD_ACME_EMAIL is not set.',
    hint: 'Set it again, and start the gateway again.',
  })
}
