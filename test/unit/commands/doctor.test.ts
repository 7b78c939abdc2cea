// doctor, as operators call it: every difference is found, said with its cure, mended or left to a person.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { parseHandle } from '../../../src/domain/app.ts'
import type { Container, ContainerSpec } from '../../../src/domain/container.ts'
import { type EndpointTls, type Hostname, parseHostname } from '../../../src/domain/endpoint.ts'
import type { Engine } from '../../../src/domain/engine.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { Route } from '../../../src/domain/router.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type BenchOptions, registryBench, said } from './registry-bench.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const NOTHING = said('Nothing differs.\n')
const here = () => new AbortController().signal

async function live(t: Parameters<typeof registryBench>[0], options?: BenchOptions) {
  const made = await registryBench(t, options)
  const operator = made.member('ann', 'operator')
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  await made.background.idle()
  const doctor = (...words: string[]) => made.run(operator, ['doctor', ...words])
  /** kind and `about`, of each finding. */
  const findings = async () => {
    const heard = await doctor('--json')
    const rows: { kind: string; about: string }[] = JSON.parse(heard.out)
    t.is(heard.status, rows.length === 0 ? 0 : 1)
    return rows.map(({ kind, about }) => `${about}: ${kind}`)
  }
  const container = (label: string) => {
    const found = made.engine.containers.find(
      ({ spec: { labels } }) => `${labels.process}.${labels.index}` === label,
    )
    if (found === undefined) throw new Error(`there is no ${label}`)
    return found
  }
  /** Finds exactly these, mends them all, and finds nothing afterwards. */
  const isMended = async (...expected: string[]) => {
    t.deepEqual(await findings(), expected)
    const fixed = await doctor('--fix', '--json')
    const rows: { fix: string }[] = JSON.parse(fixed.out)
    t.deepEqual(
      rows.map(({ fix }) => fix),
      expected.map(() => 'mended'),
      fixed.out + fixed.err,
    )
    t.is(fixed.status, 0)
    await made.background.idle()
    t.deepEqual(await doctor(), NOTHING)
  }
  return { ...made, operator, doctor, findings, container, isMended }
}

/** A container of the app that nothing of the record names. */
async function leave(engine: Engine, known: ContainerSpec, changes: Partial<Container['labels']>) {
  const spec = {
    ...known,
    name: `left.${Object.entries(changes).flat().join('.')}`,
    labels: { ...known.labels, ...changes },
  }
  const id = await engine.create(spec, here())
  await engine.start(id, here())
  return id
}

test('after a deploy nothing differs', async t => {
  const { doctor, findings } = await live(t)
  t.deepEqual(await doctor(), NOTHING)
  t.deepEqual(await doctor('--fix'), NOTHING)
  t.deepEqual(await findings(), [])
})

test('each finding stands in a line of its own, with its cure', async t => {
  const { doctor, container, engine } = await live(t)
  container('web.1').exit(1, 'stopped')
  await engine.remove(container('worker.1').id, here())
  const heard = await doctor()
  t.is(heard.status, 1)
  t.deepEqual(
    heard.out.split('\n').map(line => line.split(/ {2,}/)),
    [
      ['ABOUT', 'KIND', 'FOUND', 'CURE'],
      [
        'my-env/my-app',
        'container-stopped',
        'web.1 of v1 does not run: Exited (1) 1 second ago',
        '--fix starts it',
      ],
      [
        'my-env/my-app',
        'container-missing',
        'worker.1 of v1 is not on the engine',
        '--fix starts it, as `fairlead restart` does',
      ],
      [''],
    ],
  )
})

test('what the live release needs and what stopped is started again', async t => {
  const { container, engine, isMended, present, operations, ground, app } = await live(t)
  container('web.1').exit(1, 'stopped')
  await engine.remove(container('worker.1').id, here())
  await isMended('my-env/my-app: container-stopped', 'my-env/my-app: container-missing')
  t.deepEqual(present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.true(container('worker.1').kept)
  const [newest] = ground.store.operations.list(app.id, 1)
  t.like(newest, { kind: 'restart', subject: 'worker.1', actor: 'ann', state: 'succeeded' })
  t.deepEqual(operations.busy(app.id).inTurn, [])
})

test('what the engine would not start again is kept running', async t => {
  const { container, isMended } = await live(t)
  container('web.1').kept = false
  await isMended('my-env/my-app: container-not-kept')
  t.true(container('web.1').kept)
})

test('left-overs of the app and of apps that are not there are removed, and nothing else', async t => {
  const { engine, container, isMended, ground, present } = await live(t)
  const serving = engine.containers.map(({ id }) => id).sort()
  const { spec } = container('web.1')
  await leave(engine, spec, { release: 2 })
  await leave(engine, spec, { oneOff: true })
  await leave(engine, spec, { index: 2 })
  await leave(engine, spec, { app: 'gone' })
  const own = `fairlead-${ground.store.gatewayId}`
  engine.host.addImage(`${own}/my-env/my-app:op9`)
  engine.host.addImage(`${own}/my-env/my-app:generator-7`)
  engine.host.addImage(`${own}/my-env/gone:op1`)
  await engine.ensureNetwork(`${own}.gone`, 'gone', ['127.255.255.240/28'], here())
  await isMended(
    'my-env/my-app: container-left',
    'my-env/my-app: container-left',
    'my-env/my-app: container-left',
    'my-env/my-app: image-left',
    'my-env/my-app: image-left',
    'stack local: container-left',
    'stack local: image-left',
    'stack local: network-left',
  )
  t.deepEqual(engine.containers.map(({ id }) => id).sort(), serving)
  t.deepEqual(present(), ['v1 web.1 running', 'v1 worker.1 running'])
})

test('what is of an app that was made since it was looked for is left alone', async t => {
  const { engine, container, ground, findings, doctor, app } = await live(t)
  const { store, repositories } = ground
  const own = `fairlead-${store.gatewayId}`
  await leave(engine, container('web.1').spec, { app: 'late' })
  engine.host.addImage(`${own}/my-env/late:op1`)
  const home = store.environments.create(parseHandle('late', 'environment'), 'local')
  await engine.ensureNetwork(`${own}.late`, 'late', ['127.255.255.240/28'], here())
  const late = { ...app.name, app: parseHandle('late', 'app') }
  await repositories.create(late)
  t.deepEqual((await findings()).map(line => line.replace(/.*: /, '')).sort(), [
    'container-left',
    'image-left',
    'network-left',
    'repository-left',
  ])
  // The container is the first to be mended.
  engine.on('stop', () => {
    store.apps.create(app.environmentId, late.app)
    store.apps.create(home.id, late.app)
  })
  await doctor('--fix')
  t.true(engine.host.names.has(`${own}/my-env/late:op1`))
  t.true(engine.host.networks.has(`${own}.late`))
  t.true(await repositories.exists(late))
})

test('a network that is removed is forgotten, so that its subnet is free', async t => {
  const { engine, ground, isMended } = await live(t)
  const { store } = ground
  const { id } = store.environments.create(parseHandle('bare', 'environment'), 'local')
  const subnet = '127.255.255.240/28'
  await engine.ensureNetwork(`fairlead-${store.gatewayId}.bare`, 'bare', [subnet], here())
  store.networks.record(id, subnet)
  await isMended('stack local: network-left')
  t.is(store.networks.subnet(id), null)
})

test('an app is mended in its turn, only of what is so then, and by whoever may still', async t => {
  const made = await live(t)
  const { doctor, engine, container, ground, app, operations, newApp, background, operator } = made
  const second = await newApp('second')
  t.true((await made.push(await made.commit(FILES, second), { app: second })).accepted)
  await background.idle()
  const web = container('web.1')
  const other = engine.containers.find(
    ({ spec: { labels } }) => labels.app === 'second' && labels.process === 'web',
  )
  if (other === undefined) throw new Error('the second app has no web')
  for (const each of [web, other]) each.kept = false
  const kept: string[] = []
  const turns: number[] = []
  const { exclusive } = operations
  Object.assign(operations, {
    exclusive: (id: number, work: () => Promise<unknown>) => {
      turns.push(id)
      return exclusive(id, work)
    },
  })
  const away = engine.on('keepRunning', id => {
    kept.push(id)
    other.kept = true
  })
  t.is((await doctor('--fix')).status, 0)
  away()
  t.deepEqual(kept, [web.id])
  t.deepEqual(turns, [app.id, second.id])

  for (const each of [web, other]) each.kept = false
  engine.on('keepRunning', () => ground.store.members.remove(operator.id))
  const refused = await doctor('--fix')
  t.is(refused.status, 1)
  t.regex(refused.err, /\(forbidden\)|no member/)
  t.deepEqual([web.kept, other.kept], [true, false])
})

test('images beyond what is kept are found, and those that are kept are not', async t => {
  const made = await live(t)
  for (let n = 0; n < 6; n += 1)
    t.true((await made.push(await made.commit({ ...FILES, n: String(n) }))).accepted)
  await made.background.idle()
  t.deepEqual(await made.doctor(), NOTHING)
  made.engine.host.addImage(`fairlead-${made.ground.store.gatewayId}/my-env/my-app:op1`)
  await made.isMended('my-env/my-app: image-left')
  t.is(made.tags().length, 5)
})

test('an image of the live release that is gone is for a person, who is told what to do', async t => {
  const { doctor, engine, ground, container, app } = await live(t)
  const tag = ground.store.releases.live(app.id)?.image.tag ?? ''
  engine.host.names.delete(tag)
  await engine.remove(container('web.1').id, here())
  const fixed = await doctor('--fix', '--json')
  t.is(fixed.status, 1)
  const rows: Record<string, string>[] = JSON.parse(fixed.out)
  t.deepEqual(
    rows.map(({ kind, cure, fix }) => [kind, cure, fix]),
    [
      [
        'container-missing',
        '--fix starts it, as `fairlead restart` does',
        'not mended: The image of release v1 is not on the engine any more. `fairlead rebuild` makes it again.',
      ],
      ['image-gone', 'build it again: `fairlead rebuild`', 'takes a person'],
    ],
  )
})

test('a network that differs is made or recorded again', async t => {
  const made = await live(t)
  const { store } = made.ground
  const name = `fairlead-${store.gatewayId}.my-env`
  const subnet = store.networks.subnet(made.app.environmentId)
  store.networks.record(made.app.environmentId, '10.1.2.0/28')
  await made.isMended('my-env/my-app: network-differs')
  t.is(store.networks.subnet(made.app.environmentId), subnet)
  await made.engine.removeNetwork(name, here())
  await made.isMended('my-env/my-app: network-differs')
  t.is(made.engine.host.networks.get(name)?.subnet, subnet ?? '')
})

test('a passing name that was left is taken away', async t => {
  const { ground, app, isMended } = await live(t)
  ground.store.passingNames.add(app.id, 'registry.example/shop:v1')
  await isMended('my-env/my-app: name-left')
  t.deepEqual(ground.store.passingNames.of(app.id), [])
})

test('an operation that nobody is at work on is ended in the record', async t => {
  const { ground, app, isMended } = await live(t)
  const asked = { actor: 'ann', key: 'k', address: 'a', subject: 'x' }
  const lost = ground.store.operations.create(app.id, { kind: 'deploy', ...asked })
  ground.store.operations.start(lost.id)
  await isMended('my-env/my-app: operation-lost')
  t.like(ground.store.operations.byNumber(app.id, lost.number), { state: 'failed', problem: 'interrupted' })
})

test('an app without a repository gets an empty one, and an empty one without an app goes', async t => {
  const { ground, app, isMended } = await live(t)
  await ground.repositories.create({ ...app.name, app: 'other' as typeof app.name.app })
  rmSync(ground.repositories.path(app.name), { recursive: true })
  await isMended('my-env/my-app: repository-missing', 'my-env/other: repository-left')
  t.true(await ground.repositories.exists(app.name))
})

test('a repository that holds something is never removed', async t => {
  const { ground, app, doctor } = await live(t)
  const name = { ...app.name, app: 'other' as typeof app.name.app }
  await ground.repositories.create(name)
  mkdirSync(`${ground.repositories.path(name)}/objects/aa`)
  writeFileSync(`${ground.repositories.path(name)}/objects/aa/bb`, 'an object')
  const fixed = await doctor('--fix')
  t.is(fixed.status, 1)
  t.regex(
    fixed.out,
    /^my-env\/other {2}repository-left .* create the app again to have it back, .* takes a person$/m,
  )
  t.true(await ground.repositories.exists(name))
})

test('an engine that does not answer is one finding, and nothing of its apps is judged', async t => {
  const { engine, findings, doctor } = await live(t)
  engine.on('list', () => {
    throw new Problem('engine-unreachable', { headline: 'x', saw: 'connect ENOENT\nmore', hint: 'y' })
  })
  t.deepEqual(await findings(), ['stack local: engine-silent'])
  const { status, out } = await doctor('--fix')
  t.is(status, 1)
  t.regex(out, /^stack local {2}engine-silent .* takes a person$/m)
})

test('a disk of the gateway that is nearly full is found, and takes a person', async t => {
  const { doctor, store } = await live(t)
  Object.assign(store, { room: () => ({ directory: '/data', free: 2 ** 20, size: 2 ** 34 }) })
  const { status, out } = await doctor('--fix')
  t.is(status, 1)
  t.regex(out, /^gateway {2}disk-low {2}only 1MiB are free in \/data .* takes a person$/m)
})

test('a stack that cannot be used is told from an engine that is away, and takes a person', async t => {
  const { doctor, ground, gateway } = await live(t)
  const { stack } = ground
  Object.assign(gateway.stacks, { list: () => [{ name: 'local' }, { name: 'broken' }] })
  Object.assign(ground, {
    stack(name: string) {
      if (name !== 'broken') return stack(name)
      throw new Problem('stack-invalid', { headline: 'No', saw: 'line 2 is no key', hint: 'Mend it.' })
    },
  })
  const { status, out } = await doctor('--fix')
  t.is(status, 1)
  t.regex(
    out,
    /^stack broken {2}stack-unusable {2}the stack cannot be used: line 2 is no key .* takes a person$/m,
  )
})

test('an engine with less room than a build wants is found, and takes a person', async t => {
  const { doctor, engine } = await live(t)
  Object.assign(engine, { diskSpace: async () => ({ directory: '/var/lib/docker', free: 300 * 2 ** 20 }) })
  const { status, out } = await doctor('--fix')
  t.is(status, 1)
  t.regex(
    out,
    /^stack local {2}engine-disk-low {2}300MiB are free in \/var\/lib\/docker; builds are refused below 1GiB .* takes a person$/m,
  )
})

const HOSTNAME = parseHostname('shop.example') as Hostname
const EXTRA: Route = {
  hostname: parseHostname('gone.example') as Hostname,
  slot: 7,
  servers: [{ address: '10.0.0.9', port: 80 }],
  secure: false,
}

/** With an endpoint of `web`, whose route is as it ought to be. */
async function routed(t: Parameters<typeof registryBench>[0], tls: EndpointTls = 'off') {
  const made = await live(t)
  const { ground, app, routing, router, doctor } = made
  const wish = { hostname: HOSTNAME, service: 'web', port: 5000, path: null, tls }
  const endpoint = ground.store.endpoints.create(app.id, wish)
  await routing.followAll(here())
  if (tls === 'off') t.deepEqual(await doctor(), NOTHING)
  t.regex((await router.shown()).join(), /^shop\.example \S+:5000$/)
  return { ...made, endpoint }
}

test('a route that is missing, leads elsewhere or is of no endpoint is told to the router again', async t => {
  const { router, isMended } = await routed(t)
  const right = await router.shown()
  await router.remove(HOSTNAME, here())
  await isMended('my-env/my-app: route-missing')
  await router.update([{ hostname: HOSTNAME, slot: 0, servers: EXTRA.servers, secure: false }], here())
  await isMended('my-env/my-app: route-differs')
  const [route] = await router.seen(here())
  if (route === undefined) throw new Error('there is no route')
  for (const change of [{ secure: true }, { slot: 3 }]) {
    await router.remove(HOSTNAME, here())
    await router.update([{ ...route, ...change }], here())
    await isMended('my-env/my-app: route-differs')
  }
  await router.update([EXTRA], here())
  await isMended('router: route-extra')
  t.deepEqual(await router.shown(), right)
})

test('a router that does not answer is one finding, and none where there is no endpoint', async t => {
  const { router, findings, doctor } = await routed(t)
  const away = new Problem('router-unreachable', { headline: 'The router is away', saw: 'x', hint: 'Wait.' })
  const beAway = () => {
    throw away
  }
  for (const call of ['answers', 'seen', 'update', 'replace'] as const) router.on(call, beAway)
  t.deepEqual(await findings(), ['router: router-silent'])
  const fixed = await doctor('--fix')
  t.is(fixed.status, 1)
  t.regex(fixed.out, /^router {2}router-silent .* not mended: The router is away\. Wait\.$/m)
  const { router: other, findings: others } = await live(t)
  other.on('seen', beAway)
  t.deepEqual(await others(), [])
})

test('a router that is away is started, and told every route', async t => {
  const { router, isMended } = await routed(t)
  const right = await router.shown()
  let isAway = true
  router.on('replace', () => {
    isAway = false
  })
  for (const call of ['answers', 'seen', 'update'] as const) {
    router.on(call, () => {
      if (isAway) throw new Problem('router-unreachable', { headline: 'Away', saw: 'x', hint: 'Wait.' })
    })
  }
  await isMended('router: router-silent')
  t.deepEqual(await router.shown(), right)
})

test('a certificate of our own making is got again; one that was given takes a person', async t => {
  const made = await routed(t, 'internal')
  const { ground, findings, isMended } = made
  const month = 30 * 24 * 3600 * 1000
  const [notBefore, notAfter] = [-month, month].map(off => new Date(Date.now() + off).toISOString())
  const certificate = { chain: 'chain', key: new Secret('key'), source: 'internal', notBefore, notAfter }
  const ensure = async ({ id }: { id: number }) =>
    void ground.store.certificates.keep(id, certificate as never)
  Object.assign(ground, { certificates: { ensure } })
  await isMended('my-env/my-app: certificate-missing')

  const given = await routed(t, 'file')
  Object.assign(given.ground, { certificates: { ensure: () => t.fail('that one was given') } })
  t.deepEqual(await given.findings(), ['my-env/my-app: certificate-missing'])
  const { status, out } = await given.doctor('--fix')
  t.is(status, 1)
  t.regex(out, /^my-env\/my-app {2}certificate-missing .* takes a person$/m)
  t.deepEqual(await findings(), [])
})

test('an endpoint without a certificate, and one whose certificate ends soon, are found', async t => {
  const { findings, ground, endpoint } = await routed(t, 'file')
  t.deepEqual(await findings(), ['my-env/my-app: certificate-missing'])
  const in5Days = new Date(Date.now() + 5 * 24 * 3600 * 1000).toISOString()
  const given = { chain: 'chain', key: new Secret('key'), source: 'file', notAfter: in5Days }
  ground.store.certificates.keep(endpoint.id, { ...given, notBefore: '2020-01-01T00:00:00Z' })
  t.deepEqual(await findings(), ['my-env/my-app: certificate-ends'])
})

test('an app that an operation is at work on is left out, and said to be', async t => {
  const { doctor, engine, container, operator, run, findings, background } = await live(t)
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const away = engine.on('create', async () => {
    reached.resolve()
    await released.promise
  })
  const restarting = run(operator, ['restart', '--app', 'my-env/my-app'])
  await reached.promise
  away()
  container('web.1').kept = false
  t.deepEqual(await doctor(), {
    status: 0,
    out: 'Nothing differs.\n',
    err: 'my-env/my-app is left out: #2 (restart by ann) is under way\n',
  })
  released.resolve()
  t.is((await restarting).status, 0)
  await background.idle()
  t.deepEqual(await findings(), [])
})

for (const [when, busy] of [
  ['began', [false, false, false, true]],
  ['ended', [true, false, true, false]],
] as const) {
  test(`an app is left out when an operation ${when} while doctor looked at it`, async t => {
    const { container, findings, operations } = await live(t)
    container('web.1').kept = false
    const answers = [...busy]
    Object.assign(operations, {
      busy: () => ({ inTurn: answers.shift() ? ['#9 (restart by ann)'] : [], aside: [] }),
    })
    t.deepEqual(await findings(), [])
  })
}

test('what is being retired is left out until it is gone', async t => {
  const { doctor, engine, push, commit, background } = await live(t)
  const released = Promise.withResolvers<void>()
  engine.on('remove', () => released.promise)
  t.true((await push(await commit({ ...FILES, again: '1' }))).accepted)
  const heard = await doctor()
  t.is(heard.out, 'Nothing differs.\n')
  t.is(heard.err, 'my-env/my-app is left out: retire what ran before v2 is under way\n')
  released.resolve()
  await background.idle()
  t.deepEqual(await doctor(), NOTHING)
})

test('what passes by between two looks is no finding', async t => {
  const { doctor, engine, container } = await live(t)
  const id = await leave(engine, container('web.1').spec, { release: 7 })
  let looks = 0
  engine.on('networks', async () => {
    looks += 1
    if (looks === 1) setImmediate(() => void engine.remove(id, here()))
  })
  t.deepEqual(await doctor(), NOTHING)
  t.is(looks, 2)
})

test("somebody's `run` is no left-over, also when it began while doctor looked", async t => {
  const { doctor, engine, container, ground, app } = await live(t)
  const { spec } = container('web.1')
  await leave(engine, spec, { process: 'run', oneOff: true })
  const leaveOneOff = ground.oneOffs.enter(app, 'left.process.run.oneOff.true')
  engine.host.addImage(`fairlead-${ground.store.gatewayId}/my-env/my-app:op9`)
  t.deepEqual(await doctor(), NOTHING)
  leaveOneOff()
  t.is((await doctor()).status, 1)
})

test('an operation that goes on beside the turns is not lost', async t => {
  const { doctor, operations, app, operator } = await live(t)
  const released = Promise.withResolvers<void>()
  const { actor } = operator
  const request = { kind: 'run', subject: 'x', actor, say: () => {}, signal: here(), beside: true } as const
  const running = operations.run(app, request, () => released.promise)
  t.deepEqual(await doctor(), NOTHING)
  released.resolve()
  await running
})

test('only operators may ask, and only what mends is recorded', async t => {
  const { doctor, member, run, store } = await live(t)
  const eve = member('eve', 'admin')
  const refused = await run(eve, ['doctor'])
  t.is(refused.status, 1)
  t.regex(refused.err, /You may not do this on this gateway: it needs an operator .*\(forbidden\)/)
  await doctor()
  t.deepEqual(store.activity.list(null, null, 10), [])
  await doctor('--fix')
  t.like(store.activity.list(null, null, 10), [{ command: 'doctor', options: ['fix'], outcome: 'ok' }])
})
