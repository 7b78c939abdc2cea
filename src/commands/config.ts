// An app's variables. On an app that runs, a change is a new release.
import { configInForce } from '../deploy/config-in-force.ts'
import { configure } from '../deploy/configure.ts'
import { type Config, nameFault, parseAssignments } from '../domain/config.ts'
import { Problem } from '../domain/problem.ts'
import { quoteWord } from '../domain/words.ts'
import { text, usage } from './call.ts'
import type { AppCall, Call, Command } from './command.ts'
import { parseEnvFile } from './env-file.ts'
import { wholeText } from './first-line.ts'
import { withoutWaiting } from './wait-for-client.ts'

const MAX_FILE = 2 * 1024 * 1024

const set: Command = {
  name: 'config:set',
  aliases: ['config:add'],
  summary: 'Set variables; on an app that runs, this makes a new release',
  usage: 'NAME=VALUE...',
  options: {
    'env-file': {
      type: 'string',
      value: 'FILE',
      help: 'read them from a .env file, or from standard input (-)',
    },
  },
  scope: 'app',
  action: 'config:write',
  recorded: 'assignments',
  async run(call) {
    const changes = new Map([...(await fromFile(call)), ...parseAssignments(call.words)])
    if (changes.size === 0) throw usage(set, 'No variable was given.')
    await change(call, changes, [])
  },
}

const unset: Command = {
  name: 'config:unset',
  aliases: ['config:rm'],
  summary: 'Remove variables; on an app that runs, this makes a new release',
  usage: 'NAME...',
  words: { least: 1 },
  scope: 'app',
  action: 'config:write',
  recorded: 'variables',
  async run(call) {
    const { values } = configInForce(call.gateway.ground.store, call.app)
    const missing = call.words.filter(name => !values.has(name))
    if (missing.length > 0) throw notSet(missing[0] ?? '', values)
    await change(call, new Map(), call.words)
  },
}

export const configCommands: readonly Command[] = [
  {
    name: 'config',
    aliases: ['config:list'],
    summary: 'Print the variables, ready for a shell',
    scope: 'app',
    action: 'config:read',
    options: { json: { type: 'boolean', help: 'print JSON' } },
    async run({ gateway, app, options, output }) {
      const { values } = configInForce(gateway.ground.store, app)
      const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1))
      if (options.json === true) {
        output.line(
          JSON.stringify(Object.fromEntries(sorted.map(([name, value]) => [name, value.reveal()])), null, 2),
        )
        return
      }
      for (const [name, value] of sorted) output.line(`${name}=${quoteWord(value.reveal())}`)
    },
  },
  {
    name: 'config:get',
    summary: 'Print the value of one variable',
    usage: 'NAME',
    words: { least: 1, most: 1 },
    scope: 'app',
    action: 'config:read',
    recorded: 'variables',
    async run({ gateway, app, words, output }) {
      const { values } = configInForce(gateway.ground.store, app)
      const value = values.get(words[0] ?? '')
      if (value === undefined) throw notSet(words[0] ?? '', values)
      output.line(value.reveal())
    },
  },
  set,
  unset,
]

async function fromFile({ options, stdin }: Call): Promise<Config> {
  const file = text(options['env-file'])
  if (file === undefined) return new Map()
  if (file !== '-') {
    throw usage(set, 'Only the CLI can read a file of yours. Over plain ssh, use --env-file - < FILE.')
  }
  return parseEnvFile(await wholeText(stdin, MAX_FILE))
}

async function change(call: AppCall, set: Config, unset: readonly string[]): Promise<void> {
  const { gateway, session, actor, app, authorised, output } = call
  const { signal } = session
  const subject = [...set.keys(), ...unset.map(name => `-${name}`)].join(' ')
  const say = withoutWaiting(session.stderr)
  const request = { kind: 'configure', subject, actor, say, signal, authorised } as const
  const outcome = await gateway.operations.run(app, request, run =>
    configure(gateway.ground, app, set, unset, run),
  )
  output.line(
    outcome.release === null
      ? `Stored as config version ${outcome.version}. The app is not deployed yet: it takes effect with the first push.`
      : `Release v${outcome.release} is live with config version ${outcome.version}.`,
  )
}

function notSet(name: string, values: Config): Problem {
  const fault = nameFault(name)
  return new Problem('not-found', {
    headline: fault === null ? `${name} is not set` : `A name ${fault}`,
    saw: values.size === 0 ? 'No variable is set.' : `Set are: ${[...values.keys()].sort().join(', ')}`,
    hint: '`fairlead config` prints all of them.',
  })
}
