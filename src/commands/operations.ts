// What was asked for, by whom, and how it ended; watching one that runs, and ending it.
import { cancelOperation } from '../deploy/cancel.ts'
import { followOperation } from '../deploy/follow.ts'
import type { App } from '../domain/app.ts'
import type { Operation } from '../domain/operation.ts'
import { Problem } from '../domain/problem.ts'
import type { Store } from '../store/store.ts'
import { limitOf } from './call.ts'
import type { Command } from './command.ts'
import { patiently } from './wait-for-client.ts'

/** Milliseconds that a cancel waits for the operation's end. Undoing has no such limit: it goes on. */
const CANCEL_PATIENCE = 10_000

const operations: Command = {
  name: 'operations',
  aliases: ['operation:list'],
  summary: 'List what was asked of an app, by whom, and how it ended',
  options: { limit: { type: 'string', value: 'N', help: 'how many (default 20)' } },
  scope: 'app',
  action: 'app:see',
  lists: true,
  async run({ gateway, app, options, output }) {
    const rows = gateway.ground.store.operations.list(app.id, limitOf(operations, options.limit, 20))
    output.rows(
      rows.map(({ number, kind, state, problem, actor, subject, createdAt, endedAt }) => ({
        operation: number,
        kind,
        state,
        problem,
        actor,
        subject,
        created: createdAt,
        ended: endedAt,
      })),
      'Nothing was asked of this app yet.',
    )
  },
}

export const operationCommands: readonly Command[] = [
  operations,
  {
    name: 'operation:logs',
    summary: 'Print what the actor of an operation saw',
    usage: 'NUMBER',
    words: { least: 1, most: 1 },
    scope: 'app',
    action: 'app:logs',
    async run({ gateway, session, app, words }) {
      const { store } = gateway.ground
      const operation = numbered(store, app, words[0])
      const write = patiently(session.stdout, session.signal)
      for (const line of store.operations.lines(operation.id)) {
        if (session.signal.aborted) break
        await write(`${line}\n`)
      }
    },
  },
  {
    name: 'operation:follow',
    summary: 'Print what the actor of an operation sees, until it ends; the exit status says how',
    usage: '[NUMBER]',
    words: { most: 1 },
    scope: 'app',
    action: 'app:logs',
    async run({ gateway, session, app, authorised, words }) {
      const { ground, operations } = gateway
      const { store } = ground
      const operation = words.length === 0 ? newest(store, app) : numbered(store, app, words[0])
      const print = patiently(session.stdout, session.signal)
      const write = (line: string) => print(`${line}\n`)
      const outcome = await followOperation(store, operations, operation, write, authorised, session.signal)
      return outcome === 'succeeded' ? 0 : 1
    },
  },
  {
    name: 'operation:cancel',
    summary: 'End an operation that runs or waits, whoever asked for it; what runs goes on running',
    usage: 'NUMBER',
    words: { least: 1, most: 1 },
    scope: 'app',
    action: 'operation:cancel',
    async run({ gateway, session, actor, app, words, output }) {
      const { ground, operations } = gateway
      const operation = numbered(ground.store, app, words[0])
      const patience = AbortSignal.any([session.signal, AbortSignal.timeout(CANCEL_PATIENCE)])
      output.line(await cancelOperation(ground.store, operations, app, operation, actor, patience))
    },
  },
]

/** @throws Problem `not-found` */
function numbered(store: Store, app: App, word = ''): Operation {
  const number = /^[0-9]{1,9}$/.test(word) ? Number(word) : 0
  const operation = store.operations.byNumber(app.id, number)
  if (operation !== null) return operation
  throw new Problem('not-found', {
    headline: `There is no operation ${JSON.stringify(word.slice(0, 20))}`,
    hint: '`fairlead operations` lists them with their numbers.',
  })
}

/** @throws Problem `not-found` */
function newest(store: Store, app: App): Operation {
  const [operation] = store.operations.list(app.id, 1)
  if (operation !== undefined) return operation
  throw new Problem('not-found', {
    headline: 'Nothing was asked of this app yet, so there is nothing to follow',
    hint: '`git push` makes the first operation.',
  })
}
