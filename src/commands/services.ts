// The services of an app: how many containers of which size they have, and new containers for them.
import { configInForce } from '../deploy/config-in-force.ts'
import { deploy } from '../deploy/deploy.ts'
import { knownProcess } from '../deploy/known-process.ts'
import { nothingLive, restart } from '../deploy/restart.ts'
import { type ScaleWish, scale } from '../deploy/scale.ts'
import type { OperationKind } from '../domain/operation.ts'
import { isProcessName } from '../domain/procfile.ts'
import { exactSize, parseSize } from '../domain/quantity.ts'
import { type RolloutWay, rolloutOf, serviceOf, sizeOf } from '../domain/service.ts'
import { shorten, text, usage } from './call.ts'
import type { AppCall, Command } from './command.ts'
import { withoutWaiting } from './wait-for-client.ts'

/** As many as a Procfile may have. */
const MOST_WORDS = 50
/** Bytes that an engine asks for. */
const LEAST_MEMORY = 6 * 2 ** 20
const LEAST_CPUS = 0.01

const appsScale: Command = {
  name: 'apps:scale',
  aliases: ['ps:scale'],
  summary: 'Set how many containers the services of an app have, and their size',
  usage: 'PROCESS=COUNT...',
  words: { least: 1, most: MOST_WORDS },
  options: {
    memory: { type: 'string', value: 'SIZE', help: 'of each of their containers: 256MiB' },
    cpus: { type: 'string', value: 'N', help: 'cores that each of them may use: 0.5' },
  },
  scope: 'app',
  action: 'app:deploy',
  recorded: 'assignments',
  async run(call) {
    const { gateway, app, words, output } = call
    const wish: ScaleWish = { counts: readCounts(words), size: readSize(call) }
    const { memory, cpus } = wish.size
    const asked = [
      words.join(' '),
      ...(memory === undefined ? [] : [exactSize(memory)]),
      ...(cpus === undefined ? [] : [`${cpus} cpus`]),
    ].join(', ')
    const { changed, release } = await gateway.operations.run(app, request(call, 'scale', asked), run =>
      scale(gateway.ground, app, wish, run),
    )
    if (!changed) output.line(`Nothing changed: ${asked} already.`)
    else if (release === null) output.line(`Stored: ${asked}. It takes effect with the first push.`)
    else output.line(`v${release} is scaled to ${asked}.`)
  },
}

const services: Command = {
  name: 'services',
  summary: 'List the services of an app: containers, size, how they are replaced, command',
  scope: 'app',
  action: 'app:see',
  lists: true,
  async run({ gateway, app, output }) {
    const { store, stack, routing } = gateway.ground
    const routed = new Set(routing.endpoints(app).map(each => each.service))
    const { limits } = stack(app.stack).stack
    const known = store.services.of(app.id)
    const live = store.releases.live(app.id)
    const listed = live?.processes ?? [...known.keys()].map(name => ({ name, command: null }))
    output.rows(
      listed.map(({ name, command }) => {
        const service = serviceOf(known, name)
        const { memory, cpus } = sizeOf(service, limits)
        const rollout = rolloutOf(service, routed)
        return { process: name, count: service.count, memory: exactSize(memory), cpus, rollout, command }
      }),
      'No services yet: they come with the first push.',
    )
  },
}

const WAYS: ReadonlyMap<string, RolloutWay | null> = new Map([
  ['start-first', 'start-first'],
  ['stop-first', 'stop-first'],
  ['default', null],
])

const settings: Command = {
  name: 'services:settings',
  summary:
    'Set how the containers of a service are replaced: the new ones started first, or the old ones stopped',
  usage: 'PROCESS --rollout start-first|stop-first|default',
  words: { least: 1, most: 1 },
  options: {
    rollout: { type: 'string', value: 'HOW', help: 'default: start-first where it has an endpoint' },
  },
  scope: 'app',
  action: 'app:deploy',
  recorded: { first: 1 },
  async run({ gateway, app, words: [name = ''], options, output }) {
    const { store, routing } = gateway.ground
    const way = WAYS.get(text(options.rollout) ?? '')
    if (way === undefined) {
      throw usage(settings, '--rollout is one of start-first, stop-first and default.')
    }
    const live = store.releases.live(app.id)
    if (live !== null) knownProcess(live, name)
    else if (!isProcessName(name)) throw usage(settings, `${shorten(name)} is no name of a process.`)
    store.services.setRollout(app.id, name, way)
    const routed = new Set(routing.endpoints(app).map(each => each.service))
    const how = rolloutOf(serviceOf(store.services.of(app.id), name), routed)
    output.line(`${name} is replaced ${how} from the next time on.`)
  },
}

const restartCommand: Command = {
  name: 'restart',
  summary: 'Replace the containers of the live release by new ones',
  options: { service: { type: 'string', value: 'NAME', help: 'only those of this one' } },
  scope: 'app',
  action: 'app:deploy',
  async run(call) {
    const { gateway, app, options, output } = call
    const service = text(options.service) ?? null
    if (service !== null && !isProcessName(service)) {
      throw usage(restartCommand, '--service is the name of a process, for example web.')
    }
    const done = await gateway.operations.run(app, request(call, 'restart', service ?? 'all'), run =>
      restart(gateway.ground, app, service, run),
    )
    output.line(
      done.services.length === 0
        ? `Nothing to restart: ${service ?? 'every service'} is scaled to 0.`
        : `v${done.release} runs in new containers: ${done.services.join(', ')}.`,
    )
  },
}

const rebuild: Command = {
  name: 'rebuild',
  summary: 'Deploy the live commit anew, with what its bases or its image tag are now',
  scope: 'app',
  action: 'app:deploy',
  async run(call) {
    const { gateway, app, output } = call
    const { ground } = gateway
    const release = await gateway.operations.run(app, request(call, 'deploy', 'rebuild'), async run => {
      const live = ground.store.releases.live(app.id)
      if (live === null) throw nothingLive('built again')
      const { version, values } = configInForce(ground.store, app)
      const commit = ground.repositories.commit(app.name, live.commit)
      const wish = { app, commit, revision: live.commit, config: values, configVersion: version }
      return deploy(ground, { ...wish, anew: true }, run)
    })
    output.line(`Release v${release.number} is live.`)
  },
}

export const serviceCommands: readonly Command[] = [services, settings, appsScale, restartCommand, rebuild]

function request({ session, actor, authorised }: AppCall, kind: OperationKind, subject: string) {
  const say = withoutWaiting(session.stderr)
  return { kind, subject, actor, say, signal: session.signal, authorised }
}

/** @throws Problem `usage` */
function readCounts(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of words) {
    const [, name = '', count = ''] = /^([^=]+)=([0-9]{1,4})$/.exec(word) ?? []
    if (!isProcessName(name)) {
      throw usage(appsScale, `${shorten(word)} is no PROCESS=COUNT: write it like web=3.`)
    }
    if (counts.has(name)) throw usage(appsScale, `${name} is named twice.`)
    counts.set(name, Number(count))
  }
  return counts
}

/** @throws Problem `usage` */
function readSize({ options }: AppCall): ScaleWish['size'] {
  const memory = text(options.memory)
  const cpus = text(options.cpus)
  const bytes = memory === undefined ? undefined : parseSize(memory)
  if (bytes === null || (bytes !== undefined && bytes < LEAST_MEMORY)) {
    throw usage(appsScale, '--memory is a size of at least 6MiB, for example 256MiB.')
  }
  if (cpus !== undefined && !(/^[0-9]{1,3}(?:\.[0-9]{1,2})?$/.test(cpus) && Number(cpus) >= LEAST_CPUS)) {
    throw usage(appsScale, '--cpus is a number of at least 0.01, for example 0.5.')
  }
  return { ...(bytes !== undefined && { memory: bytes }), ...(cpus !== undefined && { cpus: Number(cpus) }) }
}
