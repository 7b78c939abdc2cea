// Makes the HAProxy that runs agree with the routes that are wanted: at run time where that can be done, by a reload where
// backends or slots run out, by a start where none runs. What is on disk goes ahead of what is told, so that an HAProxy
// that dies between the two comes back with what was wanted.
import type { Hostname } from '../domain/endpoint.ts'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'
import type { Route } from '../domain/router.ts'
import { planCommands, type Words } from './commands.ts'
import { backendName, type Mark } from './haproxy-config.ts'
import type { Instance } from './instance.ts'
import { readMap, readSlots } from './readings.ts'
import { describe, differing, routesOf, type Seen } from './seen.ts'
import { enlarge, FIRST_SIZE, fits, widen } from './size.ts'
import type { Slot } from './slots.ts'

/** Of the rows that `show stat` has. */
const SERVERS = 4

export interface Routes {
  update(routes: readonly Route[], signal: AbortSignal): Promise<void>
  replace(routes: readonly Route[], signal: AbortSignal): Promise<void>
  remove(hostname: Hostname, signal: AbortSignal): Promise<void>
  seen(signal: AbortSignal): Promise<readonly Route[]>
  /** When this resolves, an HAProxy runs from files that are ours. */
  ready(signal: AbortSignal): Promise<void>
  /** For when files besides the configuration were changed. */
  reload(signal: AbortSignal): Promise<void>
  /** Starts HAProxy again if it does not run. @returns whether it had to */
  mend(signal: AbortSignal): Promise<boolean>
}

export function createRoutes(instance: Instance, log: Log): Routes {
  const { runtime, files } = instance

  /** What was last read back as being in force, by the configuration that HAProxy was started from. */
  let known: { readonly generation: string; readonly routes: readonly Route[] } | null = null

  /** @param only these backends, all when left out: each has many slots, and a switch is about one */
  const look = async (signal: AbortSignal, only?: ReadonlySet<number>): Promise<Seen> => {
    const hosts = readMap(await runtime.ask('worker', ['show', 'map', files.hosts], signal))
    const secure = readMap(await runtime.ask('worker', ['show', 'map', files.secure], signal))
    const slots = new Map<number, readonly Slot[]>()
    for (const backend of only === undefined ? [-1] : [...only].map(backendName)) {
      const read = readSlots(await runtime.ask('worker', ['show', 'stat', backend, SERVERS, -1], signal))
      if (read === null) throw silent()
      for (const [slot, each] of read) slots.set(slot, each)
    }
    return { hosts, secure, slots }
  }

  /** @param only the backends that were looked at. @returns the generation that is in force then */
  const settle = async (
    mark: Mark,
    before: Seen,
    wanted: readonly Route[],
    only: ReadonlySet<number> | undefined,
    signal: AbortSignal,
  ): Promise<string> => {
    const ours = instance.isOurs(mark)
    const commands = ours && fits(mark, wanted) ? planCommands(files, before, wanted) : null
    if (commands === null) {
      const size = ours ? widen(mark, wanted) : enlarge(mark, wanted)
      log.info({ ...size, routes: wanted.length }, 'HAProxy is reloaded with another configuration')
      const generation = await instance.write(size, wanted)
      await instance.reload(signal)
      verify(await look(signal), wanted, null)
      return generation
    }
    if (commands.length > 0) {
      await instance.write(mark, wanted, mark.generation)
      await runtime.tell('worker', commands, signal)
      verify(await look(signal, only), wanted, commands, only)
    }
    return mark.generation
  }

  const begin = async (wanted: readonly Route[], signal: AbortSignal) => {
    known = null
    const generation = await instance.write(enlarge((await instance.onDisk()) ?? FIRST_SIZE, wanted), wanted)
    await instance.start(signal)
    verify(await look(signal), wanted, null)
    known = { generation, routes: wanted }
  }
  /**
   * @param next all routes, as they are to be, from those that are in force
   * @param touched the backends that this is about, where those in force are known; all when left out
   */
  const change = async (
    next: (now: readonly Route[]) => readonly Route[],
    signal: AbortSignal,
    touched?: (now: readonly Route[]) => ReadonlySet<number>,
  ) => {
    let mark = await instance.running(signal)
    if (mark === null) {
      const left = await instance.onDisk()
      if (left === null || !instance.isOurs(left)) return await begin(next([]), signal)
      await instance.start(signal)
      mark = left
    }
    const { pool, generation } = mark
    const trusted = touched !== undefined && known?.generation === generation ? known.routes : null
    const only =
      trusted === null ? undefined : new Set([...(touched?.(trusted) ?? [])].filter(slot => slot < pool))
    known = null
    const before = await look(signal, only)
    const wanted = next(trusted ?? routesOf(before))
    known = { generation: await settle(mark, before, wanted, only, signal), routes: wanted }
  }
  const keepAll = (now: readonly Route[]) => now

  return {
    update: (routes, signal) => {
      const names = new Set(routes.map(({ hostname }) => hostname))
      const slots = new Set(routes.map(({ slot }) => slot))
      const isOneOf = ({ hostname, slot }: Route) => names.has(hostname) || slots.has(slot)
      return change(
        now => [...now.filter(route => !isOneOf(route)), ...routes],
        signal,
        now => new Set([...slots, ...now.filter(isOneOf).map(({ slot }) => slot)]),
      )
    },
    replace: async (routes, signal) => {
      if ((await instance.running(signal)) === null) await begin(routes, signal)
      else await change(() => routes, signal)
    },
    remove: async (hostname, signal) => {
      if ((await instance.running(signal)) === null && (await instance.onDisk()) === null) return
      await change(
        now => now.filter(route => route.hostname !== hostname),
        signal,
        now => new Set(now.filter(route => route.hostname === hostname).map(({ slot }) => slot)),
      )
    },
    seen: async signal => {
      if ((await instance.running(signal)) === null) {
        if ((await instance.onDisk()) === null) return []
        await change(keepAll, signal)
      }
      return routesOf(await look(signal))
    },
    ready: signal => change(keepAll, signal),
    reload: async signal => {
      known = null
      const mark = await instance.running(signal)
      if (mark === null) return await change(keepAll, signal)
      const now = routesOf(await look(signal))
      await instance.write(mark, now)
      await instance.reload(signal)
      verify(await look(signal), now, null)
    },
    mend: async signal => {
      if ((await instance.running(signal)) !== null) return false
      await change(keepAll, signal)
      return true
    },
  }
}

function silent(): Problem {
  return new Problem('router-unreachable', {
    headline: 'HAProxy does not say what it does',
    saw: 'It gave no table of its servers.',
    hint: 'Try again: it may just have been restarted.',
  })
}

/** @param told null for a new configuration. @param only the backends that were looked at, all when left out */
function verify(
  seen: Seen,
  wanted: readonly Route[],
  told: readonly Words[] | null,
  only?: ReadonlySet<number>,
): void {
  const looked = (routes: readonly Route[]) => routes.filter(({ slot }) => only?.has(slot) ?? true)
  const now = looked(routesOf(seen))
  const missing = differing(looked(wanted), now)
  const strange = differing(now, looked(wanted))
  if (missing.length === 0 && strange.length === 0) return
  const text = (routes: readonly Route[]) => routes.map(describe).join('; ') || 'nothing'
  throw new Problem('router-failed', {
    headline: 'HAProxy does not do what it was told',
    saw: [
      `Wanted: ${text(missing)}`,
      `Seen:   ${text(strange)}`,
      `Told:   ${told === null ? 'a new configuration' : told.map(words => words.join(' ')).join('; ')}`,
    ].join('\n'),
    hint: 'Try again. When it stays so, restart HAProxy: the gateway starts it again with all routes.',
  })
}
