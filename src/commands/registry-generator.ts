// Generators: images that, given a configuration of their own, write credentials for a registry.
import { formatAppName, parseHandle } from '../domain/app.ts'
import { type Config, checkConfig } from '../domain/config.ts'
import type { Generator } from '../domain/generator.ts'
import { normaliseHost, parseImageReference } from '../domain/image-reference.ts'
import { authorise } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import { parseDuration } from '../domain/quantity.ts'
import { text, usage } from './call.ts'
import type { AppCall, Command } from './command.ts'
import { currentActor } from './current-actor.ts'
import { parseEnvFile } from './env-file.ts'
import { wholeText } from './first-line.ts'

const MAX_FILE = 2 * 1024 * 1024
const HOUR = 3600
const LONGEST_TTL = 24 * HOUR
const TIMEOUT = 60
const LONGEST_TIMEOUT = 600

export const generatorCommand: Command = {
  name: 'registry:generator',
  summary: 'Run an image that writes credentials, for registries whose passwords end after some hours',
  usage: 'NAME --image IMAGE',
  words: { least: 1, most: 1 },
  options: {
    image: { type: 'string', value: 'IMAGE', help: 'the image; it is given one argument, the file to write' },
    'env-file': { type: 'string', value: 'FILE', help: 'its variables: a .env file, or standard input (-)' },
    ttl: {
      type: 'string',
      value: 'TIME',
      help: 'how long what it wrote is used: 30m, 11h, at most 24h (default: one deploy)',
    },
    host: { type: 'string', value: 'HOST', help: 'run it for this registry only' },
    timeout: { type: 'string', value: 'TIME', help: 'how long a run may take: 1s to 10m (default 1m)' },
    'add-docker': { type: 'boolean', help: "give it the engine's socket (operators only)" },
    remove: { type: 'boolean', help: 'remove it' },
  },
  scope: 'app',
  action: 'registry:write',
  async run(call) {
    const name = parseHandle(call.words[0] ?? '', 'generator')
    if (call.options.remove === true) remove(call, name)
    else await set(call, name)
  },
}

async function set(call: AppCall, name: string): Promise<void> {
  const { gateway, app, options, output } = call
  const { store } = gateway.ground
  const image = text(options.image)
  if (image === undefined) throw usage(generatorCommand, 'It needs --image IMAGE, or --remove.')
  parseImageReference(image, 'Name it so behind --image.')
  const addDocker = options['add-docker'] === true
  const shown = {
    name,
    image,
    addDocker,
    ttl: seconds(options.ttl, 0, 0, LONGEST_TTL, '--ttl is a time from 0s to 24h, for example 11h.'),
    timeout: seconds(
      options.timeout,
      TIMEOUT,
      1,
      LONGEST_TIMEOUT,
      '--timeout is a time from 1s to 10m, for example 90s.',
    ),
    host: parseHost(text(options.host)),
  }
  const env = await readVariables(call)

  // Only now: the variables may have been long in coming.
  const actor = currentActor(store, call.actor)
  call.authorised()
  if (addDocker) authorise(actor, 'generator:add-docker', { kind: 'gateway' })
  const replaces = store.registryGenerators.list(app.id).some(each => each.name === name)
  store.registryGenerators.put(app.id, { ...shown, env }, actor.member.name)
  const what = replaces ? 'replaced' : 'set'
  output.line(
    `Generator ${name} ${what} for ${formatAppName(app.name)}: ${describeGenerator({ ...shown, env })}.`,
  )
  if (addDocker) {
    output.line(
      `Who controls the image ${image} controls the machine of the stack ${app.stack} from now on, and every container on it.`,
    )
  }
}

function remove({ gateway, app, output }: AppCall, name: string): void {
  const { registryGenerators } = gateway.ground.store
  if (registryGenerators.remove(app.id, name)) {
    output.line(`Generator ${name} removed from ${formatAppName(app.name)}.`)
    return
  }
  const names = registryGenerators.list(app.id).map(each => each.name)
  throw new Problem('not-found', {
    headline: `${formatAppName(app.name)} has no generator ${name}`,
    saw: names.length === 0 ? 'It has none.' : `It has: ${names.join(', ')}`,
    hint: '`fairlead registry:list` lists them.',
  })
}

/** `acme/ecr:1, for quay.io, used for 11h, with AWS_REGION`: of its variables the names only. */
export function describeGenerator({ image, host, ttl, env, addDocker }: Omit<Generator, 'id'>): string {
  return [
    image,
    `for ${host ?? 'any registry'}`,
    ttl === 0 ? 'run at every deploy' : `used for ${formatSeconds(ttl)}`,
    env.size === 0 ? 'without variables' : `with ${[...env.keys()].sort().join(', ')}`,
    ...(addDocker ? ["with the engine's socket"] : []),
  ].join(', ')
}

function formatSeconds(time: number): string {
  if (time % HOUR === 0) return `${time / HOUR}h`
  return time % 60 === 0 ? `${time / 60}m` : `${time}s`
}

function seconds(
  option: string | boolean | undefined,
  fallback: number,
  least: number,
  most: number,
  rule: string,
): number {
  const word = text(option)
  if (word === undefined) return fallback
  const time = word === '0' ? 0 : parseDuration(word)
  if (time === null || time < least || time > most) throw usage(generatorCommand, rule)
  return time
}

function parseHost(word: string | undefined): string | null {
  if (word === undefined) return null
  const host = normaliseHost(word)
  if (host === null) throw usage(generatorCommand, '--host is the host of a registry, for example quay.io.')
  return host
}

/** @throws Problem `usage`, `config-invalid` */
async function readVariables({ options, stdin }: AppCall): Promise<Config> {
  const file = text(options['env-file'])
  if (file === undefined) return new Map()
  if (file !== '-') {
    throw usage(
      generatorCommand,
      'Only the CLI can read a file of yours. Over plain ssh, use --env-file - < FILE.',
    )
  }
  const env = parseEnvFile(await wholeText(stdin, MAX_FILE))
  checkConfig(env)
  return env
}
