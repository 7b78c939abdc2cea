// What a worker of HAProxy does, as it says itself, and how that compares with routes. Pure.
import type { Hostname } from '../domain/endpoint.ts'
import type { Route } from '../domain/router.ts'
import { slotOf } from './haproxy-config.ts'
import { type Slot, sameServers, serving } from './slots.ts'

export interface Seen {
  /** Hostname → backend. */
  readonly hosts: ReadonlyMap<string, string>
  readonly secure: ReadonlyMap<string, string>
  /** Of each backend, by its number. */
  readonly slots: ReadonlyMap<number, readonly Slot[]>
}

/** In the order of the slots. */
export function routesOf({ hosts, secure, slots }: Seen): readonly Route[] {
  const routes = [...hosts].flatMap(([hostname, backend]): Route[] => {
    const slot = slotOf(backend)
    if (slot === null) return []
    const servers = serving(slots.get(slot) ?? [])
    return [{ hostname: hostname as Hostname, slot, servers, secure: secure.has(hostname) }]
  })
  return routes.sort((one, other) => one.slot - other.slot)
}

/** Those of the first that are not among the others just so. */
export function differing(some: readonly Route[], others: readonly Route[]): readonly Route[] {
  const byName = new Map(others.map(route => [route.hostname, route]))
  return some.filter(one => {
    const other = byName.get(one.hostname)
    const same = other?.slot === one.slot && other.secure === one.secure
    return !(same && sameServers(one.servers, other.servers))
  })
}

export function describe({ hostname, slot, servers, secure }: Route): string {
  const addresses = servers.map(({ address, port }) => `${address}:${port}`).join(', ')
  return `${hostname}${secure ? ' (over HTTPS)' : ''} in slot ${slot} to ${addresses || 'none'}`
}
