// Apps: made, listed, destroyed.

import { destroyApp } from '../deploy/destroy.ts'
import { type App, formatAppName, parseHandle } from '../domain/app.ts'
import { may } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import { text } from './call.ts'
import type { Command } from './command.ts'
import { firstLine } from './first-line.ts'
import { withoutWaiting } from './wait-for-client.ts'

const MAX_ANSWER = 200

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
    async run({ gateway, session, actor, app, authorised, options, output }) {
      const handle = app.name.app
      const answer =
        text(options.confirm) ?? (await ask(session.stdin, session.stderr, handle, session.signal))
      if (answer.trim() !== handle) {
        throw new Problem('not-confirmed', {
          headline: `${formatAppName(app.name)} was not destroyed`,
          saw: answer === '' ? 'No answer.' : `The answer ${JSON.stringify(answer.slice(0, 40))}.`,
          runs: 'Everything, as before.',
          hint: `Type the app's handle, ${handle}, or add --confirm ${handle}.`,
        })
      }
      const say = withoutWaiting(session.stderr)
      const { signal } = session
      const request = { kind: 'destroy', subject: handle, actor, say, signal, authorised } as const
      await gateway.operations.run(app, request, run => destroyApp(gateway.ground, app, run))
      output.line(`App ${handle} destroyed.`)
    },
  },
]

async function ask(
  stdin: NodeJS.ReadableStream,
  stderr: NodeJS.WritableStream,
  handle: string,
  signal: AbortSignal,
): Promise<string> {
  stderr.write(`This deletes ${handle} for good: containers, images, config, repository and history.\n`)
  stderr.write('Type its handle to go on: ')
  return (await firstLine(stdin as import('node:stream').Readable, MAX_ANSWER, signal)) ?? ''
}

/** `ssh://git@host:port/env/app.git` */
export function remoteOf(url: string, app: App): string {
  return `${url}/${formatAppName(app.name)}.git`
}
