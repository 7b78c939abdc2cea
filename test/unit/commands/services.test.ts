// apps:scale, services, restart and rebuild, as people call them.
import test from 'ava'
import { type BenchOptions, registryBench, said } from './registry-bench.ts'

const FILES = { Procfile: 'web: serve --all\nworker: work\n', Dockerfile: 'FROM scratch\n' }

const APP = ['--app', 'my-env/my-app']

async function live(t: Parameters<typeof registryBench>[0], options?: BenchOptions) {
  const made = await registryBench(t, options)
  const ann = made.member('ann', 'deploy')
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  const run = (...words: string[]) => made.run(ann, [...words, ...APP])
  return { ...made, ann, fairlead: run }
}

test('services shows what is in force, and apps:scale what it did', async t => {
  const { fairlead } = await live(t)
  t.deepEqual(
    await fairlead('services'),
    said(
      [
        'PROCESS  COUNT  MEMORY  CPUS  ROLLOUT     COMMAND',
        'web      1      64MiB   1     stop-first  serve --all',
        'worker   1      64MiB   1     stop-first  work',
        '',
      ].join('\n'),
    ),
  )
  const scaled = await fairlead('apps:scale', 'web=2', 'worker=0', '--memory', '32MiB', '--cpus', '0.5')
  t.is(scaled.out, 'v1 is scaled to web=2 worker=0, 32MiB, 0.5 cpus.\n')
  t.regex(scaled.err, /-----> Starting web\.2\n|-----> Replacing web\.1, web\.2 stop-first/)
  t.deepEqual(JSON.parse((await fairlead('services', '--json')).out), [
    { process: 'web', count: 2, memory: '32MiB', cpus: 0.5, rollout: 'stop-first', command: 'serve --all' },
    { process: 'worker', count: 0, memory: '32MiB', cpus: 0.5, rollout: 'stop-first', command: 'work' },
  ])
  const again = await fairlead('ps:scale', 'web=2')
  t.is(again.out, 'Nothing changed: web=2 already.\n')
  const operations = JSON.parse((await fairlead('operations', '--json')).out)
  t.like(operations[1], { kind: 'scale', state: 'succeeded', subject: 'web=2 worker=0, 32MiB, 0.5 cpus' })
})

test('services:settings says how a service is replaced from the next time on, and services shows it', async t => {
  const { fairlead } = await live(t)
  const shown = async () =>
    JSON.parse((await fairlead('services', '--json')).out).map(({ rollout }: { rollout: string }) => rollout)
  const set = (...words: string[]) => fairlead('services:settings', ...words)
  t.is(
    (await set('worker', '--rollout', 'start-first')).out,
    'worker is replaced start-first from the next time on.\n',
  )
  t.deepEqual(await shown(), ['stop-first', 'start-first'])
  t.regex(
    (await fairlead('restart')).err,
    /-----> Starting worker\.1\n[\s\S]*-----> Replacing web\.1 stop-first/,
  )
  t.is(
    (await set('worker', '--rollout', 'default')).out,
    'worker is replaced stop-first from the next time on.\n',
  )
  t.deepEqual(await shown(), ['stop-first', 'stop-first'])
  t.regex((await set('worker')).err, /--rollout is one of start-first, stop-first and default\./)
  t.regex((await set('clock', '--rollout', 'default')).err, /clock[\s\S]*\(not-found\)/)
  t.deepEqual(await shown(), ['stop-first', 'stop-first'])
})

test('before the first release a scale is stored, and services shows it', async t => {
  const { run, member } = await registryBench(t)
  const ann = member('ann', 'deploy')
  t.deepEqual(await run(ann, ['services', ...APP]), said('No services yet: they come with the first push.\n'))
  t.deepEqual(
    await run(ann, ['apps:scale', 'web=3', ...APP]),
    said('Stored: web=3. It takes effect with the first push.\n'),
  )
  t.regex((await run(ann, ['services', ...APP])).out, /^web {6}3 +64MiB +1 +stop-first +-$/m)
})

test('ps says that every service is scaled to 0', async t => {
  const { fairlead, background } = await live(t)
  await fairlead('apps:scale', 'web=0', 'worker=0')
  await background.idle()
  t.deepEqual(
    await fairlead('ps'),
    said('Every service of v1 is scaled to 0: `fairlead apps:scale web=1` starts one.\n'),
  )
  t.deepEqual(await fairlead('restart'), said('Nothing to restart: every service is scaled to 0.\n'))
  t.deepEqual(
    await fairlead('restart', '--service', 'web'),
    said('Nothing to restart: web is scaled to 0.\n'),
  )
})

test('ps says how to bring back what somebody took off the engine', async t => {
  const { fairlead, engine } = await live(t)
  for (const { id } of engine.containers) await engine.remove(id, new AbortController().signal)
  t.deepEqual(
    await fairlead('ps'),
    said('Nothing runs, although v1 is live: `fairlead restart` starts its containers.\n'),
  )
  t.is((await fairlead('restart')).out, 'v1 runs in new containers: web, worker.\n')
})

for (const [words, saw] of [
  [['web'], '"web" is no PROCESS=COUNT: write it like web=3.'],
  [['web=-1'], '"web…" is no PROCESS=COUNT: write it like web=3.'],
  [['web=1.5'], '"web…" is no PROCESS=COUNT: write it like web=3.'],
  [['web=99999'], '"web…" is no PROCESS=COUNT: write it like web=3.'],
  [['../web=1'], '"../web…" is no PROCESS=COUNT: write it like web=3.'],
  [['web=1', 'web=2'], 'web is named twice.'],
  [['web=1', '--memory', '256'], '--memory is a size of at least 6MiB, for example 256MiB.'],
  [['web=1', '--memory', '5MiB'], '--memory is a size of at least 6MiB, for example 256MiB.'],
  [['web=1', '--cpus', '0'], '--cpus is a number of at least 0.01, for example 0.5.'],
  [['web=1', '--cpus', '1e3'], '--cpus is a number of at least 0.01, for example 0.5.'],
] as const) {
  test(`apps:scale ${words.join(' ')} is refused before there is an operation`, async t => {
    const { run, member, store, app } = await registryBench(t)
    const { status, err } = await run(member('ann', 'deploy'), ['apps:scale', ...words])
    t.is(status, 1)
    t.regex(err, /`apps:scale` was called with wrong words \(usage\)/)
    t.true(err.includes(saw), err)
    t.deepEqual(store.operations.list(app.id, 1), [])
  })
}

test('who observes sees the services, and may not scale, set, restart or rebuild them', async t => {
  const { run, member, engine } = await live(t)
  const bob = member('bob', 'observe')
  t.is((await run(bob, ['services'])).status, 0)
  const calls = engine.calls.length
  const settings = ['services:settings', 'web', '--rollout', 'start-first']
  for (const words of [['apps:scale', 'web=2'], ['restart'], ['rebuild'], settings]) {
    const { status, err } = await run(bob, words)
    t.is(status, 1)
    t.regex(err, /it needs the role deploy \(forbidden\)/)
  }
  t.is(engine.calls.length, calls)
})

test('rebuild deploys the live commit anew, with the config in force, although nothing changed', async t => {
  const { fairlead, engine, push, store, app, background } = await live(t)
  const first = store.releases.live(app.id)
  t.regex((await push(first?.commit ?? '')).said, /This commit is live already/)
  t.is((await fairlead('rebuild')).out, 'Release v2 is live.\n')
  await background.idle()
  const second = store.releases.live(app.id)
  t.is(engine.builds.length, 2)
  t.is(second?.commit, first?.commit)
  t.is(second?.configVersion, first?.configVersion)
  t.not(second?.image.id, first?.image.id)
})

test('without a release there is nothing to rebuild, and a service to restart has to be there', async t => {
  const { run, member } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const rebuild = await run(ann, ['rebuild'])
  t.regex(rebuild.err, /The app has no release yet that could be built again \(not-found\)/)
  t.regex(rebuild.err, /What to do: {4}Deploy it first: `git push aptible master`\./)
  const odd = await run(ann, ['restart', '--service', 'a b'])
  t.regex(odd.err, /--service is the name of a process, for example web\./)
})
