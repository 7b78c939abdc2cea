// Releases, newest first.
import { text, usage } from './call.ts'
import type { Command } from './command.ts'

const MOST = 1000

/** How many rows of a history to print. @throws Problem `usage` */
export function limitOf(command: Command, option: string | boolean | undefined, fallback: number): number {
  const word = text(option)
  if (word === undefined) return fallback
  const limit = Number(word)
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST)
    throw usage(command, `--limit is a number from 1 to ${MOST}.`)
  return limit
}

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
        operation: release.operation,
        created: release.createdAt,
      })),
      'No releases yet: `git push` makes the first.',
    )
  },
}

export const releaseCommands: readonly Command[] = [releases]
