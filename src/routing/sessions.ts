// What is under way to containers, in the worker that serves and in those of before a reload.
import { setTimeout as pause } from 'node:timers/promises'
import { Problem } from '../domain/problem.ts'
import type { Words } from './commands.ts'
import { backendName } from './haproxy-config.ts'
import type { Instance } from './instance.ts'
import { readSessions, readSlots } from './readings.ts'

/** Milliseconds in which HAProxy ends what it was told to end. */
const CUT_LIMIT = 10_000
const LOOK_AGAIN = 25

export interface Sessions {
  underWay(addresses: ReadonlySet<string>, signal: AbortSignal): Promise<number>
  cut(addresses: ReadonlySet<string>, signal: AbortSignal): Promise<void>
}

interface Busy {
  readonly pid: number
  /** `fairlead_0/s1` */
  readonly server: string
  readonly sessions: number
}

export function createSessions(instance: Instance): Sessions {
  const { runtime } = instance

  const busy = async (addresses: ReadonlySet<string>, signal: AbortSignal): Promise<readonly Busy[]> => {
    const seen = await instance.processes(signal)
    const workers = seen === null ? [] : [...(seen.worker === null ? [] : [seen.worker]), ...seen.old]
    const found: Busy[] = []
    for (const pid of workers) {
      const slots = readSlots(await toWorker(pid, ['show', 'stat', -1, 4, -1], signal)) ?? new Map()
      for (const [backend, each] of slots) {
        for (const { name, server, sessions } of each) {
          if (sessions === 0 || !addresses.has(server.address)) continue
          found.push({ pid, server: `${backendName(backend)}/${name}`, sessions })
        }
      }
    }
    return found
  }
  /** A worker of before a reload may end at any time, and what it had has ended with it. */
  const toWorker = async (pid: number, words: Words, signal: AbortSignal) => {
    try {
      return await runtime.ask({ pid }, words, signal)
    } catch (error) {
      signal.throwIfAborted()
      const now = await instance.processes(signal)
      if (now === null || (now.worker !== pid && !now.old.includes(pid))) return ''
      throw error
    }
  }

  /** A worker of before a reload ends the sessions of no server, but single ones. */
  const shutdowns = async (
    pid: number,
    servers: readonly string[],
    signal: AbortSignal,
  ): Promise<Words[]> => {
    if ((await instance.processes(signal))?.worker === pid) {
      return servers.map(server => ['shutdown', 'sessions', 'server', server])
    }
    const sessions = readSessions(await toWorker(pid, ['show', 'sess'], signal))
    return sessions
      .filter(({ server }) => servers.includes(server))
      .map(({ id }) => ['shutdown', 'session', id])
  }

  return {
    underWay: async (addresses, signal) =>
      (await busy(addresses, signal)).reduce((sum, { sessions }) => sum + sessions, 0),
    cut: async (addresses, signal) => {
      const limit = Date.now() + CUT_LIMIT
      let left = await busy(addresses, signal)
      while (left.length > 0) {
        if (Date.now() > limit) throw notCut(left)
        for (const pid of new Set(left.map(each => each.pid))) {
          const servers = left.filter(each => each.pid === pid).map(({ server }) => server)
          for (const words of await shutdowns(pid, servers, signal)) await toWorker(pid, words, signal)
        }
        await pause(LOOK_AGAIN, undefined, { signal })
        left = await busy(addresses, signal)
      }
    },
  }
}

function notCut(left: readonly Busy[]): Problem {
  return new Problem('router-failed', {
    headline: 'HAProxy does not end the connections that it was told to end',
    saw: left.map(({ server, sessions }) => `${server}: ${sessions}`).join(', '),
    hint: 'Try again. They end at the latest with the container that they go to.',
  })
}
