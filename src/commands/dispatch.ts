// Every exec of every session comes through here: git's commands, people's commands, a bare login.
import type { Writable } from 'node:stream'
import { OperationFailed } from '../deploy/operation-failed.ts'
import { type App, type AppName, parseAppPath } from '../domain/app.ts'
import { authorise } from '../domain/member.ts'
import { Problem, problemLines } from '../domain/problem.ts'
import type { Serve, Session } from '../ssh/session.ts'
import { authorisedApp, authorisedEnvironment, namedApp, parseWords, text } from './call.ts'
import type { AppCall, Call, Command, Gateway } from './command.ts'
import { existingCommand } from './commands.ts'
import { authoriseAgain, currentActor } from './current-actor.ts'
import { greet, helpFor } from './help.ts'
import { createOutput } from './output.ts'
import { type About, aboutOptions, isRecorded, recorded } from './record.ts'
import { wordsFromStdin } from './words-on-stdin.ts'

export function dispatcher(gateway: Gateway): Serve {
  return async session => {
    try {
      return await dispatch(gateway, session)
    } catch (error) {
      if (error instanceof OperationFailed) return 1
      if (!(error instanceof Problem)) throw error
      // Both end on one terminal, where a Problem would otherwise stand between the lines that led to it.
      await taken(session.stdout)
      for (const line of problemLines(error)) session.stderr.write(`${line}\n`)
      return 1
    }
  }
}

/** Resolves when the client has taken what was written so far, or has left. */
function taken(output: Writable): Promise<void> {
  return new Promise(resolve => {
    if (output.writableLength === 0) resolve()
    else output.write('', () => resolve())
  })
}

async function dispatch(gateway: Gateway, opened: Session): Promise<number> {
  const words = await spoken(opened)
  // Only now: words on standard input may be long in coming.
  const session = { ...opened, actor: currentActor(gateway.ground.store, opened.actor) }
  const { context, rest } = splitContext(words)
  const [name, ...args] = rest
  if (name === undefined) {
    greet(gateway, session)
    return 0
  }
  const command = existingCommand(name)
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
    context,
    output: createOutput(session.stdout, parsed.options.json === true),
    refused: () => {},
  }
  const { about, run } = authorisedRun(command, call)
  if (!isRecorded(command, call.options)) return (await run(call)) ?? 0
  return (await recorded(command, call, about, refused => run({ ...call, refused }))) ?? 0
}

interface Authorised {
  readonly about: About
  /** With a call that is the one that was authorised, but for what is to be told on the way. */
  readonly run: (call: Call) => Promise<number | undefined>
}

/**
 * Looks up what a command is about and asks whether the actor may, before it is recorded and runs. `members`, `keys` and
 * `registry:login`, where the question depends on their words, are let in with `self:manage` and ask the same
 * `authorise` themselves.
 */
function authorisedRun(command: Command, call: Call): Authorised {
  const { actor, context, options, words } = call
  const { store } = call.gateway.ground
  switch (command.scope) {
    case 'gateway':
      authorise(actor, command.action, { kind: 'gateway' })
      return { about: aboutOptions(store, command, call), run: called => command.run(called) }
    case 'environment': {
      const handle = text(options.environment) ?? context?.environment
      const environment = authorisedEnvironment(store, actor, command, handle)
      return { about: { environment }, run: called => command.run({ ...called, environment }) }
    }
    case 'app': {
      const app = authorisedApp(store, actor, command, namedApp(call, command, context))
      return { about: { app }, run: called => command.run(aboutApp(called, command, app)) }
    }
    case 'repository': {
      const app = authorisedApp(store, actor, command, parseAppPath(words[0] ?? ''))
      return { about: { app }, run: called => command.run(aboutApp(called, command, app)) }
    }
  }
}

function aboutApp(call: Call, { action }: Command, app: App): AppCall {
  const { store } = call.gateway.ground
  return { ...call, app, authorised: () => authoriseAgain(store, call.actor, action, app) }
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
