// Who did what, when, from which key and address.
import { may } from '../domain/member.ts'
import { authorisedApp, authorisedEnvironment, limitOf, namedApp, text } from './call.ts'
import type { Call, Command } from './command.ts'

const ASKED = { name: 'activity', action: 'activity:see' } as const

const activity: Command = {
  name: 'activity',
  summary: 'List who changed what or read secrets, when, from which key and address',
  options: {
    app: { type: 'string', value: 'APP', help: 'only what was about this app' },
    environment: { type: 'string', value: 'ENV', help: 'only what was about this environment' },
    limit: { type: 'string', value: 'N', help: 'how many (default 20)' },
  },
  scope: 'gateway',
  // Which environments may be looked at depends on the options: `chosen` asks.
  action: 'self:manage',
  lists: true,
  async run(call) {
    const { gateway, options, output } = call
    const { environments, app } = chosen(call)
    const rows = gateway.ground.store.activity.list(environments, app, limitOf(activity, options.limit, 20))
    const json = options.json === true
    output.rows(
      rows.map(row => {
        const given = row.options.map(name => `--${name}`)
        const about = [row.environment, row.app].filter(part => part !== null).join('/')
        return {
          time: row.createdAt,
          actor: row.actor,
          ...(json
            ? { command: row.command, words: row.words, options: row.options }
            : { command: [row.command, ...row.words, ...given].join(' ') }),
          about: about || row.stack,
          outcome: row.outcome ?? 'running',
          key: row.key,
          address: row.address,
        }
      }),
      'Nothing that you may see: activity is for admins of an environment, and for operators.',
    )
  },
}

/** @throws Problem `app-not-found`, `environment-not-found`, `forbidden`, `usage` */
function chosen(call: Call): { environments: readonly number[] | null; app: string | null } {
  const { gateway, actor, options, context } = call
  const { store } = gateway.ground
  const environment = text(options.environment)
  if (options.app !== undefined) {
    const app = authorisedApp(store, actor, ASKED, namedApp(call, ASKED, context))
    return { environments: [app.environmentId], app: app.name.app }
  }
  if (environment !== undefined) {
    return { environments: [authorisedEnvironment(store, actor, ASKED, environment).id], app: null }
  }
  if (actor.member.operator) return { environments: null, app: null }
  const seen = store.environments.list().filter(({ id }) => may(actor, 'activity:see', id))
  return { environments: seen.map(({ id }) => id), app: null }
}

export const activityCommands: readonly Command[] = [activity]
