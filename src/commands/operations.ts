// What was asked for, by whom, and how it ended.
import { Problem } from '../domain/problem.ts'
import { limitOf } from './call.ts'
import type { Command } from './command.ts'
import { patiently } from './wait-for-client.ts'

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
      const number = /^[0-9]{1,9}$/.test(words[0] ?? '') ? Number(words[0]) : 0
      const operation = store.operations.byNumber(app.id, number)
      if (operation === null) {
        throw new Problem('not-found', {
          headline: `There is no operation ${JSON.stringify((words[0] ?? '').slice(0, 20))}`,
          hint: '`fairlead operations` lists them with their numbers.',
        })
      }
      const write = patiently(session.stdout, session.signal)
      for (const line of store.operations.lines(operation.id)) {
        if (session.signal.aborted) break
        await write(`${line}\n`)
      }
    },
  },
]
