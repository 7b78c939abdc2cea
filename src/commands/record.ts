// Writes down who did what. Which commands, and which of their words, is decided here by one safe rule: a word is kept
// only where its command says that it is a name, and only if it looks like one.
import { OperationFailed } from '../deploy/operation-failed.ts'
import type { ActivityOutcome } from '../domain/activity.ts'
import { type App, type Environment, parseAppPath, parseHandle } from '../domain/app.ts'
import type { Action } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import type { Store } from '../store/store.ts'
import { text } from './call.ts'
import type { Call, Command, Options } from './command.ts'

/** Actions that change nothing and show no secret. */
const LOOKS: ReadonlySet<Action> = new Set([
  'app:see',
  'app:fetch',
  'app:logs',
  'environment:see',
  'stacks:see',
])

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9._/:+=-]{0,99}$/
const MOST_WORDS = 50

export function isRecorded(command: Command, options: Options): boolean {
  const { recorded } = command
  if (typeof recorded === 'object' && 'option' in recorded) return options[recorded.option] !== undefined
  if (recorded !== undefined) return recorded !== 'never'
  return !(command.lists === true || LOOKS.has(command.action))
}

/** Those words that are names, by what the command says of its words: by default none is. */
export function namesAmong({ recorded }: Pick<Command, 'recorded'>, words: readonly string[]): string[] {
  if (recorded === undefined || recorded === 'never') return []
  if (typeof recorded === 'object' && 'option' in recorded) return []
  const names =
    recorded === 'assignments'
      ? words.flatMap(word => /^([^=]*)=/s.exec(word)?.[1] ?? []).filter(name => VARIABLE.test(name))
      : recorded === 'variables'
        ? words.filter(word => VARIABLE.test(word))
        : words.slice(0, recorded.first).filter(word => NAME.test(word))
  return names.slice(0, MOST_WORDS)
}

/** What a call is about, as far as it exists. */
export interface About {
  readonly app?: App | null
  readonly environment?: Environment | null
}

/** What the options name, of a command that looks it up by itself. */
export function aboutOptions(store: Store, command: Command, { options, context }: Call): About {
  const known = command.options ?? {}
  const environment = text(options.environment)
  const app = text(options.app)
  try {
    if (app?.includes('/')) return { app: store.apps.find(parseAppPath(app)) }
    const home = environment ?? context?.environment
    if (home === undefined) return {}
    const handle = app ?? (environment === undefined && 'app' in known ? context?.app : undefined)
    if (handle !== undefined && options.stack === undefined) {
      const name = { environment: parseHandle(home, 'environment'), app: parseHandle(handle, 'app') }
      return { app: store.apps.find(name) }
    }
    return environment === undefined
      ? {}
      : { environment: store.environments.byHandle(parseHandle(environment, 'environment')) }
  } catch (error) {
    // No name at all: the command says so.
    if (error instanceof Problem) return {}
    throw error
  }
}

/**
 * Runs a command that was authorised, between two writes: that it began, and how it ended. What cannot be written
 * down is not begun.
 */
export async function recorded(
  command: Command,
  call: Call,
  { app = null, environment = null }: About,
  run: (refuse: () => void) => Promise<number | undefined>,
): Promise<number | undefined> {
  const { actor, gateway, options, words } = call
  const { store, log } = gateway.ground
  const id = store.activity.begin({
    actor: actor.member.name,
    key: actor.key,
    address: actor.address,
    command: command.name,
    words: namesAmong(command, words),
    options: Object.keys(options).filter(name => options[name] !== undefined),
    environmentId: app?.environmentId ?? environment?.id ?? null,
    environment: app?.name.environment ?? environment?.handle ?? null,
    app: app?.name.app ?? null,
    stack: existingStack(call),
  })
  let refused = false
  let outcome: ActivityOutcome = 'internal'
  try {
    const status = await run(() => {
      refused = true
    })
    outcome = refused || (status ?? 0) !== 0 ? 'failed' : 'ok'
    return status
  } catch (error) {
    const problem = error instanceof OperationFailed ? error.problem : error
    outcome = problem instanceof Problem ? problem.code : 'internal'
    throw error
  } finally {
    try {
      store.activity.finish(id, outcome)
    } catch (error) {
      // What happened has happened.
      log.error({ activity: id, outcome, error }, 'the end of a command could not be recorded')
    }
  }
}

function existingStack({ gateway, options }: Call): string | null {
  const name = text(options.stack)
  if (name === undefined) return null
  try {
    gateway.stacks.get(name)
    return name
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}
