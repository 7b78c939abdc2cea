// An Endpoint: a hostname under which requests reach a service of an app, over HTTP or HTTPS.

/** Lower case, without a final dot and without a port: what `parseHostname` let through. */
export type Hostname = string & { readonly __brand: 'Hostname' }

/**
 * Where its certificate comes from: `internal` is signed by the gateway's own authority, `acme` by the authority of
 * the settings, `file` was given by hand. With any but `off`, requests over HTTP are sent on to HTTPS.
 */
export type EndpointTls = 'off' | 'internal' | 'acme' | 'file'

export interface Endpoint {
  readonly id: number
  readonly appId: number
  /** Unique in the gateway. */
  readonly hostname: Hostname
  /** Name of the process that answers. */
  readonly service: string
  /** Null: the lowest one that the image EXPOSEs, else the PORT that the container is told. */
  readonly port: number | null
  /** Path that has to answer with 2xx or 3xx before a candidate serves. Null: any answer below 500 on `/` will do. */
  readonly path: string | null
  readonly tls: EndpointTls
  /** Number of the router's backend for it, from 0. No two endpoints have the same. */
  readonly slot: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** At most 253 characters, labels of `[a-z0-9-]` that neither begin nor end with `-`. */
const HOSTNAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/** @returns null for anything that is no DNS name in lower case; an address (its last label is a number) is none */
export function parseHostname(text: string): Hostname | null {
  return HOSTNAME.test(text) && !/(?:^|\.)\d+$/.test(text) ? (text as Hostname) : null
}
