// Scale and restart: what serves while they are at it, when they fail, and when the gateway is killed at any step.
import test from 'ava'
import { createOperations, OperationFailed } from '../../../src/deploy/operations.ts'
import { failInterrupted, recoverWhenPossible } from '../../../src/deploy/recover.ts'
import { restart } from '../../../src/deploy/restart.ts'
import { type ScaleWish, scale } from '../../../src/deploy/scale.ts'
import type { Engine } from '../../../src/domain/engine.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { serviceOf } from '../../../src/domain/service.ts'
import { type DeployGround, type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'
import { fakeEngine, hang } from '../../support/fake-engine.ts'
import { until } from '../../support/until.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const MEBIBYTE = 1024 * 1024
const here = () => new AbortController().signal

async function bench(t: Parameters<typeof deployGround>[0], options?: DeployGroundOptions) {
  const made = await deployGround(t, options)
  let said = ''
  const request = (kind: 'scale' | 'restart', signal: AbortSignal) => ({
    kind,
    subject: 'x',
    actor: made.actor('ann'),
    say: (text: string) => {
      said += text
    },
    signal,
  })
  return {
    ...made,
    scale: (counts: Record<string, number>, size: ScaleWish['size'] = {}, signal = here()) =>
      made.operations.run(made.app, request('scale', signal), run =>
        scale(made.ground, made.app, { counts: new Map(Object.entries(counts)), size }, run),
      ),
    restart: (service: string | null = null, signal = here()) =>
      made.operations.run(made.app, request('restart', signal), run =>
        restart(made.ground, made.app, service, run),
      ),
    said: () => said,
    count: (name: string) => serviceOf(made.ground.store.services.of(made.app.id), name).count,
    ids: () => made.engine.containers.map(({ id }) => id).sort(),
    variable: (label: string, name: string) =>
      made.engine.containers
        .find(({ spec: { labels } }) => `${labels.process}.${labels.index}` === label)
        ?.spec.env.get(name)
        ?.reveal(),
  }
}

async function live(t: Parameters<typeof deployGround>[0], options?: DeployGroundOptions) {
  const made = await bench(t, options)
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  await made.background.idle()
  return made
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
  const made = await bench(t)
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
  const made = await bench(t)
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

test('a restart replaces all containers, or those of one service, by others of the same release, started first', async t => {
  const made = await live(t)
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
  const made = await bench(t)
  await t.throwsAsync(made.restart(), { instanceOf: OperationFailed })
  t.regex(made.said(), /The app has no release yet that could be restarted \(not-found\)/)
})

for (const way of ['fails to start', 'exits', 'is cancelled'] as const) {
  test(`a scale or restart whose container ${way} leaves what ran, and the count as it was`, async t => {
    const leaving = new AbortController()
    let broken = false
    const made = await live(t, {
      stack: { settle: 0.05 },
      program: ({ labels }) => {
        if (!broken || labels.index === 1) return {}
        if (way === 'exits') return { exits: 1 }
        return way === 'fails to start' ? { cannotStart: 'no such program' } : {}
      },
    })
    await made.scale({ web: 2 })
    await made.background.idle()
    const before = { ids: made.ids(), services: made.ground.store.services.of(made.app.id) }
    broken = true
    if (way === 'is cancelled') {
      made.engine.on('start', (id, signal) => {
        if (made.engine.containers.find(each => each.id === id)?.spec.labels.index === 1) return
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
  const cannot = made.engine.on('remove', () => {
    throw new Problem('engine-unreachable', { headline: 'It does not answer', hint: 'Wait.' })
  })
  await t.throwsAsync(made.scale({ web: 2 }))
  broken = false
  await made.scale({ web: 2 })
  t.is(made.engine.containers.length, 4)
  cannot()
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 web.2 running', 'v1 worker.1 running'])
})

/** As a new process does it: with a view of the engine and turns of its own. */
async function recover({ ground, engine }: DeployGround) {
  const fresh = fakeEngine({ host: engine.host, gatewayId: ground.store.gatewayId })
  const risen = { ...ground, stack: (name: string) => ({ ...ground.stack(name), engine: fresh }) }
  const operations = createOperations(ground.store, ground.log)
  failInterrupted(risen)
  await recoverWhenPossible(risen, operations, here(), 1)
  return { ground: risen, operations }
}

type Step = readonly [keyof Engine | 'record' | 'recorded', number]
const STEPS: readonly Step[] = [
  ['list', 1],
  ['findImage', 1],
  ['ensureNetwork', 1],
  ['create', 1],
  ['create', 2],
  ['create', 3],
  ['start', 1],
  ['start', 3],
  ['inspect', 1],
  ['record', 1],
  ['recorded', 1],
  ['keepRunning', 1],
  ['keepRunning', 3],
  ['stop', 1],
  ['stop', 3],
  ['remove', 1],
  ['remove', 3],
]

const CALLS = STEPS.map(([call]) => call).filter(call => call !== 'record' && call !== 'recorded')

/** From that step on nothing of this process reaches the engine or the record any more. */
function crashAt(
  { engine, ground }: DeployGround,
  [what, nth]: Step,
): { struck: Promise<void>; bury(): void } {
  const struck = Promise.withResolvers<void>()
  const never = Promise.withResolvers<never>()
  never.promise.catch(() => {}) // Perhaps nobody waits for it.
  let dead = false
  let calls = 0
  const die = () => {
    dead = true
    struck.resolve()
  }
  for (const call of CALLS) {
    engine.on(call, () => {
      if (call === what) calls += 1
      if (call === what && calls === nth) die()
      if (dead) return never.promise
    })
  }
  const services = ground.store.services as { write: typeof ground.store.services.write }
  const { write } = services
  if (what === 'record' || what === 'recorded') {
    services.write = (...args) => {
      services.write = write
      if (what === 'recorded') write(...args)
      die()
      throw new Error('killed')
    }
  }
  return { struck: struck.promise, bury: () => never.reject(new Error('killed')) }
}

for (const step of STEPS) {
  for (const doing of ['restart', 'scale'] as const) {
    test(`killed in a ${doing} at ${step.join(' ')}, exactly one set serves afterwards, and it works again`, async t => {
      const made = await live(t, { background: () => 60_000 })
      await made.scale({ web: 2, worker: 4 })
      await made.background.idle()
      const before = made.ids()
      const { struck, bury } = crashAt(made, step)
      // The scale starts, replaces and retires, all in one.
      const asked = doing === 'restart' ? made.restart() : made.scale({ web: 3, worker: 1 }, { cpus: 0.5 })
      const done = asked.then(made.background.idle, made.background.idle)
      t.true(await Promise.race([struck.then(() => true), done.then(() => false)]), 'it was not killed')

      const after = await recover(made)
      const committed = ['recorded', 'keepRunning', 'stop', 'remove'].includes(step[0])
      const [web, worker] = committed && doing === 'scale' ? [3, 1] : [2, 4]
      t.deepEqual([made.count('web'), made.count('worker')], [web, worker])
      t.deepEqual(made.present(), [...running('web', web), ...running('worker', worker)])
      if (committed) t.false(made.ids().some(id => before.includes(id)))
      else t.deepEqual(made.ids(), before)
      t.true(made.engine.containers.every(({ kept }) => kept))

      const left = made.ids()
      const again = {
        kind: 'restart',
        subject: 'all',
        actor: made.actor('ann'),
        say: () => {},
        signal: here(),
      } as const
      await after.operations.run(made.app, again, run => restart(after.ground, made.app, null, run))
      await until('the old containers are gone', async () => made.ids().every(id => !left.includes(id)))
      t.deepEqual(made.present(), [...running('web', web), ...running('worker', worker)])
      bury()
    })
  }
}

const running = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `v1 ${name}.${i + 1} running`)
