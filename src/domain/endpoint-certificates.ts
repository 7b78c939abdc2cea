// The seam between endpoints and what gets them their certificates.
import type { Certificate, CertificateState } from './certificate.ts'
import type { Endpoint, EndpointTls, Hostname } from './endpoint.ts'
import type { Secret } from './secret.ts'

/** How an endpoint can have its certificate. */
export interface Admitted {
  /** What was given with `file`, read; else null. */
  readonly given: Certificate | null
  /** Lines to show. */
  readonly warnings: readonly string[]
}

/** Hears line by line how an order goes on, and where it ended when it fails. */
export type Tell = (line: string) => void

export interface EndpointCertificates {
  /**
   * Whether an endpoint can be made like that: asked before anything is written.
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
  ensure(
    endpoint: Endpoint,
    signal: AbortSignal,
    given?: Certificate | null,
    tell?: Tell,
  ): Promise<CertificateState>
  /**
   * Another certificate for an endpoint, in place of the one that it has, if it has one. The router uses it before it is
   * written down: it is never without one in between, and what it does not take changes nothing.
   * @param wish `tls` is not `off`; `given` as `admit` returned it
   * @param write changes the endpoint's row, in one transaction with its certificate
   * @throws Problem `certificate-failed`, of the router, of `write`; `signal.reason`: then all is as it was before
   */
  exchange(
    endpoint: Endpoint,
    wish: { readonly tls: EndpointTls; readonly given: Certificate | null },
    write: () => void,
    signal: AbortSignal,
    tell: Tell,
  ): Promise<void>
  /** Off the router, and forgotten. Missing is success. @throws Problem of the router */
  remove(endpoint: Endpoint, signal: AbortSignal): Promise<void>
  /** One line without a full stop, null for an endpoint without TLS. */
  describe(endpoint: Endpoint): string | null
}
