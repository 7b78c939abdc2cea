// What an ACME authority answers instead of doing what it was asked (RFC 8555, section 6.7).

export class Refusal extends Error {
  /** `unauthorized`, `rateLimited` and the like; null when it is none of ACME's. */
  readonly kind: string | null
  /** Of HTTP; null for the outcome of a challenge. */
  readonly status: number | null
  /** Seconds to wait, null when it does not say. */
  readonly wait: number | null

  /** @param detail what it says, in a stranger's words */
  constructor(kind: string | null, detail: string, status: number | null = null, wait: number | null = null) {
    super(detail)
    this.kind = kind
    this.status = status
    this.wait = wait
  }
}

const KIND = 'urn:ietf:params:acme:error:'

/** @param document a problem document: the body of an answer, or the error that is kept with a challenge */
export function refusalOf(
  document: unknown,
  status: number | null = null,
  wait: number | null = null,
): Refusal {
  const { type, detail } = (document ?? {}) as { type?: unknown; detail?: unknown }
  const kind = typeof type === 'string' && type.startsWith(KIND) ? type.slice(KIND.length) : null
  return new Refusal(kind, typeof detail === 'string' ? detail : '', status, wait)
}
