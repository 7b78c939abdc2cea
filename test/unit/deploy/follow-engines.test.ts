// Routes while nothing is deployed: what the engine tells is followed, and what it could not tell is found.
import test, { type ExecutionContext } from 'ava'
import { followEngines } from '../../../src/deploy/follow-engines.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import type { Engine } from '../../../src/domain/engine.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { deployGround } from '../../support/deploy-ground.ts'
import { fakeEngine } from '../../support/fake-engine.ts'
import { until } from '../../support/until.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }

/** An app with an endpoint whose container runs, and its engine followed. */
async function bench(t: ExecutionContext, { every = 3_600_000 } = {}) {
  const made = await deployGround(t)
  const { store } = made.ground
  const endpoint = {
    hostname: 'a.test' as Hostname,
    service: 'web',
    port: null,
    path: null,
    tls: 'off',
  } as const
  store.endpoints.create(made.app.id, endpoint)
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  const engines = new Map<string, Engine>([['local', made.engine]])
  const stopping = new AbortController()
  const followed = followEngines(
    {
      engines: () => engines,
      routing: made.routing,
      store,
      log: made.ground.log,
      every,
      pause: () => 5,
    },
    stopping.signal,
  )
  t.teardown(async () => {
    stopping.abort()
    await followed
  })
  const [web] = made.engine.containers
  if (!web) throw new Error('nothing runs')
  const shows = (text: string) =>
    until(`the router shows ${text}`, async () => (await made.router.shown()).join('; ') === text)
  await shows(`a.test ${web.address}:5000`)
  await until('the engine is watched', async () => made.engine.calls.includes('watch'))
  return { ...made, web, shows, engines, stop: () => stopping.abort(), followed }
}

test('a container that dies is taken off its route at once, and comes back with its new address', async t => {
  const { web, shows } = await bench(t)
  web.exit(1)
  await shows('a.test')
  web.run({}, '127.9.9.9')
  await shows('a.test 127.9.9.9:5000')
  t.pass()
})

test('a container that does not serve moves no route: neither a candidate nor what is retired', async t => {
  const { engine, router, web, shows } = await bench(t)
  const { signal } = new AbortController()
  const labels = { ...web.spec.labels, release: web.spec.labels.release + 1 }
  const id = await engine.create({ ...web.spec, name: `${web.spec.name}-next`, labels }, signal)
  const updates = () => router.calls.filter(call => call.startsWith('update')).length
  const before = updates()
  await engine.start(id, signal)
  await engine.stop(id, 0, signal)
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
  t.is(updates(), before)
  web.exit(1)
  await shows('a.test')
  t.true(updates() > before)
})

test('an engine that was away is compared as a whole when it is there again', async t => {
  const { engine, web, shows, logged } = await bench(t)
  const off = engine.on('watch', () => {
    throw new Problem('engine-unreachable', { headline: 'It is away', hint: 'Wait.' })
  })
  engine.host.endWatches()
  const tries = () => engine.calls.filter(call => call === 'watch').length
  const before = tries()
  await until('it was tried several times', async () => tries() > before + 3)
  // Nobody tells of this.
  web.address = '127.8.8.8'
  off()
  await shows('a.test 127.8.8.8:5000')
  t.is(logged.filter(({ msg }) => String(msg).startsWith('what happens on this engine')).length, 1)
})

test('what nobody told is found by the comparison of everything', async t => {
  const { web, shows } = await bench(t, { every: 20 })
  // More often than everything is compared at the start, by the gateway and because the engine is there.
  for (const address of ['127.8.8.8', '127.8.8.9', '127.8.8.10']) {
    web.address = address
    await shows(`a.test ${address}:5000`)
  }
  t.pass()
})

test('a stack that is changed is watched through its new engine, and no more through the old one', async t => {
  const { engines, engine, shows } = await bench(t, { every: 20 })
  const next = fakeEngine({ gatewayId: 'next', host: engine.host })
  engines.set('local', next)
  await until('the new one is watched', async () => next.calls.includes('watch'))
  const comparisons = () => engine.calls.filter(call => call === 'list').length
  // Twice: the first may have been under way.
  const comparedAgain = () => {
    const before = comparisons()
    return until('everything was compared again', async () => comparisons() > before + 1)
  }
  engines.delete('local')
  await comparedAgain()
  const before = next.calls.length
  next.host.endWatches()
  await comparedAgain()
  t.is(next.calls.length, before)
  await shows(`a.test ${engine.containers[0]?.address}:5000`)
})

test('following ends with the gateway', async t => {
  const { web, router, stop, followed } = await bench(t)
  stop()
  await followed
  const calls = router.calls.length
  web.exit(1)
  t.is(router.calls.length, calls)
})
