// What HAProxy says of itself, read: its processes, its slots, its maps. Pure.

import { slotOf } from './haproxy-config.ts'
import type { Slot } from './slots.ts'

export interface Processes {
  /** The worker that takes new connections. Null for a master that has none, or none yet. */
  readonly worker: number | null
  /** Workers of before a reload that end what they have. */
  readonly old: readonly number[]
  /** How many reloads in a row HAProxy could not do. */
  readonly failed: number
}

/** @param text of `show proc` */
export function readProcesses(text: string): Processes | null {
  const failed = /^\d+\s+master\s.*\[failed: (\d+)\]/m.exec(text)?.[1]
  if (failed === undefined) return null
  const [current = '', old = ''] = text.split(/^# old workers$/m)
  const [worker] = workersIn(current)
  return { worker: worker ?? null, old: workersIn(old), failed: Number(failed) }
}

function workersIn(text: string): number[] {
  return [...text.matchAll(/^(\d+)\s+worker\s/gm)].map(([, pid]) => Number(pid))
}

/** @param text of `show stat` for servers. @returns the slots of each backend, by the backend's number; null if it is none */
export function readSlots(text: string): ReadonlyMap<number, readonly Slot[]> | null {
  const [header = '', ...rows] = text.split('\n')
  if (!header.startsWith('# ')) return null
  const columns = header.slice(2).split(',')
  const at = (name: string) => columns.indexOf(name)
  const [backend, name, sessions, queued, status, address] = [
    at('pxname'),
    at('svname'),
    at('scur'),
    at('qcur'),
    at('status'),
    at('addr'),
  ] as [number, number, number, number, number, number]
  const all = new Map<number, Slot[]>()
  for (const row of rows) {
    const cells = row.split(',')
    const slot = slotOf(cells[backend] ?? '')
    const [, host, port] = /^(.*):(\d+)$/.exec(cells[address] ?? '') ?? []
    if (slot === null || host === undefined) continue
    const slots = all.get(slot) ?? []
    slots.push({
      name: cells[name] ?? '',
      server: { address: host, port: Number(port) },
      state: stateOf(cells[status] ?? ''),
      sessions: Number(cells[sessions]) + Number(cells[queued]),
    })
    all.set(slot, slots)
  }
  return all
}

function stateOf(status: string): Slot['state'] {
  if (status.startsWith('MAINT')) return 'maint'
  return status.startsWith('DRAIN') ? 'drain' : 'ready'
}

/** @param text of `show map` */
export function readMap(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^0x[0-9a-f]+ (\S+) (\S+)$/gm)].map(([, key = '', value = '']) => [key, value]),
  )
}

/** @param text of `show sess`. @returns which session goes to which `backend/server` */
export function readSessions(text: string): readonly { readonly id: string; readonly server: string }[] {
  return [...text.matchAll(/^(0x[0-9a-f]+): .*? be=(\S+) srv=(\S+) /gm)].map(
    ([, id = '', backend, server]) => ({
      id,
      server: `${backend}/${server}`,
    }),
  )
}
