import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { createCounted } from '../../../src/monitor/counted.ts'
import { exposition } from '../../../src/monitor/exposition.ts'
import { deployGround } from '../../support/deploy-ground.ts'

test('operations are counted by kind and outcome, and timed without their wait', async t => {
  const { operations, app, actor } = await deployGround(t)
  const counted = createCounted()
  const watched = counted.operations(operations)
  const request = (kind: 'deploy' | 'scan', signal = new AbortController().signal) =>
    ({ kind, subject: '', actor: actor('ann'), say: () => {}, signal }) as const
  t.is(await watched.run(app, request('deploy'), async () => 'done'), 'done')
  const refuse = async () => {
    throw new Problem('build-failed', { headline: 'No', hint: 'Mend it.' })
  }
  await t.throwsAsync(watched.run(app, request('scan'), refuse))
  await t.throwsAsync(watched.run(app, request('deploy', AbortSignal.abort(new Error('left'))), refuse))
  const text = exposition(counted.families())
  for (const line of [
    'fairlead_operations_total{kind="deploy",outcome="succeeded"} 1',
    'fairlead_operations_total{kind="scan",outcome="failed"} 1',
    'fairlead_operations_total{kind="deploy",outcome="cancelled"} 1',
    // The one that never began worked no time at all.
    'fairlead_operation_duration_seconds_count{kind="deploy"} 1',
    'fairlead_operation_duration_seconds_count{kind="scan"} 1',
  ])
    t.true(text.includes(`${line}\n`), `${line}\n${text}`)
})

test('questions to registries are counted by outcome', async t => {
  const counted = createCounted()
  const answers = [
    async () => ({ digest: 'sha256:1', mediaType: 'm' }),
    async () => {
      throw new Problem('registry-denied', { headline: 'No', hint: 'Ask.' })
    },
    async () => {
      throw new Error('a bug')
    },
  ]
  const registry = counted.registry({
    resolve: () => (answers.shift() as () => Promise<{ digest: string; mediaType: string }>)(),
    checkLogin: async () => {
      throw new Error('aborted')
    },
  })
  const here = new AbortController().signal
  const ask = (signal = here) => registry.resolve({} as never, null, {} as never, signal)
  t.is((await ask()).digest, 'sha256:1')
  await t.throwsAsync(ask(), { message: 'No' })
  await t.throwsAsync(ask(), { message: 'a bug' })
  await t.throwsAsync(registry.checkLogin({} as never, AbortSignal.abort()))
  const text = exposition(counted.families())
  for (const outcome of ['ok', 'registry-denied', 'internal', 'aborted'])
    t.true(text.includes(`fairlead_registry_questions_total{outcome="${outcome}"} 1\n`), text)
})
