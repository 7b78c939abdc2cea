// What runs of an app, how it is, and what it uses.
import type { App } from '../domain/app.ts'
import type { Condition, Container, Usage } from '../domain/container.ts'
import type { Engine } from '../domain/engine.ts'
import { containerLabel } from '../domain/rollout.ts'
import { serviceOf } from '../domain/service.ts'
import type { Store } from '../store/store.ts'
import type { Command } from './command.ts'
import { byLabel } from './containers-of.ts'
import type { Row } from './output.ts'

/** Milliseconds for an engine to tell of one container, all being asked at once. */
const PATIENCE = 3000

export interface Seen {
  readonly container: Container
  readonly condition: Condition | null
  readonly usage: Usage | null
}

export const ps: Command = {
  name: 'ps',
  summary: 'List the containers of an app, with their health and what they use',
  options: { 'no-stats': { type: 'boolean', help: 'leave out cpu and memory, which take a second or two' } },
  scope: 'app',
  action: 'app:see',
  lists: true,
  async run({ gateway, session, app, options, output }) {
    const { engine } = gateway.ground.stack(app.stack)
    const containers = (await engine.list(app.name, session.signal)).toSorted(byLabel)
    const stats = options['no-stats'] !== true
    const seen = await lookAt(engine, containers, stats, session.signal)
    output.rows(
      seen.map(options.json === true ? forPrograms : each => forPeople(each, stats)),
      whyNothing(gateway.ground.store, app),
    )
  },
}

function whyNothing(store: Store, app: App): string {
  const live = store.releases.live(app.id)
  if (live === null) return 'Nothing runs yet: `git push` starts the first containers.'
  const services = store.services.of(app.id)
  const first = live.processes[0]?.name ?? 'web'
  return live.processes.every(({ name }) => serviceOf(services, name).count === 0)
    ? `Every service of v${live.number} is scaled to 0: \`fairlead apps:scale ${first}=1\` starts one.`
    : `Nothing runs, although v${live.number} is live: \`fairlead restart\` starts its containers.`
}

/** Asks of all containers at once. What cannot be had in time is null: it must not hide the rest. */
export function lookAt(
  engine: Engine,
  containers: readonly Container[],
  stats: boolean,
  signal: AbortSignal,
  patience = PATIENCE,
): Promise<Seen[]> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(patience)])
  const orNull = <T>(asked: Promise<T | null>) =>
    asked.catch(() => {
      signal.throwIfAborted()
      return null
    })
  return Promise.all(
    containers.map(async container => {
      const { id, state } = container
      const [condition, usage] = await Promise.all([
        orNull(engine.condition(id, inTime)),
        stats && state === 'running' ? orNull(engine.usage(id, inTime)) : null,
      ])
      return { container, condition, usage }
    }),
  )
}

function forPrograms({ container, condition, usage }: Seen): Row {
  return {
    process: containerLabel(container),
    release: `v${container.labels.release}`,
    state: container.state,
    health: condition?.health ?? null,
    restarts: condition?.restarts ?? null,
    cpu: usage === null ? null : Math.round(usage.cpus * 1000) / 1000,
    memory: usage?.memory ?? null,
    address: container.address,
    status: container.status,
    container: container.id.slice(0, 12),
  }
}

function forPeople(seen: Seen, stats: boolean): Row {
  const { usage } = seen
  const { cpu: _, memory: __, health, restarts, address, status, container, ...first } = forPrograms(seen)
  const uses = {
    cpu: usage === null ? null : `${Math.round(usage.cpus * 100)}%`,
    memory: usage === null ? null : size(usage.memory),
  }
  return {
    ...first,
    health: health ?? null,
    restarts: restarts ?? null,
    ...(stats && uses),
    address: address ?? null,
    // Its health stands in a column of its own.
    status: String(status).replace(/ \((?:healthy|unhealthy|health: starting)\)$/, ''),
    container: container ?? null,
  }
}

/** `12.3 MiB`: the units in which limits are set. */
function size(bytes: number): string {
  const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(steps.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const amount = bytes / 1024 ** step
  return `${step === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${steps[step]}`
}
