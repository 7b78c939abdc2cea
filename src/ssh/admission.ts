// Counts who is at the door, so that neither one address nor all together can take every place.
import { isIPv6 } from 'node:net'
import type { FrontDoorLimits } from './limits.ts'

export interface Ticket {
  /** The visitor proved who they are: they no longer count as pending. */
  loggedIn(): void
  /** The connection is gone. Harmless to call again. */
  leave(): void
}

export interface Admission {
  /** A ticket, or the name of the limit that is reached. */
  admit(address: string): Ticket | keyof FrontDoorLimits
}

export function createAdmission(limits: FrontDoorLimits): Admission {
  const all = new Map<string, number>()
  const pending = new Map<string, number>()
  let allCount = 0
  let pendingCount = 0

  return {
    admit(address) {
      const group = addressGroup(address)
      if (allCount >= limits.connections) return 'connections'
      if ((all.get(group) ?? 0) >= limits.connectionsPerAddress) return 'connectionsPerAddress'
      if (pendingCount >= limits.pending) return 'pending'
      if ((pending.get(group) ?? 0) >= limits.pendingPerAddress) return 'pendingPerAddress'
      allCount += 1
      pendingCount += 1
      add(all, group, 1)
      add(pending, group, 1)

      let isPending = true
      let isHere = true
      const loggedIn = () => {
        if (!isPending) return
        isPending = false
        pendingCount -= 1
        add(pending, group, -1)
      }
      return {
        loggedIn,
        leave() {
          loggedIn()
          if (!isHere) return
          isHere = false
          allCount -= 1
          add(all, group, -1)
        },
      }
    },
  }
}

function add(counts: Map<string, number>, group: string, change: number): void {
  const count = (counts.get(group) ?? 0) + change
  if (count === 0) counts.delete(group)
  else counts.set(group, count)
}

/**
 * What counts as one address. IPv6 hands every customer a /64, so its first four groups are one visitor; an IPv4
 * address that arrives through an IPv6 socket is still that IPv4 address.
 */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  const bare = address.replace(/%.*$/, '')
  if (!isIPv6(bare)) return address
  const [head = '', tail] = bare.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap =
    tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  const groups = [...left, ...gap, ...right].slice(0, 4)
  return `${groups.map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
