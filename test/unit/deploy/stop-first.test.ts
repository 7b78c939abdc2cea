// Services that nothing is routed to: the old containers end before the new ones start, and are back when those fail.
import test, { type ExecutionContext } from 'ava'
import { createOperations } from '../../../src/deploy/operations.ts'
import { failInterrupted, recoverWhenPossible } from '../../../src/deploy/recover.ts'
import type { ContainerSpec } from '../../../src/domain/container.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import type { OperationKind } from '../../../src/domain/operation.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { Store } from '../../../src/store/store.ts'
import type { DeployGroundOptions } from '../../support/deploy-ground.ts'
import { FILES, here, live } from '../../support/reshape-bench.ts'
import { until } from '../../support/until.ts'

const unreachable = () =>
  new Problem('engine-unreachable', { headline: 'The engine does not answer', hint: 'Wait.' })

/** v1 of a worker and of a web behind a.test is live; in what comes later, whatever is called `broken` exits. */
async function bench(t: ExecutionContext, options?: DeployGroundOptions) {
  const made = await live(t, {
    program: ({ command = [] }) => (command.join().includes('broken') ? { exits: 3 } : {}),
    ...options,
  })
  const hostname = 'a.test' as Hostname
  const endpoint = { hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, endpoint)
  await made.restart() // Only now its web is one that is routed to.
  await made.background.idle()
  Object.assign(made.ground.stack('local').stack, { settle: 0.2 })
  const push = async (worker: string, signal = here()) =>
    made.push(await made.commit({ ...FILES, Procfile: `web: serve\nworker: ${worker}\n` }), { signal })
  const runs = (process: string) =>
    made.engine.containers.filter(({ spec, running }) => running && spec.labels.process === process)
  return { ...made, push, runs }
}

test('a worker ends before the next one starts, which was made before; a routed web is replaced start-first', async t => {
  const made = await bench(t)
  const workers: number[] = []
  const webs: number[] = []
  const before = made.engine.calls.length
  for (const call of ['start', 'stop', 'remove'] as const) {
    made.engine.on(call, () => {
      workers.push(made.runs('worker').length)
      webs.push(made.runs('web').length)
    })
  }
  const push = await made.push('work --more')
  t.true(push.accepted, push.said)
  t.regex(
    push.said,
    /-----> Starting web\.1\n {7}web\.1 .*\n-----> Replacing worker\.1 stop-first: the old end before the new start\n {7}worker\.1 has been up for 0\.2 s\n-----> v2 is live\n/,
  )
  await made.background.idle()
  t.is(Math.max(...workers), 1)
  t.is(Math.min(...webs), 1)
  t.is(Math.max(...webs), 2)
  const calls = made.engine.calls.slice(before).map(call => call.split(' ')[0])
  t.true(calls.lastIndexOf('create') < calls.indexOf('stop'))
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
})

test('one that the engine is told late to keep running is not started again beside the one that replaces it', async t => {
  const made = await bench(t)
  const told = Promise.withResolvers<void>()
  made.engine.on('keepRunning', () => told.promise)
  await made.restart('worker')
  const [old] = made.runs('worker')
  made.engine.on('start', async () => {
    if (made.runs('worker').length > 0) return
    told.resolve()
    await new Promise(setImmediate)
  })
  const before = made.engine.calls.length
  const push = await made.push('work --more')
  t.true(push.accepted, push.said)
  await made.background.idle()
  t.false(made.engine.calls.slice(before).includes(`start ${old?.id}`))
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
})

test('when the new worker fails, the old one runs again, and a line says so', async t => {
  const made = await bench(t)
  Object.assign(made.ground.stack('local').stack, { settle: 60 })
  const [worker] = made.runs('worker')
  // The web answers at its port no more than before: it has to settle by time, so it is scaled away.
  await made.scale({ web: 0 })
  await made.background.idle()
  const push = await made.push('broken')
  t.false(push.accepted)
  t.is(push.operation?.problem, 'container-exited')
  t.regex(push.said, /-----> Starting worker\.1 of before again\n/)
  t.true(push.said.includes('What runs now: Release v1 (web, worker), as before.\n'), push.said)
  t.deepEqual(made.runs('worker'), worker ? [worker] : [])
  t.true(worker?.kept)
  t.deepEqual(made.present(), ['v1 worker.1 running'])
})

test('when a restart fails, the old worker runs again as well', async t => {
  let known: readonly string[] | null = null
  const program = ({ name }: ContainerSpec) => (known !== null && !known.includes(name) ? { exits: 3 } : {})
  const made = await bench(t, { program })
  Object.assign(made.ground.stack('local').stack, { settle: 60 })
  const [worker] = made.runs('worker')
  known = made.engine.containers.map(({ spec }) => spec.name)
  await t.throwsAsync(made.restart('worker'))
  t.regex(made.said(), /-----> Starting worker\.1 of before again\n/)
  await made.background.idle()
  t.deepEqual(made.runs('worker'), worker ? [worker] : [])
})

test('when a start-first candidate fails, or the router cannot be told, no worker was stopped', async t => {
  const made = await bench(t)
  const [worker] = made.runs('worker')
  made.engine.on('stop', () => t.fail('something was stopped'))
  const failing = made.engine.on('inspect', () => {
    throw unreachable()
  })
  t.false((await made.push('work --more')).accepted)
  failing()
  for (const call of ['answers', 'replace', 'update'] as const) {
    made.router.on(call, () => {
      throw new Problem('router-unreachable', { headline: 'The router is away', hint: 'Wait.' })
    })
  }
  const push = await made.push('work --more')
  t.is(push.operation?.problem, 'router-unreachable')
  await made.background.idle()
  t.deepEqual(made.runs('worker'), worker ? [worker] : [])
})

for (const [when, nth] of [
  ['before anything is stopped', 1],
  ['before the promotion', 2],
] as const) {
  test(`whoever leaves while the router answers ${when} has cancelled the deploy`, async t => {
    const made = await bench(t)
    const [worker] = made.runs('worker')
    const leaving = new AbortController()
    let asked = 0
    Object.assign(made.router, {
      answers: async () => {
        asked += 1
        if (asked === nth) leaving.abort()
        return true
      },
    })
    const before = made.engine.calls.length
    const push = await made.push('work --more', leaving.signal)
    t.is(push.operation?.state, 'cancelled')
    t.is(made.engine.calls.slice(before).includes(`stop ${worker?.id}`), nth === 2)
    await made.background.idle()
    t.is(made.ground.store.releases.live(made.app.id)?.number, 1)
    t.deepEqual(made.runs('worker'), worker ? [worker] : [])
  })
}

test('a worker that cannot be brought back because the engine is away is brought back later, once', async t => {
  const made = await bench(t)
  const [worker] = made.runs('worker')
  let isAway = false
  let struck = false
  for (const call of ['start', 'stop', 'list', 'remove', 'inspect', 'removeTag'] as const) {
    made.engine.on(call, (...[id]: unknown[]) => {
      const { spec } = made.engine.containers.find(each => each.id === id) ?? {}
      if (call === 'start' && !struck && spec?.labels.process === 'worker') isAway = struck = true
      if (isAway) throw unreachable()
    })
  }
  t.false((await made.push('work --more')).accepted)
  t.deepEqual(made.runs('worker'), [])
  isAway = false
  await made.background.idle()
  t.deepEqual(made.runs('worker'), worker ? [worker] : [])
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.is(made.engine.calls.filter(call => call === `start ${worker?.id}`).length, 2)
})

type Begin = (kind: OperationKind) => number

const LAST: readonly (readonly [
  when: string,
  before: (begin: Begin, { finish }: Store['operations']) => void,
])[] = [
  ['during a deploy', begin => begin('deploy')],
  [
    'during a deploy beside which a `run` has ended',
    (begin, { finish }) => {
      begin('deploy')
      finish(begin('run'), 'succeeded', null)
    },
  ],
  [
    'while a deploy that had failed was being undone',
    (begin, { finish }) => finish(begin('deploy'), 'failed', 'engine-unreachable'),
  ],
]

for (const [when, before] of LAST) {
  test(`a worker that the engine stops after the gateway was killed ${when} is started again`, async t => {
    const made = await bench(t, { stack: { grace: 0.1 } })
    const [worker] = made.runs('worker')
    const { operations } = made.ground.store
    const begin: Begin = kind => {
      const asked = { kind, actor: 'ann', key: 'k', address: 'a', subject: 'x' }
      const { id } = operations.create(made.app.id, asked)
      operations.start(id)
      return id
    }
    before(begin, operations)
    failInterrupted(made.ground)
    const turns = createOperations(made.ground.store, made.ground.log)
    await recoverWhenPossible(made.ground, turns, here(), { retry: 1 })
    // Also what is stopped in the moment in which it was started again.
    for (const time of ['first', 'second']) {
      worker?.exit(143, 'stopped')
      t.deepEqual(made.runs('worker'), [])
      await until(`it runs again the ${time} time`, async () => made.runs('worker').length === 1)
    }
    await made.background.stop(5000)
  })
}

test('what a killed gateway may have been stopping is left alone when a later deploy replaces it', async t => {
  const made = await bench(t)
  const { operations } = made.ground.store
  const asked = { kind: 'deploy', actor: 'ann', key: 'k', address: 'a', subject: 'x' } as const
  operations.start(operations.create(made.app.id, asked).id)
  failInterrupted(made.ground)
  await recoverWhenPossible(made.ground, made.operations, here(), { retry: 1 })
  const [worker] = made.runs('worker')
  const removed = Promise.withResolvers<void>()
  made.engine.on('remove', id => (id === worker?.id ? removed.promise : undefined))
  t.true((await made.push('work --more')).accepted)
  // Whoever saw it end has had its turn by then.
  await made.operations.exclusive(made.app.id, async () => {})
  removed.resolve()
  await until('nothing of the old release is left', async () => !made.present().join().includes('v1'))
  await made.background.stop(5000)
  t.is(made.engine.calls.filter(call => call === `start ${worker?.id}`).length, 1)
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
})

test('how a service is replaced can be set, and is what its next replacement does', async t => {
  const made = await bench(t)
  const { services } = made.ground.store
  services.setRollout(made.app.id, 'worker', 'start-first')
  services.setRollout(made.app.id, 'web', 'stop-first')
  await made.restart()
  await made.background.idle()
  t.regex(made.said(), /-----> Starting worker\.1\n.*\n-----> Replacing web\.1 stop-first/)
  const push = await made.push('work --more')
  t.regex(push.said, /-----> Starting worker\.1\n.*\n-----> Replacing web\.1 stop-first/)
  services.setRollout(made.app.id, 'worker', null)
  t.regex((await made.push('work')).said, /-----> Replacing web\.1, worker\.1 stop-first/)
})
