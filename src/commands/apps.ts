// Apps: made, listed, destroyed.
import { destroyApp } from '../deploy/destroy.ts'
import { type App, formatAppName, parseHandle } from '../domain/app.ts'
import { may } from '../domain/member.ts'
import { text } from './call.ts'
import type { Command } from './command.ts'
import { confirm } from './confirmation.ts'
import { withoutWaiting } from './wait-for-client.ts'

export const appCommands: readonly Command[] = [
  {
    name: 'apps',
    aliases: ['apps:list'],
    summary: 'List the apps you may see',
    scope: 'gateway',
    action: 'self:manage',
    lists: true,
    options: { environment: { type: 'string', value: 'ENV', help: 'only those of this environment' } },
    async run({ gateway, actor, options, output }) {
      const { store } = gateway.ground
      const only = text(options.environment)
      const apps = store.apps
        .list()
        .filter(app => may(actor, 'app:see', app.environmentId))
        .filter(app => only === undefined || app.name.environment === only)
      output.rows(
        apps.map(app => ({
          app: formatAppName(app.name),
          stack: app.stack,
          release: app.liveRelease === null ? null : `v${app.liveRelease}`,
          remote: remoteOf(gateway.url, app),
        })),
        'No apps yet: `fairlead apps:create HANDLE --environment ENV` makes one.',
      )
    },
  },
  {
    name: 'apps:create',
    summary: 'Make an app, and its git repository',
    usage: 'HANDLE',
    words: { least: 1, most: 1 },
    scope: 'environment',
    action: 'app:create',
    recorded: { first: 1 },
    async run({ gateway, environment, words, output }) {
      const { store, repositories } = gateway.ground
      const handle = parseHandle(words[0] ?? '', 'app')
      // The repository first: an app without one could never be pushed to, one without its app is only taken up later.
      await repositories.create({ environment: environment.handle, app: handle })
      const app = store.apps.create(environment.id, handle)
      output.line(`App ${handle} created!`)
      output.line(`Git remote: ${remoteOf(gateway.url, app)}`)
    },
  },
  {
    name: 'apps:destroy',
    aliases: ['apps:deprovision'],
    summary: 'Stop an app and delete everything of it: containers, images, config, repository, history',
    options: {
      confirm: { type: 'string', value: 'HANDLE', help: "the app's handle, instead of being asked" },
    },
    scope: 'app',
    action: 'app:destroy',
    async run(call) {
      const { gateway, session, actor, app, authorised, output } = call
      const handle = app.name.app
      await confirm(call, {
        handle,
        warning: `This deletes ${handle} for good: containers, images, config, repository and history.`,
        refused: `${formatAppName(app.name)} was not destroyed`,
        runs: 'Everything, as before.',
      })
      const say = withoutWaiting(session.stderr)
      const { signal } = session
      const request = { kind: 'destroy', subject: handle, actor, say, signal, authorised } as const
      await gateway.operations.run(app, request, run => destroyApp(gateway.ground, app, run))
      output.line(`App ${handle} destroyed.`)
    },
  },
]

/** `ssh://git@host:port/env/app.git` */
function remoteOf(url: string, app: App): string {
  return `${url}/${formatAppName(app.name)}.git`
}
