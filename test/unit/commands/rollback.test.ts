// `rollback` and what `releases` says of it, as sessions run them.
import test from 'ava'
import { registryBench } from './registry-bench.ts'

const files = (version: number) => ({ Procfile: `web: serve ${version}\n`, Dockerfile: 'FROM scratch\n' })

test('rollback says what is live again, and releases shows who went back to which', async t => {
  const { run, member, push, commit, background } = await registryBench(t)
  for (const version of [1, 2]) t.true((await push(await commit(files(version)))).accepted)
  const bea = member('bea', 'deploy')
  const back = await run(bea, ['rollback', '--app', 'my-env/my-app'])
  t.deepEqual([back.status, back.out], [0, 'Release v3 is live: v1 again.\n'])
  const listed = await run(bea, ['releases', '--json', '--app', 'my-env/my-app'])
  t.like(JSON.parse(listed.out), [
    { release: 'v3', state: 'live', rollback: 'v1', actor: 'bea' },
    { release: 'v2', state: 'retired', rollback: null, actor: 'ann' },
    { release: 'v1', state: 'retired', rollback: null, actor: 'ann' },
  ])
  const { status } = await run(bea, ['rollback', '2', '--with-config', '--app', 'my-env/my-app'])
  t.is(status, 0)
  const operations = await run(bea, ['operations', '--json', '--app', 'my-env/my-app'])
  t.like(JSON.parse(operations.out).slice(0, 2), [
    { kind: 'rollback', subject: 'v2 with its config', actor: 'bea', state: 'succeeded' },
    { kind: 'rollback', subject: 'before v2', actor: 'bea', state: 'succeeded' },
  ])
  await background.idle()
})

test('releases tells what is live, what was, and what failed', async t => {
  const { run, member, push, commit } = await registryBench(t, {
    program: ({ command }) => (command?.at(-1)?.includes('serve 2') ? { exits: 1 } : {}),
  })
  for (const version of [1, 2, 3]) await push(await commit(files(version)))
  const listed = await run(member('eve', 'observe'), ['releases', '--json', '--app', 'my-env/my-app'])
  t.like(JSON.parse(listed.out), [
    { release: 'v3', state: 'live', operation: 3 },
    { release: 'v2', state: 'failed', operation: 2 },
    { release: 'v1', state: 'retired', operation: 1 },
  ])
})

test('going back needs the role deploy', async t => {
  const { run, member, push, commit } = await registryBench(t)
  t.true((await push(await commit(files(1)))).accepted)
  const eve = await run(member('eve', 'observe'), ['rollback', '--app', 'my-env/my-app'])
  t.is(eve.status, 1)
  t.regex(eve.err, /needs the role deploy \(forbidden\)/)
})

for (const word of ['v0', 'V1', 'vv1', '-1', '1.0', 'v1234567890', 'latest', 'v01', '']) {
  test(`${JSON.stringify(word)} is no release, and nothing is recorded`, async t => {
    const { run, member, ground, app } = await registryBench(t)
    const words = ['rollback', '--app', 'my-env/my-app', '--', word]
    const heard = await run(member('ann', 'deploy'), words)
    t.is(heard.status, 1)
    t.regex(heard.err, /is no release: they are called v1, v2 and so on\.\n|\(usage\)/)
    t.deepEqual(ground.store.operations.list(app.id, 1), [])
  })
}

test('help says that before_release does not run, and which config counts', async t => {
  const { run, member } = await registryBench(t)
  const { out } = await run(member('ann', 'deploy'), ['help', 'rollback'])
  t.regex(out, /without a build or before_release/)
  t.regex(out, /default: the config in force stays/)
})
