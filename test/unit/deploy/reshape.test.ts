// Scale and restart: what serves while they are at it, and when they fail.
import test from 'ava'
import { OperationFailed } from '../../../src/deploy/operation-failed.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { DeployGround } from '../../support/deploy-ground.ts'
import { hang } from '../../support/fake-engine.ts'
import { FILES, here, live, reshapeBench } from '../../support/reshape-bench.ts'

const MEBIBYTE = 1024 * 1024

/** Seconds: many where an exit has to be seen before the time is over, on a machine that is busy. */
function settleAfter({ ground, app }: DeployGround, seconds: number): void {
  Object.assign(ground.stack(app.stack).stack, { settle: seconds })
}

test('scaling a live app starts what is missing, beside what runs and without a release', async t => {
  const made = await live(t)
  const before = made.ids()
  t.deepEqual(await made.scale({ web: 3 }), { changed: true, release: 1 })
  await made.background.idle()
  t.deepEqual(made.present(), [
    'v1 web.1 running',
    'v1 web.2 running',
    'v1 web.3 running',
    'v1 worker.1 running',
  ])
  t.true(before.every(id => made.ids().includes(id)))
  t.regex(made.said(), /-----> Starting web\.2, web\.3\n/)
  t.true(made.engine.containers.every(({ kept }) => kept))
  t.is(made.ground.store.releases.list(made.app.id, 9).length, 1)
  const about = (label: string) => [
    made.variable(label, 'APTIBLE_PROCESS_INDEX'),
    made.variable(label, 'APTIBLE_PROCESS_CONTAINER_COUNT'),
  ]
  t.deepEqual(
    [about('web.1'), about('web.2'), about('web.3')],
    [
      ['1', '1'],
      ['2', '3'],
      ['3', '3'],
    ],
  )
})

test('scaling down retires the highest indexes with their grace, to nothing if asked', async t => {
  const made = await live(t)
  await made.scale({ web: 3 })
  const third = made.engine.containers.find(({ spec }) => spec.labels.index === 3)
  await made.scale({ web: 1 })
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.is(third?.stoppedWith, 1)
  t.regex(made.said(), /-----> Retiring web\.2, web\.3\n/)
  await made.scale({ web: 0, worker: 0 })
  await made.background.idle()
  t.deepEqual(made.present(), [])
  await made.scale({ worker: 2 })
  t.deepEqual(made.present(), ['v1 worker.1 running', 'v1 worker.2 running'])
})

test('what is retired is named in the order of its indexes', async t => {
  const made = await live(t)
  await made.scale({ web: 10 })
  await made.restart('web') // Now the engine lists those of the worker first.
  await made.background.idle()
  await made.scale({ web: 8, worker: 0 })
  t.regex(made.said(), /-----> Retiring web\.9, web\.10, worker\.1\n$/)
})

test('scaling to what there is changes nothing, and says so', async t => {
  const made = await live(t)
  const calls = made.engine.calls.length
  t.deepEqual(await made.scale({ web: 1, worker: 1 }), { changed: false, release: 1 })
  t.deepEqual(made.engine.calls.slice(calls), ['list'])
})

test('what somebody took off the engine is started again by scaling to the same count', async t => {
  const made = await live(t)
  await made.engine.remove(made.engine.containers[0]?.id ?? '', here())
  t.deepEqual(await made.scale({ web: 1, worker: 1 }), { changed: true, release: 1 })
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
})

test('before the first release a scale is stored, and the deploy has it; a deploy keeps counts, new processes get one', async t => {
  const made = await reshapeBench(t)
  t.deepEqual(await made.scale({ web: 2, later: 0 }), { changed: true, release: null })
  t.deepEqual(await made.scale({ web: 2 }), { changed: false, release: null })
  t.deepEqual(made.engine.calls, [])
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 web.2 running', 'v1 worker.1 running'])
  await made.scale({ web: 3, worker: 2 })
  t.true((await made.push(await made.commit({ ...FILES, Procfile: 'web: serve\nclock: tick\n' }))).accepted)
  await made.background.idle()
  t.deepEqual(made.present(), [
    'v2 clock.1 running',
    'v2 web.1 running',
    'v2 web.2 running',
    'v2 web.3 running',
  ])
  t.true((await made.push(await made.commit({ ...FILES, more: '' }))).accepted)
  await made.background.idle()
  t.deepEqual(
    made.present().filter(line => line.includes('worker')),
    ['v3 worker.1 running', 'v3 worker.2 running'],
  )
})

test('an app that is scaled to nothing is deployed without a container, and is live', async t => {
  const made = await reshapeBench(t)
  await made.scale({ web: 0, worker: 0 })
  const id = await made.commit(FILES)
  const push = await made.push(id)
  t.true(push.accepted, push.said)
  t.true(push.said.includes('-----> Nothing to start: every service is scaled to 0\n'), push.said)
  t.deepEqual(made.present(), [])
  t.is(made.ground.store.releases.live(made.app.id)?.number, 1)
})

test('a size is given to new containers; one that changes replaces those of its service, and no other', async t => {
  const made = await live(t)
  const worker = made.engine.containers.find(({ spec }) => spec.labels.process === 'worker')
  await made.scale({ web: 2 }, { memory: 32 * MEBIBYTE, cpus: 0.5 })
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 web.2 running', 'v1 worker.1 running'])
  for (const { spec } of made.engine.containers.filter(({ id }) => id !== worker?.id)) {
    t.deepEqual(spec.limits, { memory: 32 * MEBIBYTE, cpus: 0.5, pids: 64 })
    t.is(spec.env.get('APTIBLE_CONTAINER_SIZE')?.reveal(), '32')
    t.is(spec.env.get('APTIBLE_CONTAINER_CPU_SHARE')?.reveal(), '0.5')
    t.is(spec.env.get('APTIBLE_PROCESS_CONTAINER_COUNT')?.reveal(), '2')
  }
  t.is(worker?.spec.limits.memory, 64 * MEBIBYTE)
  t.true(made.ids().includes(worker?.id ?? ''))
  await made.scale({ web: 2 }, { memory: 64 * MEBIBYTE })
  t.is(made.ground.store.services.of(made.app.id).get('web')?.memory, null)
})

test('more than the stack allows, more than fifty and a process that is not there are refused, and change nothing', async t => {
  const made = await live(t)
  const before = made.ids()
  for (const [ask, said] of [
    [
      () => made.scale({ web: 51 }),
      /web cannot have 51 containers \(scale-refused\)\n.*\n.*Ask for 0 to 50 containers\./,
    ],
    [
      () => made.scale({ web: 1 }, { memory: 65 * MEBIBYTE }),
      /A container cannot have 65MiB of memory on the stack local \(scale-refused\)\n.*\n.*at most 64MiB, or have an operator raise limits\.memory/,
    ],
    [
      () => made.scale({ web: 1 }, { cpus: 1.5 }),
      /A container cannot have 1\.5 cpus on the stack local \(scale-refused\)\n.*\n.*at most 1, or have an operator raise limits\.cpus/,
    ],
    [
      () => made.scale({ web: 2, wroker: 2 }),
      /Release v1 has no process "wroker" \(not-found\)\n.*It has: web, worker\n.*\n.*Did you mean `worker`\?/,
    ],
    [() => made.restart('clock'), /Release v1 has no process "clock" \(not-found\)/],
  ] as const) {
    await t.throwsAsync<Error>(ask(), { instanceOf: OperationFailed })
    t.regex(made.said(), said)
  }
  t.deepEqual(made.ids(), before)
  t.is(made.ground.store.services.of(made.app.id).size, 0)
})

test('a restart replaces all containers, or those of one service, by others of the same release', async t => {
  const made = await live(t)
  made.replace('start-first')
  await made.scale({ web: 2 })
  const before = made.ids()
  const seen: number[] = []
  made.engine.on('stop', () => void seen.push(made.engine.containers.filter(each => each.running).length))
  t.deepEqual(await made.restart(), { release: 1, services: ['web', 'worker'] })
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 web.2 running', 'v1 worker.1 running'])
  t.deepEqual(
    made.ids().filter(id => before.includes(id)),
    [],
  )
  t.is(Math.max(...seen), 6)
  t.true(made.engine.containers.every(({ kept }) => kept))

  const between = made.ids()
  t.deepEqual(await made.restart('worker'), { release: 1, services: ['worker'] })
  await made.background.idle()
  t.is(made.ids().filter(id => between.includes(id)).length, 2)
  t.is(made.present().length, 3)
  await made.scale({ worker: 0 })
  t.deepEqual(await made.restart('worker'), { release: 1, services: [] })
})

test('after a restart the same push is live already, and a deploy puts everything in order again', async t => {
  const made = await live(t)
  await made.restart()
  await made.background.idle()
  const id = (await made.ground.repositories.branch(made.app.name, 'master')) ?? ''
  const again = await made.push(id)
  t.true(again.said.includes('This commit is live already'), again.said)
  t.true((await made.push(await made.commit({ ...FILES, more: '' }))).accepted)
  await made.background.idle()
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
  await made.scale({ web: 2 })
  t.is(made.present().length, 3)
})

test('an app without a release has nothing to restart', async t => {
  const made = await reshapeBench(t)
  await t.throwsAsync(made.restart(), { instanceOf: OperationFailed })
  t.regex(made.said(), /The app has no release yet that could be restarted \(not-found\)/)
})

for (const way of ['fails to start', 'exits', 'is cancelled'] as const) {
  test(`a scale or restart whose container ${way} leaves what ran, and the count as it was`, async t => {
    const leaving = new AbortController()
    let broken = false
    const sound = new Set<string>()
    const made = await live(t, {
      program: ({ name, labels }) => {
        if (!broken) sound.add(name)
        if (sound.has(name) || labels.index === 1) return {}
        if (way === 'exits') return { exits: 1 }
        return way === 'fails to start' ? { cannotStart: 'no such program' } : {}
      },
    })
    await made.scale({ web: 2 })
    await made.background.idle()
    const before = { ids: made.ids(), services: made.ground.store.services.of(made.app.id) }
    broken = true
    settleAfter(made, 60)
    if (way === 'is cancelled') {
      made.engine.on('start', (id, signal) => {
        const { spec } = made.engine.containers.find(each => each.id === id) ?? {}
        if (spec === undefined || spec.labels.index === 1 || sound.has(spec.name)) return
        leaving.abort()
        return hang(signal)
      })
    }
    for (const ask of [
      () => made.scale({ web: 4, worker: 2 }, {}, leaving.signal),
      () => made.restart(null, leaving.signal),
    ]) {
      await t.throwsAsync(ask(), { instanceOf: OperationFailed })
      await made.background.idle()
      t.deepEqual({ ids: made.ids(), services: made.ground.store.services.of(made.app.id) }, before)
    }
    t.regex(made.said(), /What runs now: Release v1 \(web, worker\), as before\.\n/)
    const [operation] = made.ground.store.operations.list(made.app.id, 1)
    t.is(operation?.state, way === 'is cancelled' ? 'cancelled' : 'failed')
  })
}

test('what a failed scale could not undo is undone later, and takes nothing of a scale that came meanwhile', async t => {
  let broken = true
  const made = await live(t, {
    program: ({ labels }) => (broken && labels.index === 2 ? { exits: 1 } : {}),
  })
  settleAfter(made, 60)
  const cannot = made.engine.on('remove', () => {
    throw new Problem('engine-unreachable', { headline: 'It does not answer', hint: 'Wait.' })
  })
  await t.throwsAsync(made.scale({ web: 2 }))
  broken = false
  settleAfter(made, 0.02)
  await made.scale({ web: 2 })
  t.is(made.engine.containers.length, 4)
  cannot()
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 web.2 running', 'v1 worker.1 running'])
})
