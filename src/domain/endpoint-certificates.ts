// The seam between endpoints and what gets them their certificates.
import type { Endpoint, EndpointTls, Hostname } from './endpoint.ts'
import type { Secret } from './secret.ts'

export interface EndpointCertificates {
  /**
   * Whether an endpoint can be made like that: asked before anything is written.
   * @param pem what was given with `file`, else null
   * @returns what is to be handed to `ensure`, and lines to show
   * @throws Problem `endpoint-refused`
   */
  admit(
    hostname: Hostname,
    tls: EndpointTls,
    pem: Secret | null,
  ): { readonly given: unknown; readonly warnings: readonly string[] }
  /**
   * Gets a certificate, unless there is one that will do, and puts it to the router. May take minutes for `acme`.
   * @throws Problem of the router; `signal.reason`
   */
  ensure(endpoint: Endpoint, signal: AbortSignal, given?: unknown): Promise<unknown>
  /** Missing is success. @throws Problem of the router */
  remove(endpoint: Endpoint, signal: AbortSignal): Promise<void>
  /** One line, null for an endpoint without TLS. */
  describe(endpoint: Endpoint): string | null
}
