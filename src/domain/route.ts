// From the record and what runs to what the router does: pure, so that a route can be derived again at any time and
// compared with the one there is.

import type { Container } from './container.ts'
import type { Endpoint } from './endpoint.ts'
import type { Release } from './release.ts'
import type { Route, Server } from './router.ts'
import { type Services, serves } from './service.ts'

/**
 * The containers that the record names, as far as they run: one that died is left out until it runs again, and one that
 * does not serve yet, or no more, is in no route.
 * @param containers of the app, in whatever state
 * @param live null before the first release
 */
export function routeOf(
  endpoint: Endpoint,
  containers: readonly Container[],
  live: Pick<Release, 'number' | 'processes'> | null,
  services: Services,
): Route {
  const servers = containers
    .filter(({ labels }) => labels.process === endpoint.service && serves(labels, live, services))
    .toSorted((a, b) => a.labels.index - b.labels.index)
    .flatMap(container => serverOf(endpoint, container) ?? [])
  return { hostname: endpoint.hostname, slot: endpoint.slot, servers, secure: endpoint.tls !== 'off' }
}

/**
 * Where a container answers for an endpoint. Null while it does not run, and for one that an earlier version of the
 * gateway made, which did not say its port.
 */
export function serverOf(endpoint: Endpoint, { state, address, labels }: Container): Server | null {
  const port = endpoint.port ?? labels.port
  return state !== 'running' || address === null || port === undefined ? null : { address, port }
}
