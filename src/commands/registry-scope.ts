// Whose credentials a command is about: one app's, or those of every app of an environment or of a stack.
import { type App, formatAppName, parseHandle } from '../domain/app.ts'
import { authorise } from '../domain/member.ts'
import type { RegistryScope } from '../domain/registry-scope.ts'
import { authorisedApp, authorisedEnvironment, namedApp, text, usage } from './call.ts'
import type { Call, Command, Option } from './command.ts'
import { authoriseAgain, currentActor } from './current-actor.ts'

export const WHOSE: Readonly<Record<string, Option>> = {
  app: { type: 'string', value: 'APP', help: 'for this app (the default): APP or ENVIRONMENT/APP' },
  environment: { type: 'string', value: 'ENV', help: 'for every app of the environment (its admins)' },
  stack: { type: 'string', value: 'STACK', help: 'for every app of the stack (operators)' },
}

export interface Whose {
  readonly scope: RegistryScope
  /** Null for an environment or a stack. */
  readonly app: App | null
  /** `my-env/my-app`, `the environment my-env`, `the stack local`. */
  readonly label: string
  /** What names it in a command: `--environment my-env`. */
  readonly option: string
  /** Asks again, of who may now: for what is done after a wait. @throws Problem `forbidden` and its kin */
  readonly authorised: () => void
}

/**
 * Looks up what the words name, and asks whether the actor, as of now, may have to do with its credentials.
 * @throws Problem `usage`, `forbidden`, `app-not-found`, `environment-not-found`
 */
export function whoseCredentials(
  call: Call,
  command: Command,
  action: 'registry:read' | 'registry:write',
): Whose {
  const { options } = call
  const stack = text(options.stack)
  const environment = text(options.environment)
  if (stack !== undefined) {
    if (environment !== undefined || options.app !== undefined)
      throw usage(command, '--stack goes with neither --app nor --environment.')
    return ofStack(call, stack)
  }
  if (environment !== undefined && options.app === undefined) return ofEnvironment(call, command, environment)
  return ofApp(call, command, action)
}

function ofStack(call: Call, word: string): Whose {
  const { store } = call.gateway.ground
  const authorised = () => authorise(currentActor(store, call.actor), 'stack:registry', { kind: 'gateway' })
  authorised()
  const name = parseHandle(word, 'stack')
  return {
    scope: { kind: 'stack', name },
    app: null,
    label: `the stack ${name}`,
    option: `--stack ${name}`,
    authorised,
  }
}

function ofEnvironment(call: Call, { name }: Command, word: string): Whose {
  const { store } = call.gateway.ground
  const asked = { name, action: 'environment:registry' } as const
  const authorised = () => authorisedEnvironment(store, currentActor(store, call.actor), asked, word)
  const { id, handle } = authorised()
  return {
    scope: { kind: 'environment', id },
    app: null,
    label: `the environment ${handle}`,
    option: `--environment ${handle}`,
    authorised,
  }
}

function ofApp(call: Call, { name }: Command, action: 'registry:read' | 'registry:write'): Whose {
  const { store } = call.gateway.ground
  const actor = currentActor(store, call.actor)
  const app = authorisedApp(
    store,
    actor,
    { name, action },
    namedApp({ ...call, actor }, { action }, call.context),
  )
  const label = formatAppName(app.name)
  return {
    scope: { kind: 'app', id: app.id },
    app,
    label,
    option: `--app ${label}`,
    authorised: () => authoriseAgain(store, actor, action, app),
  }
}
