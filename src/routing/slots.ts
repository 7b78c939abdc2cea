// A switch, decided: which slots of a backend get which container, and what HAProxy has to be told for it. Pure.
import type { Server } from '../domain/router.ts'

export interface Slot {
  /** `s1`… */
  readonly name: string
  readonly server: Server
  /** `drain`: what is under way goes on and nothing new comes. `maint`: nothing at all, so that it is free. */
  readonly state: 'ready' | 'drain' | 'maint'
  /** Requests and connections under way. */
  readonly sessions: number
}

/** What to do to one slot. */
export type Step =
  | { readonly slot: string; readonly set: 'ready' | 'drain' | 'maint' }
  | { readonly slot: string; readonly address: Server }

/**
 * New containers are ready before old ones drain, so that at every moment one of them takes requests. A container that
 * comes back takes its draining slot again: two slots for one would count twice.
 *
 * @returns null when there is no slot for one of them
 */
export function planSwitch(slots: readonly Slot[], wanted: readonly Server[]): readonly Step[] | null {
  const keys = new Set(wanted.map(serverKey))
  const kept = new Map<string, Slot>()
  for (const slot of [...slots].sort(readyFirst)) {
    const key = serverKey(slot.server)
    if (keys.has(key) && !kept.has(key)) kept.set(key, slot)
  }
  const staying = new Set(kept.values())
  const others = slots.filter(slot => !staying.has(slot))
  const free = others.filter(isFree).sort(emptyFirst)
  const fresh = [...keys].filter(key => !kept.has(key))
  if (fresh.length > free.length) return null

  const steps: Step[] = []
  for (const slot of staying) {
    if (slot.state !== 'ready') steps.push({ slot: slot.name, set: 'ready' })
  }
  const taken = new Set<Slot>()
  for (const key of fresh) {
    const slot = free[taken.size] as Slot
    taken.add(slot)
    if (slot.state !== 'maint') steps.push({ slot: slot.name, set: 'maint' })
    steps.push({ slot: slot.name, address: wanted.find(server => serverKey(server) === key) as Server })
    steps.push({ slot: slot.name, set: 'ready' })
  }
  for (const slot of others) {
    if (taken.has(slot)) continue
    if (slot.state === 'ready') steps.push({ slot: slot.name, set: 'drain' })
    if (slot.state === 'drain' && slot.sessions === 0) steps.push({ slot: slot.name, set: 'maint' })
  }
  return steps
}

export const serverKey = ({ address, port }: Server) => `${address}:${port}`

/** The containers that new requests go to, in the order of the slots. */
export function serving(slots: readonly Slot[]): readonly Server[] {
  return slots.filter(({ state }) => state === 'ready').map(({ server }) => server)
}

export function sameServers(some: readonly Server[], others: readonly Server[]): boolean {
  const keys = new Set(some.map(serverKey))
  const otherKeys = new Set(others.map(serverKey))
  return keys.size === otherKeys.size && [...keys].every(key => otherKeys.has(key))
}

function isFree({ state, sessions }: Slot): boolean {
  return state === 'maint' || (state === 'drain' && sessions === 0)
}

const RANK = { ready: 0, drain: 1, maint: 2 } as const
const readyFirst = (one: Slot, other: Slot) => RANK[one.state] - RANK[other.state]
const emptyFirst = (one: Slot, other: Slot) => RANK[other.state] - RANK[one.state]
