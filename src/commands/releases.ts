// Releases, newest first: what they are made of, who made them, and which of them brought an earlier one back.
import { limitOf } from './call.ts'
import type { Command } from './command.ts'

const releases: Command = {
  name: 'releases',
  aliases: ['releases:list'],
  summary: 'List the releases of an app',
  options: { limit: { type: 'string', value: 'N', help: 'how many (default 20)' } },
  scope: 'app',
  action: 'app:see',
  lists: true,
  async run({ gateway, app, options, output }) {
    const { store } = gateway.ground
    const live = store.releases.live(app.id)
    output.rows(
      store.releases.list(app.id, limitOf(releases, options.limit, 20)).map(release => ({
        release: `v${release.number}`,
        state: release.number === live?.number ? 'live' : release.promotedAt === null ? 'failed' : 'retired',
        processes: release.processes.map(({ name }) => name),
        image: release.image.source,
        commit: release.commit.slice(0, 12),
        config: release.configVersion,
        rollback: release.rollbackOf === null ? null : `v${release.rollbackOf}`,
        operation: release.operation,
        actor: store.operations.byNumber(app.id, release.operation)?.actor ?? null,
        created: release.createdAt,
      })),
      'No releases yet: `git push` makes the first.',
    )
  },
}

export const releaseCommands: readonly Command[] = [releases]
