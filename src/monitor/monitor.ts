// What the gateway says of itself: whether it is well, and its numbers. Neither holds a name of a member or a secret.
import { performance } from 'node:perf_hooks'
import type { Operation } from '../domain/operation.ts'
import { appOf, type SeenEngine } from './engine-watch.ts'
import { exposition, type Family, type Sample } from './exposition.ts'

export interface Watched {
  /** @throws when nothing can be written */
  writeToStore(): void
  readonly counts: () => { readonly apps: number; readonly releases: number }
  readonly unfinished: () => readonly Pick<Operation, 'state'>[]
  readonly sshListens: () => boolean
  readonly sshConnections: () => number
  readonly engines: () => Promise<readonly SeenEngine[]>
  /** Counted since the start. */
  readonly families: () => Family[]
}

export interface Health {
  readonly status: 'ok' | 'failing'
  /** What keeps the gateway from working. */
  readonly failing: readonly string[]
  /** What keeps only some apps from being deployed. */
  readonly degraded: readonly string[]
}

export async function readHealth(watched: Watched): Promise<Health> {
  const failing = watched.sshListens() ? [] : ['The SSH server does not listen']
  try {
    watched.writeToStore()
  } catch (error) {
    failing.push(`The database cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
  const degraded = (await watched.engines()).flatMap(({ trouble }) => trouble ?? [])
  return { status: failing.length === 0 ? 'ok' : 'failing', failing, degraded }
}

export async function readMetrics(watched: Watched): Promise<string> {
  const engines = await watched.engines()
  const { apps, releases } = watched.counts()
  const unfinished = watched.unfinished()
  const inState = (state: Operation['state']) => unfinished.filter(each => each.state === state).length
  return exposition([
    ...watched.families(),
    gauge('operations', 'Operations that run or wait for their turn.', [
      { labels: { state: 'running' }, value: inState('running') },
      { labels: { state: 'waiting' }, value: inState('queued') },
    ]),
    gauge('apps', 'Apps there are.', [{ value: apps }]),
    gauge('releases', 'Releases that are remembered, failed ones included.', [{ value: releases }]),
    gauge('containers', 'Containers by state, as last seen on the engines.', containersByState(engines)),
    gauge(
      'engine_up',
      'Whether the engine of a stack answered when it was last asked.',
      engines.map(({ stack, trouble }) => ({ labels: { stack }, value: trouble === null ? 1 : 0 })),
    ),
    gauge('ssh_connections', 'Open connections, also those that have not logged in.', [
      { value: watched.sshConnections() },
    ]),
    gauge('process_resident_memory_bytes', 'Memory of the gateway itself.', [
      { value: process.memoryUsage.rss() },
    ]),
    gauge('process_uptime_seconds', 'Since the gateway was started.', [{ value: performance.now() / 1000 }]),
  ])
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `fairlead_${name}`, help, type: 'gauge', samples }
}

function containersByState(engines: readonly SeenEngine[]): Sample[] {
  const all = engines.flatMap(({ stack, containers }) =>
    containers.map(container => ({ stack, app: appOf(container), state: container.state })),
  )
  const groups = Map.groupBy(all, ({ stack, app, state }) => `${stack} ${app} ${state}`)
  return [...groups.values()].flatMap(group => {
    const [labels] = group
    return labels ? [{ labels, value: group.length }] : []
  })
}
