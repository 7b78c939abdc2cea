// An Endpoint: a hostname under which requests reach a service of an app, over HTTP or HTTPS.
import type { AppName } from './app.ts'

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

/** `APP.ENV.DOMAIN`: what an app gets that asks for no hostname. Null where that is too long for a hostname. */
export function defaultHostname({ environment, app }: AppName, domain: Hostname): Hostname | null {
  return parseHostname(`${app}.${environment}.${domain}`)
}

/**
 * Whether only another app may have a hostname. Below the gateway's domain the last two labels name an app, whether there
 * is one or not: nobody takes the name of an app that is yet to be made, nor one below it, whose pages could set cookies
 * for it. Names with a single label there are anybody's.
 */
export function isAnothers(hostname: Hostname, own: AppName, domain: Hostname): boolean {
  if (!hostname.endsWith(`.${domain}`)) return false
  const labels = hostname.slice(0, -domain.length - 1).split('.')
  return labels.length >= 2 && labels.slice(-2).join('.') !== `${own.app}.${own.environment}`
}

/** A path as it stands in a request, and at most 200 characters: what `--path` may be. */
export function isRequestPath(text: string): boolean {
  return /^\/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,199}$/.test(text)
}
