// A deploy without a push: of a stored branch or commit, with config and code in one operation.

import { configInForce } from '../deploy/config-in-force.ts'
import { deploy } from '../deploy/deploy.ts'
import type { App } from '../domain/app.ts'
import { checkConfig, describeChange, mergeConfig, parseAssignments } from '../domain/config.ts'
import { Problem } from '../domain/problem.ts'
import { text } from './call.ts'
import type { Command, Gateway } from './command.ts'
import { withoutWaiting } from './wait-for-client.ts'

export const deployCommands: readonly Command[] = [
  {
    name: 'deploy',
    summary: 'Deploy a stored branch or commit, with changed variables if you like, in one operation',
    usage: '[NAME=VALUE...]',
    options: {
      'git-commitish': {
        type: 'string',
        value: 'REF',
        help: 'branch, tag or commit (default: what is on master or main)',
      },
    },
    scope: 'app',
    action: 'app:deploy',
    recorded: 'assignments',
    async run({ gateway, session, actor, app, authorised, words, options, output }) {
      const { store, repositories } = gateway.ground
      const changes = parseAssignments(words)
      const revision = text(options['git-commitish']) ?? (await deployBranch(gateway, app))
      const id = await repositories.resolve(app.name, revision, session.signal)
      const subject = [`${revision} ${id.slice(0, 12)}`, ...changes.keys()].join(' ')
      const say = withoutWaiting(session.stderr)
      const { signal } = session
      const request = { kind: 'deploy', subject, actor, say, signal, authorised } as const
      const release = await gateway.operations.run(app, request, async run => {
        const before = configInForce(store, app)
        const config = mergeConfig(before.values, changes, [])
        checkConfig(config)
        const { set } = describeChange(before.values, config)
        const configVersion = set.length === 0 ? before.version : null
        const commit = repositories.commit(app.name, id)
        return deploy(gateway.ground, { app, commit, revision, config, configVersion }, run)
      })
      output.line(`Release v${release.number} is live.`)
    },
  },
]

async function deployBranch({ ground }: Gateway, app: App): Promise<string> {
  for (const branch of ['master', 'main']) {
    if ((await ground.repositories.branch(app.name, branch)) !== null) return branch
  }
  throw new Problem('commit-not-found', {
    headline: 'Nothing was pushed to master or main yet',
    hint: 'Push first: `git push aptible master`, or name what to deploy with --git-commitish REF.',
  })
}
