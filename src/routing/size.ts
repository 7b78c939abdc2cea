// How many backends and slots HAProxy is started with. Doubled when they run out, never made smaller: each step costs a
// reload, and an empty slot costs a few kilobytes.
import type { Route } from '../domain/router.ts'
import type { Size } from './haproxy-config.ts'

export const FIRST_SIZE: Size = { pool: 32, width: 8 }
/** Wider than this only for an app that has that many containers. */
const WIDEST = 64

export function fits(size: Size, routes: readonly Route[]): boolean {
  return routes.every(({ slot, servers }) => slot < size.pool && servers.length <= size.width)
}

/** Room for these routes, and for a switch of each. */
export function enlarge(now: Size, routes: readonly Route[]): Size {
  const slots = 1 + Math.max(-1, ...routes.map(({ slot }) => slot))
  const servers = Math.max(0, ...routes.map(route => route.servers.length))
  return { pool: doubled(now.pool, slots), width: doubled(now.width, 2 * servers) }
}

/**
 * For when no slot was free. A size that had room for a switch ran out because slots drain: it is made wider within
 * limits, and beyond them the reload alone frees the slots.
 */
export function widen(now: Size, routes: readonly Route[]): Size {
  const roomy = enlarge(now, routes)
  const same = roomy.pool === now.pool && roomy.width === now.width
  return same && now.width < WIDEST ? { ...now, width: 2 * now.width } : roomy
}

function doubled(size: number, least: number): number {
  return size >= least ? size : doubled(2 * size, least)
}
