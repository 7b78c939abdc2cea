// Going back to an earlier release.
import { rollback } from '../deploy/rollback.ts'
import { shorten, usage } from './call.ts'
import type { Command } from './command.ts'
import { withoutWaiting } from './wait-for-client.ts'

const back: Command = {
  name: 'rollback',
  summary:
    'Go back to an earlier release: its image and processes, as a new release, without a build or before_release',
  usage: '[vN]',
  words: { most: 1 },
  options: {
    'with-config': {
      type: 'boolean',
      help: "with that release's config too (default: the config in force stays)",
    },
  },
  scope: 'app',
  action: 'app:deploy',
  async run({ gateway, session, actor, app, authorised, words, options, output }) {
    const { ground, operations } = gateway
    const release = words[0] === undefined ? null : numberOf(words[0])
    const seen = ground.store.releases.live(app.id)?.number ?? null
    const withConfig = options['with-config'] === true
    const subject = `${release === null ? `before v${seen ?? 1}` : `v${release}`}${withConfig ? ' with its config' : ''}`
    const say = withoutWaiting(session.stderr)
    const { signal } = session
    const request = { kind: 'rollback', subject, actor, say, signal, authorised } as const
    const live = await operations.run(app, request, run =>
      rollback(ground, app, { release, seen, withConfig }, run),
    )
    output.line(`Release v${live.number} is live: v${live.rollbackOf} again.`)
  },
}

/** @throws Problem `usage` */
function numberOf(word: string): number {
  const number = Number(/^v?([1-9]\d{0,8})$/.exec(word)?.[1])
  if (Number.isNaN(number))
    throw usage(back, `${shorten(word)} is no release: they are called v1, v2 and so on.`)
  return number
}

export const rollbackCommands: readonly Command[] = [back]
