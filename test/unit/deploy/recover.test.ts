// After a crash: what the last process left undone is failed and cleared away, and what served is not touched.
import test from 'ava'
import { failInterrupted, recoverWhenPossible } from '../../../src/deploy/recover.ts'
import type { ContainerSpec } from '../../../src/domain/container.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { type DeployGround, DIGEST, deployGround } from '../../support/deploy-ground.ts'
import { until } from '../../support/until.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const signal = () => new AbortController().signal

/** What a process that is killed in mid-deploy leaves: a candidate, a one-off and an image of operation 9. */
async function leave({ engine, ground, app }: DeployGround, release: number): Promise<void> {
  const tag = `fairlead-${ground.store.gatewayId}/my-env/${app.name.app}:op9`
  engine.host.addImage(tag)
  const known = engine.containers[0]?.spec
  for (const [process, oneOff] of [
    ['web', false],
    ['before-release', true],
  ] as const) {
    const labels = { environment: 'my-env', app: app.name.app, release, process, index: 1, oneOff }
    const spec = { ...known, name: `left.${process}`, labels, image: tag } as ContainerSpec
    const id = await engine.create(spec, signal())
    if (known) await engine.start(id, signal())
  }
}

const recover = ({ ground, operations }: DeployGround, stopping = signal()) =>
  recoverWhenPossible(ground, operations, stopping, { retry: 1, late: 100 })

test('operations that were queued or running are failed as interrupted, with a line that says so', async t => {
  const made = await deployGround(t)
  const { operations } = made.ground.store
  const asked = (subject: string) =>
    operations.create(made.app.id, {
      kind: 'deploy',
      actor: 'ann',
      key: 'k',
      address: 'a',
      subject,
    })
  const [done, running, queued] = [asked('done'), asked('running'), asked('queued')]
  operations.start(done.id)
  operations.finish(done.id, 'succeeded', null)
  operations.start(running.id)
  failInterrupted(made.ground)
  const outcome = (number: number) => {
    const { state, problem } = operations.byNumber(made.app.id, number) ?? {}
    return [state, problem]
  }
  t.deepEqual(outcome(1), ['succeeded', null])
  t.deepEqual(outcome(2), ['failed', 'interrupted'])
  t.deepEqual(outcome(3), ['failed', 'interrupted'])
  t.deepEqual(operations.lines(done.id), [])
  for (const { id } of [running, queued]) {
    t.regex(operations.lines(id).join(), /gateway stopped while this operation ran \(interrupted\)/)
  }
})

test('candidates, one-offs and images of an interrupted deploy are removed; what serves is left alone', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  const serving = made.engine.containers.map(({ id }) => id)
  await leave(made, 2)
  t.is(made.present().length, 4)
  await recover(made)
  t.deepEqual(
    made.engine.containers.map(({ id }) => id),
    serving,
  )
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.deepEqual(made.tags(), ['op1'])
  t.is(made.engine.host.networks.size, 1)
})

test('what serves and has stopped while the gateway was away is started again, whether requests reach it or not', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  const wish = { hostname: 'a.test' as Hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, wish)
  for (const container of made.engine.containers) container.exit(0, 'stopped')
  t.deepEqual(made.present(), ['v1 web.1 exited', 'v1 worker.1 exited'])
  await recover(made)
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.true(made.engine.containers.every(({ kept }) => kept))
})

test('a container that requests may still go to is taken off its route before it is stopped', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  await leave(made, 2)
  const at = (release: number) => {
    const web = made.engine.containers.find(
      ({ spec: { labels } }) => labels.release === release && labels.process === 'web',
    )
    return web?.address ?? ''
  }
  const hostname = 'a.test' as Hostname
  const wish = { hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, wish)
  const servers = [{ address: at(2), port: 5000 }]
  await made.router.replace([{ hostname, slot: 0, servers, secure: false }], signal())
  const shown: string[] = []
  made.engine.on('stop', async id => {
    const { spec } = made.engine.containers.find(each => each.id === id) ?? {}
    if (spec?.labels.process === 'web') shown.push(...(await made.router.shown()))
  })
  await recover(made)
  await made.background.idle()
  t.deepEqual([...new Set(shown)], [`a.test ${at(1)}:5000`])
  // Its image goes after it: as long as it was there, the engine kept it.
  t.deepEqual(made.tags(), ['op1'])
})

test('what serves is kept running and runs again, behind an endpoint or not', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  const wish = { hostname: 'a.test' as Hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, wish)
  for (const container of made.engine.containers) {
    container.kept = false
    container.exit(1, 'stopped')
  }
  await recover(made)
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.true(made.engine.containers.every(({ kept }) => kept))
})

test('what nothing is routed to never runs twice: the candidate ends before the old one starts again', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  await leave(made, 2)
  for (const container of made.engine.containers)
    if (container.spec.labels.release === 1) container.exit(143, 'stopped')
  const beside: string[] = []
  made.engine.on('start', () => void beside.push(...made.present().filter(line => line.startsWith('v2'))))
  await recover(made)
  t.deepEqual(beside, [])
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
})

test('an app that was destroyed before its turn came is left to the one that has its name by then', async t => {
  const made = await deployGround(t)
  const { ground, app, operations } = made
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  const released = Promise.withResolvers<void>()
  const held = operations.exclusive(app.id, () => released.promise)
  const recovered = recover(made)
  ground.store.apps.remove(app.id)
  ground.store.apps.create(app.environmentId, app.name.app)
  released.resolve()
  await Promise.all([held, recovered])
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.deepEqual(made.tags(), ['op1'])
})

test('behind an endpoint too, what is replaced stop-first runs again only when its candidate has ended', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  await made.background.idle()
  const wish = { hostname: 'a.test' as Hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, wish)
  made.ground.store.services.setRollout(made.app.id, 'web', 'stop-first')
  const web = made.engine.containers.find(({ spec: { labels } }) => labels.process === 'web')
  await made.engine.stop(web?.id ?? '', 0, signal())
  await leave(made, 2)
  const beside: string[][] = []
  made.engine.on('start', id => {
    if (id === web?.id) beside.push(made.present())
  })
  await recover(made)
  await made.background.idle()
  t.deepEqual(beside, [['v1 web.1 exited', 'v1 worker.1 running']])
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
})

test('what was to be reached of an app that never was live goes with its image and its network', async t => {
  const made = await deployGround(t, { stack: { settle: 5 }, program: () => ({ exits: 1 }) })
  t.false((await made.push(await made.commit(FILES))).accepted)
  await leave(made, 2)
  const hostname = 'a.test' as Hostname
  const wish = { hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, wish)
  await recover(made)
  await made.background.idle()
  t.deepEqual(made.present(), [])
  t.deepEqual(made.tags(), [])
  t.is(made.engine.host.networks.size, 0)
})

test('a one-off of the live release is no part of what serves', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  await leave(made, 1)
  await recover(made)
  t.deepEqual(
    made.engine.containers.filter(({ spec }) => spec.labels.oneOff),
    [],
  )
})

test('what an app left that never was live goes with its network', async t => {
  const made = await deployGround(t, { stack: { settle: 5 }, program: () => ({ exits: 1 }) })
  t.false((await made.push(await made.commit(FILES))).accepted)
  t.is(made.engine.host.networks.size, 1)
  await leave(made, 2)
  await recover(made)
  t.deepEqual([made.present(), made.tags(), made.engine.host.networks.size], [[], [], 0])
})

test('a network stays while another app of the environment is about to start on it', async t => {
  const made = await deployGround(t)
  const other = await made.newApp('other')
  let recovering = Promise.resolve()
  made.engine.on('create', async () => {
    recovering = recover(made)
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
  })
  const push = await made.push(await made.commit(FILES, other), { app: other })
  t.true(push.accepted, push.said)
  await recovering
  t.true(made.engine.calls.every(call => !call.startsWith('removeNetwork')))
})

test('an engine that does not answer at first is asked again, and holds up no other app', async t => {
  const made = await deployGround(t)
  const other = await made.newApp('other')
  t.true((await made.push(await made.commit(FILES))).accepted)
  t.true((await made.push(await made.commit(FILES, other), { app: other })).accepted)
  await leave(made, 2)
  let refusals = 0
  made.engine.on('list', ({ app }) => {
    if (app !== 'my-app' || refusals === 3) return
    refusals += 1
    throw new Problem('engine-unreachable', { headline: 'It does not answer', hint: 'Wait.' })
  })
  await recover(made)
  t.is(refusals, 3)
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.is(made.logged.filter(({ msg }) => msg === 'an app could not be recovered yet').length, 3)
})

test('an app that somebody is at work on already is recovered afterwards, and holds up no other app', async t => {
  const made = await deployGround(t)
  const other = await made.newApp('other')
  t.true((await made.push(await made.commit(FILES, other), { app: other })).accepted)
  const [known] = made.engine.containers
  const left = {
    ...known?.spec,
    name: 'left',
    labels: { ...known?.spec.labels, release: 9 },
  } as ContainerSpec
  await made.engine.create(left, signal())
  const atWork = Promise.withResolvers<void>()
  const working = made.operations.run(
    made.app,
    { kind: 'deploy', subject: 'x', actor: made.actor('ann'), say: () => {}, signal: signal() },
    () => atWork.promise,
  )
  const recovered = recover(made)
  await until('the other one is recovered', async () =>
    made.engine.containers.every(({ spec }) => spec.name !== 'left'),
  )
  t.deepEqual(made.ground.besides(made.app.id), ['recover my-env/my-app'])
  atWork.resolve()
  await Promise.all([working, recovered])
  await made.background.idle()
  t.deepEqual(made.ground.besides(made.app.id), [])
})

test('a stop of the gateway ends recovery, also one that waits for an engine', async t => {
  const made = await deployGround(t)
  const stopping = new AbortController()
  made.engine.on('list', async (_filter, listing) => {
    stopping.abort()
    await new Promise((_, reject) => {
      if (listing.aborted) reject(listing.reason)
      listing.addEventListener('abort', () => reject(listing.reason))
    })
  })
  await recover(made, stopping.signal)
  await made.operations.idle()
  t.pass()
})

test('the image of the live release is kept however many releases failed since, also when nothing runs from it', async t => {
  const made = await deployGround(t)
  const { store } = made.ground
  t.true((await made.push(await made.commit(FILES))).accepted)
  const live = store.releases.live(made.app.id)
  store.transaction(() => {
    for (let n = 0; n < 1001; n += 1) {
      store.releases.create(made.app.id, {
        image: { tag: `x:op${n}`, digest: null, id: 'sha256:1', source: 'Dockerfile' },
        processes: [],
        configVersion: 0,
        commit: 'c',
        operation: 1,
      })
    }
  })
  for (const { id } of made.engine.containers) await made.engine.remove(id, signal())
  await recover(made)
  t.true(live?.image.tag.endsWith(':op1'))
  t.deepEqual(made.tags(), ['op1'])
})

for (const [what, name] of [
  ['push', 'quay.io/acme/shop:v1'],
  ['pull', `quay.io/acme/shop@sha256:${'a'.repeat(64)}`],
] as const) {
  test(`the name that a ${what} has left on the engine is taken away, and forgotten`, async t => {
    const made = await deployGround(t)
    made.engine.host.addImage(name)
    made.ground.store.passingNames.add(made.app.id, name)
    await recover(made)
    t.is(made.engine.host.findImage(name), null)
    t.deepEqual(made.ground.store.passingNames.of(made.app.id), [])
  })
}

test('a pull that was broken off is remembered by the name it may have left, until the next deploy takes it away', async t => {
  const made = await deployGround(t)
  const { passingNames } = made.ground.store
  const name = `docker.io/acme/shop@${DIGEST}`
  made.configure({ APTIBLE_DOCKER_IMAGE: 'acme/shop' })
  const heal = made.engine.on('pull', request => {
    request.named?.()
    made.engine.host.addImage(name)
    throw new Problem('engine-unreachable', { headline: 'It died', hint: 'Wait.' })
  })
  t.false((await made.push(await made.commit({ Procfile: 'web: serve\n' }))).accepted)
  t.deepEqual(passingNames.of(made.app.id), [name])
  heal()
  t.true((await made.push(await made.commit({ Procfile: 'web: serve\n' }))).accepted)
  t.false(made.engine.host.names.has(name))
  t.deepEqual(passingNames.of(made.app.id), [])
})
