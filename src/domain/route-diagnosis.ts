// In what the router differs from the record and from what runs, and whether endpoints have their certificates. Pure, a
// part of `diagnosis.ts`.
import type { App } from './app.ts'
import type { Container } from './container.ts'
import type { Endpoint } from './endpoint.ts'
import type { Finding } from './finding.ts'
import type { Release } from './release.ts'
import { routeOf } from './route.ts'
import type { Route, Server } from './router.ts'
import type { Services } from './service.ts'

export interface RecordedEndpoint {
  readonly endpoint: Endpoint
  /** Of its certificate, ISO 8601, as is the next; null when there is none. */
  readonly certificate: { readonly notBefore: string; readonly notAfter: string } | null
}

export type RouterSeen =
  | { readonly state: 'silent'; readonly saw: string }
  | { readonly state: 'answers'; readonly routes: readonly Route[] }

/** An app that nothing goes on about. */
export interface RoutedApp {
  readonly app: App
  readonly live: Release | null
  readonly services: Services
  readonly endpoints: readonly RecordedEndpoint[]
  /** Null where the engine does not tell, or the router does not reach it. */
  readonly containers: readonly Container[] | null
}

/** @param known hostnames of all endpoints, those of apps that are not judged too */
export function routeFindings(
  apps: readonly RoutedApp[],
  known: ReadonlySet<string>,
  router: RouterSeen,
): Finding[] {
  if (router.state === 'silent') return known.size === 0 ? [] : [{ kind: 'router-silent', saw: router.saw }]
  const seen = new Map(router.routes.map(route => [route.hostname, route] as const))
  return [
    ...apps.flatMap(({ app, live, services, endpoints, containers }) =>
      containers === null
        ? []
        : endpoints.flatMap(({ endpoint }) => {
            const expected = routeOf(endpoint, containers, live, services)
            return comparison(app, expected, seen.get(endpoint.hostname))
          }),
    ),
    ...router.routes
      .filter(({ hostname }) => !known.has(hostname))
      .map(({ hostname }) => ({ kind: 'route-extra', hostname }) as const),
  ]
}

function comparison(app: App, expected: Route, seen: Route | undefined): Finding[] {
  const { hostname } = expected
  if (seen === undefined) return [{ kind: 'route-missing', app, hostname }]
  const [wanted, found] = [places(expected.servers), places(seen.servers)]
  const same = wanted === found && expected.secure === seen.secure && expected.slot === seen.slot
  return same ? [] : [{ kind: 'route-differs', app, hostname, wanted, found }]
}

/** `10.0.0.2:80 10.0.0.3:80`, in no order that means anything to the router. */
function places(servers: readonly Server[]): string {
  return servers
    .map(({ address, port }) => `${address}:${port}`)
    .sort()
    .join(' ')
}

/** Milliseconds. A certificate ends soon in its last sixth, of a long one in the last two weeks. */
const SOON = 14 * 24 * 3600 * 1000
const SHARE = 6

export function certificateFindings(
  { app, endpoints }: Pick<RoutedApp, 'app' | 'endpoints'>,
  now: Date,
): Finding[] {
  return endpoints.flatMap(({ endpoint, certificate }): Finding[] => {
    if (endpoint.tls === 'off') return []
    if (certificate === null) return [{ kind: 'certificate-missing', app, endpoint }]
    const [begin, end] = [Date.parse(certificate.notBefore), Date.parse(certificate.notAfter)]
    const soon = end - now.getTime() < Math.min(SOON, (end - begin) / SHARE)
    return soon ? [{ kind: 'certificate-ends', app, endpoint, notAfter: certificate.notAfter }] : []
  })
}
