// The commands by which HAProxy is changed at run time, as words. Pure.
import type { Route } from '../domain/router.ts'
import type { RouterFiles } from './files.ts'
import { backendName } from './haproxy-config.ts'
import type { Seen } from './seen.ts'
import { planSwitch, type Step } from './slots.ts'

export type Words = readonly (string | number)[]

/** @returns null when a backend has no free slot for one of its servers */
export function planCommands(
  files: RouterFiles,
  before: Seen,
  wanted: readonly Route[],
): readonly Words[] | null {
  const bySlot = new Map(wanted.map(route => [route.slot, route]))
  const switches: Words[] = []
  for (const [slot, slots] of before.slots) {
    const steps = planSwitch(slots, bySlot.get(slot)?.servers ?? [])
    if (steps === null) return null
    switches.push(...steps.map(step => stepCommand(slot, step)))
  }
  const hosts = new Map(wanted.map(({ hostname, slot }) => [hostname, backendName(slot)]))
  const secure = new Map(wanted.filter(route => route.secure).map(({ hostname }) => [hostname, '1']))
  const named = planMap(files.hosts, before.hosts, hosts)
  const sent = planMap(files.secure, before.secure, secure)
  // A name leaves a backend before another app's containers come into it, and comes to one that has its containers.
  return [...named.gone, ...switches, ...sent.gone, ...sent.put, ...named.put]
}

function stepCommand(slot: number, step: Step): Words {
  const server = `${backendName(slot)}/${step.slot}`
  return 'set' in step
    ? ['set', 'server', server, 'state', step.set]
    : ['set', 'server', server, 'addr', step.address.address, 'port', step.address.port]
}

/** @returns what leaves the map, and what comes in or gets another value */
export function planMap(
  file: string,
  now: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): { readonly gone: readonly Words[]; readonly put: readonly Words[] } {
  const gone = [...now.keys()].filter(key => !wanted.has(key)).map((key): Words => ['del', 'map', file, key])
  const put = [...wanted]
    .filter(([key, value]) => now.get(key) !== value)
    .map(([key, value]): Words => [now.has(key) ? 'set' : 'add', 'map', file, key, value])
  return { gone, put }
}
