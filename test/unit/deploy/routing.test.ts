// How routes follow the record and the engine, whatever comes in between.
import test, { type ExecutionContext } from 'ava'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const here = () => new AbortController().signal
const unreachable = () => new Problem('router-unreachable', { headline: 'It is away', hint: 'Wait.' })

async function bench(t: ExecutionContext, options?: DeployGroundOptions) {
  const made = await deployGround(t, options)
  const { store } = made.ground
  return {
    ...made,
    store,
    endpoint: (name: string, app = made.app, service = 'web', port: number | null = null) =>
      store.endpoints.create(app.id, { hostname: name as Hostname, service, port, path: null, tls: 'off' }),
    async deployed(app = made.app) {
      const push = await made.push(await made.commit(FILES, app), { app })
      t.true(push.accepted, push.said)
      await made.background.idle()
    },
    /** `10.0.0.2:5000` of those that run. */
    at: (process: string, app = made.app) =>
      made.engine.containers
        .filter(
          ({ spec, running }) =>
            running && spec.labels.process === process && spec.labels.app === app.name.app,
        )
        .map(({ address }) => `${address}:5000`)
        .join(' '),
  }
}

test('the routes of an app lead to its live containers, and to nothing before there are any', async t => {
  const made = await bench(t)
  made.endpoint('a.test')
  made.endpoint('b.test', made.app, 'worker', 90)
  await made.routing.follow(made.app, here())
  t.deepEqual(await made.router.shown(), ['a.test', 'b.test'])
  await made.deployed()
  await made.routing.follow(made.app, here())
  t.deepEqual(await made.router.shown(), [
    `a.test ${made.at('web')}`,
    `b.test ${made.at('worker').replace(':5000', ':90')}`,
  ])
  await made.routing.follow(made.app, here())
  t.deepEqual((await made.router.shown()).length, 2)
})

test('a router is started with the first endpoint, and an app without one needs none', async t => {
  const made = await bench(t)
  await made.routing.ready(made.app, here())
  await made.routing.follow(made.app, here())
  await made.routing.followAll(here())
  t.deepEqual(made.router.calls, ['answers'])
  await made.routing.answering(here())
  t.deepEqual(made.router.calls, ['answers', 'replace'])
})

test('a router that runs and still answers for the last endpoint that there was is told that there is none', async t => {
  const made = await bench(t)
  const left = { hostname: 'a.test' as Hostname, slot: 0, servers: [], secure: false }
  await made.router.update([left], here())
  await made.routing.followAll(here())
  t.deepEqual(await made.router.shown(), [])
})

test('a container that died is left out until it runs again, wherever that is', async t => {
  const made = await bench(t)
  made.endpoint('a.test')
  await made.deployed()
  await made.routing.follow(made.app, here())
  const web = made.engine.containers.find(({ spec }) => spec.labels.process === 'web')
  web?.exit(1)
  await made.routing.follow(made.app, here())
  t.deepEqual(await made.router.shown(), ['a.test'])
  web?.run({}, '127.9.9.9')
  await made.routing.follow(made.app, here())
  t.deepEqual(await made.router.shown(), ['a.test 127.9.9.9:5000'])
})

for (const [who, follow] of [
  ['an app', made => made.routing.follow(made.app, here())],
  ['everything', made => made.routing.followAll(here())],
] as const satisfies [string, (made: Awaited<ReturnType<typeof bench>>) => Promise<void>][]) {
  test(`a release that goes live while ${who} is compared takes no container off before its own are seen`, async t => {
    const made = await bench(t)
    made.endpoint('a.test')
    await made.deployed()
    await made.routing.follow(made.app, here())
    const before = await made.router.shown()
    const off = made.engine.on('list', () => {
      off()
      const live = made.store.releases.live(made.app.id)
      if (live === null) throw new Error('nothing is live')
      made.store.releases.promote(made.app.id, made.store.releases.create(made.app.id, live).number)
    })
    await follow(made)
    t.deepEqual(await made.router.shown(), before)
    await made.routing.follow(made.app, here())
    t.deepEqual(await made.router.shown(), ['a.test'])
  })
}

test('comparing everything routes all apps with one question to the engine, and nothing else', async t => {
  const made = await bench(t)
  const other = await made.newApp('other')
  const gone = made.endpoint('gone.test')
  made.endpoint('a.test')
  made.endpoint('b.test', other)
  await made.deployed()
  await made.deployed(other)
  await made.routing.followAll(here())
  t.is((await made.router.shown()).length, 3)
  made.store.endpoints.remove(gone.id)
  const before = made.engine.calls.length
  await made.routing.followAll(here())
  t.deepEqual(await made.router.shown(), [`a.test ${made.at('web')}`, `b.test ${made.at('web', other)}`])
  t.deepEqual(made.engine.calls.slice(before), ['list'])
})

test('an endpoint that was made or followed while everything is compared keeps what it was told', async t => {
  const made = await bench(t)
  const other = await made.newApp('other')
  made.endpoint('a.test')
  await made.deployed()
  await made.routing.followAll(here())
  const off = made.engine.on('list', async filter => {
    if ('app' in filter) return
    off()
    made.endpoint('new.test', other)
    await made.routing.follow(other, here())
    made.engine.containers.find(({ spec }) => spec.labels.process === 'web')?.exit(1)
    await made.routing.follow(made.app, here())
    made.engine.containers.find(({ spec }) => spec.labels.process === 'web')?.run({}, '127.9.9.9')
  })
  await made.routing.followAll(here())
  t.deepEqual(await made.router.shown(), ['a.test', 'new.test'])
})

test('an endpoint that is destroyed while everything is compared does not come back', async t => {
  const made = await bench(t)
  const { id } = made.endpoint('a.test')
  await made.routing.followAll(here())
  const off = made.engine.on('list', async () => {
    off()
    made.store.endpoints.remove(id)
  })
  await made.routing.followAll(here())
  t.deepEqual(await made.router.shown(), [])
})

test('an endpoint that was destroyed is taken off the router with the next follow of its app', async t => {
  const made = await bench(t)
  made.endpoint('a.test')
  const { id } = made.endpoint('b.test')
  await made.routing.follow(made.app, here())
  made.store.endpoints.remove(id)
  await made.routing.follow(made.app, here())
  t.deepEqual(await made.router.shown(), ['a.test'])
})

test('a hostname is taken off the router before another gets its slot', async t => {
  const made = await bench(t)
  const other = await made.newApp('other')
  const { id, slot } = made.endpoint('a.test')
  await made.routing.followAll(here())
  made.store.endpoints.remove(id)
  t.is(made.endpoint('b.test', other).slot, slot)
  await made.routing.follow(other, here())
  t.deepEqual(await made.router.shown(), ['b.test'])
  await made.routing.follow(made.app, here())
  t.deepEqual(await made.router.shown(), ['b.test'])
})

test('a router that went away is started again and told everything', async t => {
  const made = await bench(t)
  const other = await made.newApp('other')
  made.endpoint('a.test')
  made.endpoint('b.test', other)
  await made.routing.followAll(here())
  let off = made.router.on('update', () => {
    throw unreachable()
  })
  await made.routing.follow(made.app, here())
  off()
  t.is(made.router.calls.at(-1), 'replace a.test b.test')
  off = made.router.on('answers', () => {
    throw unreachable()
  })
  await made.routing.ready(made.app, here())
  off()
  t.is(made.router.calls.at(-1), 'replace a.test b.test')
})

test('one that is gone is started before the commit point, one that answers is not asked for all it does', async t => {
  const made = await bench(t)
  made.endpoint('a.test')
  await made.routing.followAll(here())
  const calls = made.router.calls.length
  await made.routing.ready(made.app, here())
  t.deepEqual(made.router.calls.slice(calls), ['answers'])
  made.router.vanish()
  await made.routing.ready(made.app, here())
  t.deepEqual(made.router.calls.slice(calls + 1), ['answers', 'replace a.test'])
})

test('a router that cannot be told is said before the commit point, and told as soon as it can', async t => {
  const made = await bench(t)
  made.endpoint('a.test')
  const offs = (['replace', 'answers', 'update'] as const).map(call =>
    made.router.on(call, () => {
      throw unreachable()
    }),
  )
  const thrown = await t.throwsAsync(made.routing.ready(made.app, here()), { instanceOf: Problem })
  t.is(thrown.code, 'router-unreachable')
  for (const off of offs) off()
  await made.routing.ready(made.app, here())
  t.deepEqual(await made.router.shown(), ['a.test'])
})

test('without a router an app with endpoints is told why, and others are as before', async t => {
  const missing = new Problem('router-missing', { headline: 'There is none', hint: 'Install it.' })
  const made = await bench(t)
  made.router.on('replace', () => {
    throw missing
  })
  await made.routing.ready(made.app, here())
  await made.routing.follow(made.app, here())
  await made.deployed()
  t.is(await t.throwsAsync(made.routing.answering(here())), missing)
  made.endpoint('a.test')
  t.is(await t.throwsAsync(made.routing.ready(made.app, here())), missing)
})

test('while the engine does not answer, what the router does stays, also after a restart of the gateway', async t => {
  const made = await bench(t)
  const endpoint = made.endpoint('a.test')
  const servers = [{ address: '127.9.9.9', port: 80 }]
  await made.router.replace([{ hostname: endpoint.hostname, slot: 0, servers, secure: false }], here())
  const off = made.engine.on('list', () => {
    throw new Problem('engine-unreachable', { headline: 'It is away', hint: 'Wait.' })
  })
  await made.routing.followAll(here())
  t.deepEqual(await made.router.shown(), ['a.test 127.9.9.9:80'])
  off()
  await made.routing.followAll(here())
  t.deepEqual(await made.router.shown(), ['a.test'])
})

test('containers on another machine are not routed to', async t => {
  const engine = { kind: 'tls', host: 'far.test', port: 2376, ca: '', cert: '', key: '' } as const
  const made = await bench(t, { stack: { engine } })
  made.endpoint('a.test')
  t.deepEqual(made.routing.endpoints(made.app), [])
})

test('draining leaves out an address that another container of the environment has by now', async t => {
  const made = await bench(t)
  const other = await made.newApp('other')
  made.endpoint('a.test')
  made.endpoint('b.test', other)
  await made.deployed()
  await made.deployed(other)
  await made.routing.followAll(here())
  const [web, worker] = await made.engine.list({ app: 'my-app' }, here())
  const [taken] = await made.engine.list({ app: 'other' }, here())
  if (!web || !worker || !taken) throw new Error('nothing runs')
  const [own, others] = [made.router.open('a.test'), made.router.open('b.test')]
  t.deepEqual([own.address, others.address], [web.address, taken.address])
  const cut: string[] = []
  made.router.on('cut', addresses => cut.push(...addresses))
  await made.routing.drain(made.app, [web, { ...worker, address: taken.address }], 0, here())
  t.deepEqual(cut, [web.address])
  await own.ended
  others.end()
})
