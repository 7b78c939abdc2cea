// Every exec of every session comes through here: git's commands, people's commands, a bare login.

import { OperationFailed } from '../deploy/operations.ts'
import { type AppName, parseAppPath } from '../domain/app.ts'
import { type Actor, authorise } from '../domain/member.ts'
import { nearest } from '../domain/nearest.ts'
import { Problem, problemLines } from '../domain/problem.ts'
import type { Serve, Session } from '../ssh/session.ts'
import { authorisedApp, authorisedEnvironment, namedApp, parseWords, shorten, text } from './call.ts'
import type { Call, Command, Gateway } from './command.ts'
import { commands, findCommand } from './commands.ts'
import { greet, helpFor } from './help.ts'
import { createOutput } from './output.ts'
import { wordsFromStdin } from './words-on-stdin.ts'

export function dispatcher(gateway: Gateway): Serve {
  return async session => {
    try {
      return await dispatch(gateway, { ...session, actor: currentActor(gateway, session.actor) })
    } catch (error) {
      if (error instanceof OperationFailed) return 1
      if (!(error instanceof Problem)) throw error
      for (const line of problemLines(error)) session.stderr.write(`${line}\n`)
      return 1
    }
  }
}

async function dispatch(gateway: Gateway, session: Session): Promise<number> {
  const { context, rest } = splitContext(await spoken(session))
  const [name, ...args] = rest
  if (name === undefined) {
    greet(gateway, session)
    return 0
  }
  const command = findCommand(name)
  if (command === null) throw unknownCommand(name)

  const parsed = parseWords(command, args)
  if (parsed.options.help === true) {
    session.stdout.write(helpFor(command))
    return 0
  }
  const call: Call = {
    gateway,
    session,
    actor: session.actor,
    stdin: session.stdin,
    words: parsed.words,
    options: parsed.options,
    output: createOutput(session.stdout, parsed.options.json === true),
  }
  return (await authorisedRun(command, call, context)) ?? 0
}

/**
 * Who logged in, with what they may do now: a connection can outlive the key it was opened with, and a role.
 * @throws Problem `forbidden` when the key was removed
 */
function currentActor({ ground }: Gateway, { key, address }: Actor): Actor {
  const owner = ground.store.members.byKey(key)
  if (owner !== null) return { ...owner, key, address }
  throw new Problem('forbidden', {
    headline: 'The key you logged in with was removed',
    hint: 'Close this connection and log in with another key.',
  })
}

/** The only place where a command's right to run is asked. */
function authorisedRun(command: Command, call: Call, context: AppName | null): Promise<number | undefined> {
  const { actor, options, words } = call
  const { store } = call.gateway.ground
  switch (command.scope) {
    case 'gateway':
      authorise(actor, command.action, { kind: 'gateway' })
      return command.run(call)
    case 'environment': {
      const handle = text(options.environment) ?? context?.environment
      return command.run({ ...call, environment: authorisedEnvironment(store, actor, command, handle) })
    }
    case 'app': {
      const name = namedApp(store, actor, options, context)
      return command.run({ ...call, app: authorisedApp(store, actor, command, name) })
    }
    case 'repository':
      return command.run({ ...call, app: authorisedApp(store, actor, command, parseAppPath(words[0] ?? '')) })
  }
}

function spoken(session: Session): Promise<readonly string[]> | readonly string[] {
  const [first, ...rest] = session.words
  return first === 'words-on-stdin' && rest.length === 0
    ? wordsFromStdin(session.stdin, session.signal)
    : session.words
}

/** A first word `@env/app` is the app of the caller's checkout: the default for commands about an app. */
function splitContext(words: readonly string[]): { context: AppName | null; rest: readonly string[] } {
  const [first, ...rest] = words
  if (first?.startsWith('@')) return { context: parseAppPath(first.slice(1)), rest }
  return { context: null, rest: words }
}

function unknownCommand(name: string): Problem {
  const near = nearest(
    name,
    commands.filter(command => !command.hidden).map(command => command.name),
  )
  return new Problem('unknown-command', {
    headline: `There is no command ${shorten(name)}`,
    hint:
      near === null
        ? '`fairlead help` lists them all.'
        : `Did you mean \`${near}\`? \`fairlead help\` lists them all.`,
  })
}
