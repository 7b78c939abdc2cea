// Git's own commands: among the others, looked up and authorised like them.

import { receivePush } from '../deploy/push.ts'
import { type App, formatAppName } from '../domain/app.ts'
import type { Call, Command } from './command.ts'

/** Packing a large repository takes its time; nobody waits for it. */
const TIDY_MS = 600_000

const transport = ({ gateway, session }: Call, app: App) => ({
  repository: gateway.ground.repositories.path(app.name),
  stdin: session.stdin,
  stdout: session.stdout,
  stderr: session.stderr,
  protocol: session.env.get('GIT_PROTOCOL') ?? null,
  signal: session.signal,
})

export const gitCommands: readonly Command[] = [
  {
    name: 'git-receive-pack',
    summary: 'What `git push` runs',
    usage: 'REPOSITORY',
    words: { least: 1, most: 1 },
    hidden: true,
    scope: 'repository',
    action: 'app:deploy',
    async run(call) {
      const { gateway, session, actor, app, authorised, refused } = call
      const { ground, operations, settings, hooks, git } = gateway
      const ended = Promise.withResolvers<void>()
      const received = git.receivePack({
        ...transport(call, app),
        hooks,
        maxBytes: settings.maxPush,
        onPush: async (push, say) => {
          const { promise } = ended
          const { signal } = session
          const accepted = await receivePush(
            ground,
            operations,
            app,
            actor,
            push,
            promise,
            say,
            signal,
            authorised,
          ).catch(error => {
            refused()
            throw error
          })
          if (!accepted) refused()
          return accepted
        },
      })
      const status = await received.finally(ended.resolve)
      ground.insist(`tidy ${formatAppName(app.name)}`, async stopping => {
        const limit = AbortSignal.any([AbortSignal.timeout(TIDY_MS), stopping])
        await ground.repositories.tidy(app.name, limit).catch(error => {
          // Not tried again: the next push tidies, too.
          if (!stopping.aborted) ground.log.warn({ app: app.name, error }, 'a repository could not be tidied')
        })
      })
      return status
    },
  },
  {
    name: 'git-upload-pack',
    summary: 'What `git clone` and `git fetch` run',
    usage: 'REPOSITORY',
    words: { least: 1, most: 1 },
    hidden: true,
    scope: 'repository',
    action: 'app:fetch',
    run: call => call.gateway.git.uploadPack(transport(call, call.app)),
  },
]
