// From the words of a session to a call: which command, its options, what it is about.
import { parseArgs } from 'node:util'
import {
  type App,
  type AppName,
  type Environment,
  formatAppName,
  parseAppPath,
  parseHandle,
} from '../domain/app.ts'
import { type Actor, authorise, may } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import type { Store } from '../store/store.ts'
import type { Call, Command, Option, Options } from './command.ts'

/** Every command that is about an app or an environment takes these. */
const WHERE: Readonly<Record<string, Option>> = {
  app: { type: 'string', value: 'APP', help: 'the app: APP or ENVIRONMENT/APP' },
  environment: { type: 'string', value: 'ENV', help: 'the environment' },
}
const JSON_OPTION: Record<string, Option> = { json: { type: 'boolean', help: 'print JSON' } }
const HELP: Record<string, Option> = { help: { type: 'boolean', short: 'h', help: 'print this help' } }

export function optionsOf(command: Command): Record<string, Option> {
  return {
    ...command.options,
    ...(command.scope === 'gateway' ? {} : WHERE),
    ...(command.lists ? JSON_OPTION : {}),
    ...HELP,
  }
}

export interface Parsed {
  readonly words: string[]
  readonly options: Options
}

/** @throws Problem `usage` */
export function parseWords(command: Command, words: readonly string[]): Parsed {
  const { refuses } = command
  if (refuses && words.some(word => refuses.words.test(word))) throw usage(command, refuses.because)
  const options = optionsOf(command)
  try {
    const { values, positionals } = parseArgs({
      args: command.verbatim ? beforeFirstWord(words, options) : [...words],
      options: Object.fromEntries(
        Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short && { short }) }]),
      ),
      allowPositionals: true,
    })
    const { least = 0, most = command.usage ? Number.POSITIVE_INFINITY : 0 } = command.words ?? {}
    if (values.help !== true) {
      if (positionals.length < least) throw usage(command, `It needs ${command.usage}.`)
      if (positionals.length > most) {
        throw usage(command, `${shorten(positionals[most] ?? '')} is one word too many.`)
      }
    }
    return { words: positionals, options: values as Options }
  } catch (error) {
    if (error instanceof Problem) throw error
    throw usage(command, withoutValues((error as Error).message.split('. ')[0] ?? ''))
  }
}

/** The same with a `--` where the options end: before the first word that is none, nor the value of one. */
function beforeFirstWord(words: readonly string[], options: Record<string, Option>): string[] {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] as string
    if (word === '--') break
    if (!word.startsWith('-')) return [...words.slice(0, at), '--', ...words.slice(at)]
    if (options[word.slice(2)]?.type === 'string') at += 1
  }
  return [...words]
}

/** An unknown option may be a mistyped assignment: what follows its `=` is not repeated. */
function withoutValues(message: string): string {
  return `${message.replace(/=[^']*/g, '=…')}.`.replace(/\.\.$/, '.')
}

/** A word for a message: what follows its `=` may be a value, and is not repeated. */
export function shorten(word: string): string {
  const name = /^[^=]{0,40}/.exec(word)?.[0] ?? ''
  return JSON.stringify(name === word ? name : `${name}…`)
}

export function usage(command: Command, saw: string): Problem {
  return new Problem('usage', {
    headline: `\`${command.name}\` was called with wrong words`,
    saw,
    hint: `fairlead ${command.name}${command.usage ? ` ${command.usage}` : ''} — see \`fairlead help ${command.name}\`.`,
  })
}

/**
 * The app that the options or the remote (`context`) name. Where neither does, the only one that the actor may see,
 * and they are told which: but what destroys is never done to an app that nobody named.
 * @throws Problem `name-invalid`; `usage` when a bare handle fits several; `app-not-found` when it fits none
 */
export function namedApp(
  { gateway, session, actor, options }: Pick<Call, 'gateway' | 'session' | 'actor' | 'options'>,
  { action }: Pick<Command, 'action'>,
  context: AppName | null,
): AppName | null {
  const visible = gateway.ground.store.apps.list().filter(each => may(actor, 'app:see', each.environmentId))
  const app = text(options.app)
  const environment = text(options.environment)
  if (app?.includes('/')) return parseAppPath(app)
  if (app === undefined) {
    const [only] = visible
    const guess = context === null && environment === undefined && action !== 'app:destroy'
    if (guess && only && visible.length === 1) {
      session.stderr.write(`For ${formatAppName(only.name)}, the only app you may see.\n`)
      return only.name
    }
    if (context === null || environment === undefined || environment === context.environment) return context
    return { environment: parseHandle(environment, 'environment'), app: context.app }
  }
  const handle = parseHandle(app, 'app')
  if (environment !== undefined) return { environment: parseHandle(environment, 'environment'), app: handle }
  if (context !== null) return { environment: context.environment, app: handle }
  const fitting = visible.filter(each => each.name.app === handle)
  if (fitting.length > 1) {
    throw new Problem('usage', {
      headline: `More than one app is called ${handle}`,
      saw: fitting.map(each => formatAppName(each.name)).join(', '),
      hint: `Name its environment: --app ENVIRONMENT/${handle}`,
    })
  }
  if (fitting[0]) return fitting[0].name
  authorise(actor, 'app:see', { kind: 'app', label: handle, environmentId: null, exists: false })
  return null
}

/** Looks the app up and asks whether the actor may. @throws Problem `app-not-found`, `forbidden`, `usage` */
export function authorisedApp(
  store: Store,
  actor: Actor,
  command: Pick<Command, 'name' | 'action'>,
  name: AppName | null,
): App {
  if (name === null) {
    throw new Problem('usage', {
      headline: `\`${command.name}\` is about an app, and none is named`,
      hint: 'Add --app ENVIRONMENT/APP, or call it in a checkout with a git remote named aptible.',
    })
  }
  const app = store.apps.find(name)
  const label = formatAppName(name)
  authorise(actor, command.action, {
    kind: 'app',
    label,
    environmentId: app?.environmentId ?? null,
    exists: app !== null,
  })
  if (app === null) throw new Error('authorise let a missing app through')
  return app
}

/** @throws Problem `environment-not-found`, `forbidden`, `usage` */
export function authorisedEnvironment(
  store: Store,
  actor: Actor,
  command: Pick<Command, 'name' | 'action'>,
  handle: string | undefined,
): Environment {
  if (handle === undefined) {
    throw new Problem('usage', {
      headline: `\`${command.name}\` is about an environment, and none is named`,
      hint: 'Add --environment ENV; `fairlead environments` lists yours.',
    })
  }
  const label = parseHandle(handle, 'environment')
  const environment = store.environments.byHandle(label)
  authorise(actor, command.action, {
    kind: 'environment',
    label,
    environmentId: environment?.id ?? null,
    exists: environment !== null,
  })
  if (environment === null) throw new Error('authorise let a missing environment through')
  return environment
}

const MOST_ROWS = 1000

/** How many rows of a history to print. @throws Problem `usage` */
export function limitOf(command: Command, option: string | boolean | undefined, fallback: number): number {
  const word = text(option)
  if (word === undefined) return fallback
  const limit = Number(word)
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS)
    throw usage(command, `--limit is a number from 1 to ${MOST_ROWS}.`)
  return limit
}

export function text(option: string | boolean | undefined): string | undefined {
  return typeof option === 'string' ? option : undefined
}
