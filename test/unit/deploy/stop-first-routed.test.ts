// A service behind an endpoint that is replaced stop-first: what it has accepted it answers, before it is stopped.
import test, { type ExecutionContext } from 'ava'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { DeployGroundOptions } from '../../support/deploy-ground.ts'
import { FILES, here, live } from '../../support/reshape-bench.ts'
import { until } from '../../support/until.ts'

const LONG = 3600

/** v1 is live, its web behind a.test and replaced stop-first from now on; whatever is called `broken` does not start. */
async function bench(t: ExecutionContext, drain: number, options?: DeployGroundOptions) {
  const made = await live(t, {
    program: ({ command = [] }) => (command.join().includes('broken') ? { cannotStart: 'no such file' } : {}),
    ...options,
    stack: { drain },
  })
  const hostname = 'a.test' as Hostname
  const endpoint = { hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, endpoint)
  await made.restart() // Only now its containers say their port.
  await made.background.idle()
  made.ground.store.services.setRollout(made.app.id, 'web', 'stop-first')
  const [old] = made.engine.containers.filter(({ spec }) => spec.labels.process === 'web')
  if (!old) throw new Error('there is no web')
  const isStopped = () => made.engine.calls.slice(calls).includes(`stop ${old.id}`)
  const calls = made.engine.calls.length
  const push = async (web: string, signal = here()) =>
    made.push(await made.commit({ ...FILES, Procfile: `web: ${web}\nworker: work\n` }), { signal })
  const shows = async (...servers: (string | null)[]) =>
    t.deepEqual(await made.router.shown(), [['a.test', ...servers.map(each => `${each}:5000`)].join(' ')])
  const offRoute = () =>
    until('nothing more is sent to it', async () => (await made.router.shown())[0] === 'a.test')
  await shows(old.address)
  return { ...made, old, isStopped, push, shows, offRoute }
}

test('it is taken off its route, ends its requests, and stops only then, whatever is compared meanwhile', async t => {
  const made = await bench(t, LONG)
  const { old } = made
  const request = made.router.open('a.test')
  const pushing = made.push('serve --more')
  await made.offRoute()
  await made.routing.follow(made.app, here())
  await made.routing.followAll(here())
  await made.shows()
  t.true(old.running)
  t.false(made.isStopped())
  const worker = made.engine.containers.find(({ spec }) => spec.labels.process === 'worker')
  t.true(worker?.running)

  request.end()
  const push = await pushing
  t.true(push.accepted, push.said)
  t.regex(
    push.said,
    /-----> Replacing web\.1, worker\.1 stop-first: .*\n {7}No new requests for web\.1: those under way have 3600 s to end\n/,
  )
  t.true(made.isStopped())
  const [next] = made.engine.containers.filter(each => each.running && each.spec.labels.process === 'web')
  await made.shows(next?.address ?? null)
  await made.background.idle()
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
  t.false(made.router.calls.some(call => call.startsWith('cut')))
})

test('requests that take longer than the stack’s time are cut before it is stopped', async t => {
  const made = await bench(t, 0)
  const request = made.router.open('a.test')
  let isCut = false
  void request.ended.then(() => {
    isCut = true
  })
  const cutAtStop: boolean[] = []
  made.engine.on('stop', id => {
    if (id === made.old.id) cutAtStop.push(isCut)
  })
  const push = await made.push('serve --more')
  t.true(push.accepted, push.said)
  t.true(cutAtStop[0])
  await made.background.idle()
})

test('when its candidate fails it runs again and is back on its route, also over a restart', async t => {
  const made = await bench(t, LONG)
  const { old } = made
  const push = await made.push('broken')
  t.is(push.operation?.problem, 'container-not-started')
  t.regex(
    push.said,
    /No new requests for web\.1: .*\n[\s\S]*-----> Starting web\.1, worker\.1 of before again\n/,
  )
  t.true(old.running)
  await made.shows(old.address)

  await made.restart('web')
  await made.background.idle()
  const [next] = made.engine.containers.filter(({ spec }) => spec.labels.process === 'web')
  t.not(next?.id, old.id)
  await made.shows(next?.address ?? null)
})

test('whoever leaves while it ends its requests leaves it as it was: on its route, never stopped', async t => {
  const made = await bench(t, LONG)
  const { old } = made
  const request = made.router.open('a.test')
  const leaving = new AbortController()
  const pushing = made.push('serve --more', leaving.signal)
  await made.offRoute()
  leaving.abort()
  const push = await pushing
  t.is(push.operation?.problem, 'cancelled')
  t.notRegex(push.said, /of before again/)
  t.false(made.isStopped())
  await made.shows(old.address)
  request.end()
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
})

test('one that cannot be brought back because the engine is away is off its route until it runs', async t => {
  const made = await bench(t, LONG)
  const { old } = made
  let isAway = false
  for (const call of ['start', 'stop', 'inspect', 'remove', 'list'] as const) {
    made.engine.on(call, () => {
      if (isAway) throw new Problem('engine-unreachable', { headline: 'It is away', hint: 'Wait.' })
    })
  }
  const off = made.engine.on('start', () => {
    off()
    isAway = true
    throw new Problem('engine-unreachable', { headline: 'It is away', hint: 'Wait.' })
  })
  t.false((await made.push('serve --more')).accepted)
  t.false(old.running)
  // Its engine starts it by itself, while the gateway may still be about to stop it once more.
  old.run({}, '127.9.9.9')
  isAway = false
  const seen: string[] = []
  made.engine.on('stop', async () => void seen.push(...(await made.router.shown())))
  await made.routing.follow(made.app, here())
  await made.background.idle()
  t.true(old.running)
  await made.shows(old.address)
  t.deepEqual([...new Set(seen)], ['a.test'])
})
