// A Certificate of an endpoint: how long it is good, when its successor is due, and how its state is told.
import type { EndpointTls } from './endpoint.ts'
import type { Secret } from './secret.ts'

export interface Certificate {
  /** PEM, the endpoint's own first, each followed by the one of its issuer. */
  readonly chain: string
  /** PEM (PKCS #8), without a passphrase. */
  readonly key: Secret
  /** Both ISO 8601, UTC. */
  readonly notBefore: string
  readonly notAfter: string
  /** `internal`, `file`, or the address of the ACME directory that it was ordered from. */
  readonly source: string
}

/** Why there is no certificate, or no new one, and what is done about it. */
export interface CertificateTrouble {
  readonly headline: string
  readonly saw: string
  readonly hint: string
  /** How often it failed one after the other, at least 1. */
  readonly failures: number
  /** ISO 8601, UTC: not asked again by itself before. */
  readonly retryAt: string
}

export interface CertificateState {
  /** ISO 8601, UTC; null when there is none. */
  readonly validUntil: string | null
  readonly trouble: CertificateTrouble | null
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
const MOST_AHEAD = 30 * DAY

/** When its successor is due: with a third of its life left, or 30 days, whichever is later. */
export function renewalAt({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>): Date {
  const [begin, end] = [Date.parse(notBefore), Date.parse(notAfter)]
  return new Date(end - Math.min(MOST_AHEAD, (end - begin) / 3))
}

/**
 * When to ask again after so many failures: an hour, then ever longer, at most a day. Authorities count failures, and
 * shut out whom they count too many of.
 * @param wait seconds that the authority asked for, null for none
 */
export function retryAt(failures: number, wait: number | null, now: Date): Date {
  const pause = Math.min(DAY, HOUR * 2 ** (failures - 1))
  return new Date(now.getTime() + Math.max(pause, (wait ?? 0) * 1000))
}

/** One line without a full stop, null for an endpoint without TLS: `valid until 2026-05-01 12:00 UTC`. */
export function describeCertificate(tls: EndpointTls, state: CertificateState, now: Date): string | null {
  if (tls === 'off') return null
  const { validUntil, trouble } = state
  const failed = trouble === null ? '' : `${trouble.headline}; asked again from ${minute(trouble.retryAt)}`
  if (validUntil === null) return `waiting: ${failed || 'it was not asked for yet'}`
  const left = Date.parse(validUntil) - now.getTime()
  const until = `${left > 0 ? 'valid until' : 'ended on'} ${minute(validUntil)}`
  if (failed !== '') return `${until}; no new one: ${failed}`
  return tls === 'file' && left < MOST_AHEAD ? `${until}: give a new one` : until
}

/** The warning for one given by hand that ends soon, null when there is time. */
export function endsSoon({ notAfter }: Pick<Certificate, 'notAfter'>, now: Date): string | null {
  if (Date.parse(notAfter) - now.getTime() >= MOST_AHEAD) return null
  return `The certificate ends on ${minute(notAfter)}, and the gateway cannot renew it.`
}

function minute(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`
}
