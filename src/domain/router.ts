// The seam between the gateway and what sends requests to containers. One implementation drives HAProxy, one is a fake
// for tests. Routes are derived from the record and the engine, always as a whole: telling the router the same again
// changes nothing. Every call may throw Problem `router-missing`, `router-unreachable` or `router-failed`, and
// `signal.reason` when its signal is aborted.
import type { Hostname } from './endpoint.ts'
import type { Secret } from './secret.ts'

/** Where a container answers. */
export interface Server {
  /** IPv4 */
  readonly address: string
  readonly port: number
}

/** What is to become of the requests for one hostname. */
export interface Route {
  readonly hostname: Hostname
  /** The endpoint's. */
  readonly slot: number
  /** Requests are spread over these. None: the router answers by itself that the app is down. */
  readonly servers: readonly Server[]
  /** Whether requests over HTTP are sent on to HTTPS. */
  readonly secure: boolean
}

export interface Router {
  /** Whether it runs and can be told. Starts nothing. */
  answers(signal: AbortSignal): Promise<boolean>
  /**
   * The hostnames of these routes are answered by their servers from now on, those of others as before. A server that
   * is left out gets no new request, and goes on with those that it has (`underWay`). Resolves when the router has been
   * read back and does it.
   */
  update(routes: readonly Route[], signal: AbortSignal): Promise<void>
  /** The same, and no other hostname is answered. Starts the router, or finds the one that runs. */
  replace(routes: readonly Route[], signal: AbortSignal): Promise<void>
  /** Hostname and slot are free again. Missing is success. */
  remove(hostname: Hostname, signal: AbortSignal): Promise<void>
  /** What the router does now, as it says itself, in the order of the slots. */
  seen(signal: AbortSignal): Promise<readonly Route[]>
  /** How many requests and connections are under way to these addresses, those from before a reload among them. */
  underWay(addresses: ReadonlySet<string>, signal: AbortSignal): Promise<number>
  /** Ends those. */
  cut(addresses: ReadonlySet<string>, signal: AbortSignal): Promise<void>
  /** @param pem the chain, leaf first, then its key. In use from the next connection on, also for a renewed one. */
  putCertificate(hostname: Hostname, pem: Secret, signal: AbortSignal): Promise<void>
  /** Missing is success. */
  removeCertificate(hostname: Hostname, signal: AbortSignal): Promise<void>
  /** The hostnames that certificates are kept for, whether the router runs or not. */
  keptCertificates(signal: AbortSignal): Promise<readonly Hostname[]>
  /** Answers `/.well-known/acme-challenge/TOKEN` over HTTP, on every hostname. Both are of `[A-Za-z0-9_.-]`. */
  answerChallenge(token: string, answer: string, signal: AbortSignal): Promise<void>
  /** Missing is success. */
  forgetChallenge(token: string, signal: AbortSignal): Promise<void>
}
