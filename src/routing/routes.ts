// Makes the HAProxy that runs agree with the routes that are wanted: at run time where that can be done, by a reload where
// backends or slots run out, by a start where none runs. What is on disk goes ahead of what is told, so that an HAProxy
// that dies between the two comes back with what was wanted.
import type { Hostname } from '../domain/endpoint.ts'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'
import type { Route } from '../domain/router.ts'
import { planCommands, type Words } from './commands.ts'
import type { Mark } from './haproxy-config.ts'
import type { Instance } from './instance.ts'
import { readMap, readSlots } from './readings.ts'
import { describe, differing, routesOf, type Seen } from './seen.ts'
import { enlarge, FIRST_SIZE, fits, widen } from './size.ts'

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

  const look = async (signal: AbortSignal): Promise<Seen> => {
    const hosts = readMap(await runtime.ask('worker', ['show', 'map', files.hosts], signal))
    const secure = readMap(await runtime.ask('worker', ['show', 'map', files.secure], signal))
    const slots = readSlots(await runtime.ask('worker', ['show', 'stat', -1, 4, -1], signal))
    if (slots === null) throw silent()
    return { hosts, secure, slots }
  }

  const settle = async (mark: Mark, before: Seen, wanted: readonly Route[], signal: AbortSignal) => {
    const ours = instance.isOurs(mark)
    const commands = ours && fits(mark, wanted) ? planCommands(files, before, wanted) : null
    if (commands === null) {
      const size = ours ? widen(mark, wanted) : enlarge(mark, wanted)
      log.info({ ...size, routes: wanted.length }, 'HAProxy is reloaded with another configuration')
      await instance.write(size, wanted)
      await instance.reload(signal)
    } else if (commands.length > 0) {
      await instance.write(mark, wanted, mark.generation)
      await runtime.tell('worker', commands, signal)
    }
    if (commands === null || commands.length > 0) verify(await look(signal), wanted, commands)
  }

  const begin = async (wanted: readonly Route[], signal: AbortSignal) => {
    await instance.write(enlarge((await instance.onDisk()) ?? FIRST_SIZE, wanted), wanted)
    await instance.start(signal)
    verify(await look(signal), wanted, null)
  }

  /** @param next all routes, as they are to be, from those that are in force */
  const change = async (next: (now: readonly Route[]) => readonly Route[], signal: AbortSignal) => {
    let mark = await instance.running(signal)
    if (mark === null) {
      const left = await instance.onDisk()
      if (left === null || !instance.isOurs(left)) return await begin(next([]), signal)
      await instance.start(signal)
      mark = left
    }
    const before = await look(signal)
    await settle(mark, before, next(routesOf(before)), signal)
  }
  const keepAll = (now: readonly Route[]) => now

  return {
    update: (routes, signal) =>
      change(now => {
        const names = new Set(routes.map(({ hostname }) => hostname))
        const slots = new Set(routes.map(({ slot }) => slot))
        return [...now.filter(({ hostname, slot }) => !names.has(hostname) && !slots.has(slot)), ...routes]
      }, signal),
    replace: async (routes, signal) => {
      if ((await instance.running(signal)) === null) await begin(routes, signal)
      else await change(() => routes, signal)
    },
    remove: async (hostname, signal) => {
      if ((await instance.running(signal)) === null && (await instance.onDisk()) === null) return
      await change(now => now.filter(route => route.hostname !== hostname), signal)
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

/** @param told null for a new configuration */
function verify(seen: Seen, wanted: readonly Route[], told: readonly Words[] | null): void {
  const now = routesOf(seen)
  const missing = differing(wanted, now)
  const strange = differing(now, wanted)
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
