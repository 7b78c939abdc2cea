// What an end at the worst moment leaves: of the gateway, of its engine, of the pusher. Each moment is held on to
// until the end has come, so that nothing here depends on how fast the machine is.
import test, { type ExecutionContext } from 'ava'
import type { Gate, Held } from '../support/gate.ts'
import { type GatedApps, HTTPD, startGatedApps } from '../support/gated-apps.ts'
import type { Checkout, TestGateway } from '../support/gateway.ts'
import { onEngine } from '../support/on-engine.ts'
import { page, processes } from '../support/page.ts'
import { branchOf, type LivePush, livePush, says } from '../support/pushed.ts'
import type { TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

let gated: GatedApps
let gateway: TestGateway
let registry: TestRegistry
let gate: Gate

test.before(async () => {
  gated = await startGatedApps()
  ;({ gateway, registry, gate } = gated)
})
test.afterEach.always(() => gate?.open())
test.after.always(() => gated?.dispose())

/** Exactly the one web container of `release`, and one image, are left; it answers with `greeting`. */
async function onlyServes(
  t: ExecutionContext,
  app: Checkout,
  release: string,
  greeting: string,
): Promise<void> {
  await until(`only ${release} of ${app.name} is left`, async () => {
    const { containers } = await onEngine(gateway, app.name)
    return containers.length === 1 && containers[0]?.includes(`.${release}.web.`)
  })
  // What a stop-first deploy had stopped is started after its candidate is gone.
  await until(`web.1 of ${app.name} runs again`, async () => {
    const rows = await processes(gateway, app.name)
    return rows.length === 1 && rows[0]?.state === 'running'
  })
  const [row] = await processes(gateway, app.name)
  t.deepEqual([row?.process, row?.release], ['web.1', release])
  t.is(await page(gateway, app.name), greeting)
}

async function tagsLeft(t: ExecutionContext, app: Checkout, count: number): Promise<void> {
  await until(`${count} images of ${app.name} are left`, async () => {
    const { tags } = await onEngine(gateway, app.name)
    return tags.length === count
  })
  t.pass()
}

/** kill -9 and a new start: the deploy did not happen, v1 serves, and pushing again works. */
async function crashed(
  t: ExecutionContext,
  app: Checkout,
  push: LivePush,
  before: string,
  held?: Held,
): Promise<void> {
  await gateway.crash()
  held?.release()
  t.not((await push.ended).status, 0)
  await gateway.restart()
  const { state, problem } = await gated.newest(app)
  t.deepEqual({ state, problem }, { state: 'failed', problem: 'interrupted' })
  await onlyServes(t, app, 'v1', 'one\n')
  await tagsLeft(t, app, 1)
  t.is(await branchOf(app), before)
  await worksAgain(t, app)
}

async function worksAgain(t: ExecutionContext, app: Checkout): Promise<void> {
  const again = await app.push({ ...gated.files('again\n'), '.aptible.yml': '' })
  t.is(again.status, 0, again.all)
  const live = /-----> (v\d+) is live/.exec(again.stderr)?.[1] ?? ''
  await onlyServes(t, app, live, 'again\n')
  t.is(await branchOf(app), (await app.git('rev-parse', 'HEAD')).stdout.trim())
}

test.serial('a gateway killed while an image is pulled has not deployed', async t => {
  const app = await gated.serving(t)
  const before = await branchOf(app)
  await registry.push('shop', '1', { files: { '/new': 'a layer that the engine lacks' } })
  const held = gate.hold(/^POST .*\/images\/create/)
  t.teardown(held.release)
  const words = ['deploy', '--app', app.name, `APTIBLE_DOCKER_IMAGE=${registry.host}/shop:1`]
  const deploying = gateway.fairlead(words)
  await held.reached
  await gateway.crash()
  t.not((await deploying).status, 0)
  held.release()
  await gateway.restart()
  t.is((await gated.newest(app)).problem, 'interrupted')
  await onlyServes(t, app, 'v1', 'one\n')
  await tagsLeft(t, app, 1)
  t.is(await branchOf(app), before)
  await worksAgain(t, app)
})

test.serial('a gateway killed while an image is built has not deployed', async t => {
  const app = await gated.serving(t)
  const before = await branchOf(app)
  const push = await livePush(gateway, app, {
    Dockerfile: `FROM ${registry.host}/base:1\nRUN echo at work ; sleep 600\n`,
  })
  await says(push, 'RUN echo at work')
  await crashed(t, app, push, before)
})

test.serial('a gateway killed while before_release runs has not deployed', async t => {
  const app = await gated.serving(t)
  const before = await branchOf(app)
  const push = await livePush(gateway, app, {
    '.aptible.yml': 'before_release: echo migrating; exec sleep 600\n',
  })
  await says(push, 'remote:        migrating')
  await crashed(t, app, push, before)
})

test.serial('a gateway killed when a candidate is created and not started has not deployed', async t => {
  const app = await gated.serving(t)
  const before = await branchOf(app)
  const held = gate.hold(/^POST .*\/containers\/[^/]+\/start/)
  t.teardown(held.release)
  const push = await livePush(gateway, app, gated.files('two\n'))
  await held.reached
  t.is((await onEngine(gateway, app.name)).containers.length, 2)
  await crashed(t, app, push, before, held)
})

test.serial(
  'a gateway killed when a stop-first deploy has stopped what ran has not deployed, and it runs again',
  async t => {
    const app = await gated.serving(t)
    const settings = ['services:settings', 'web', '--rollout', 'default', '--app', app.name]
    t.is((await gateway.fairlead(settings)).status, 0)
    const before = await branchOf(app)
    const held = gate.hold(/^POST .*\/containers\/[^/]+\/start/)
    t.teardown(held.release)
    const push = await livePush(gateway, app, gated.files('two\n'))
    await held.reached
    await crashed(t, app, push, before, held)
  },
)

test.serial('a stop-first deploy whose new container fails has the old one answer again', async t => {
  const app = await gated.serving(t)
  const settings = ['services:settings', 'web', '--rollout', 'stop-first', '--app', app.name]
  t.is((await gateway.fairlead(settings)).status, 0)
  const push = await app.push({ Procfile: 'web: echo no room; exit 3\n' })
  t.is(push.status, 1, push.all)
  t.regex(
    push.stderr,
    /Replacing web\.1 stop-first[\s\S]*Starting web\.1 of before again[\s\S]*\(container-exited\)/,
  )
  await onlyServes(t, app, 'v1', 'one\n')
  await worksAgain(t, app)
})

test.serial('a gateway killed while a candidate settles has not deployed', async t => {
  const app = await gated.serving(t)
  const before = await branchOf(app)
  const push = await livePush(gateway, app, { Procfile: 'web: exec sleep 600\n' })
  await settling(app)
  await crashed(t, app, push, before)
})

test.serial(
  'a gateway killed while the old release retires has deployed, and retires it at the next start',
  async t => {
    const app = await gated.serving(t)
    const held = gate.hold(/^POST .*\/containers\/[^/]+\/stop/)
    t.teardown(held.release)
    const push = await livePush(gateway, app, gated.files('two\n'))
    await held.reached
    await gateway.crash()
    await push.ended
    t.is((await onEngine(gateway, app.name)).containers.length, 2)
    held.release()
    await gateway.restart()
    await onlyServes(t, app, 'v2', 'two\n')
    const again = await app.git('push', 'aptible', 'HEAD:refs/heads/master')
    t.is(again.status, 0, again.all)
    t.regex(again.stderr, /This commit is live already, as v2|Everything up-to-date/)
    await onlyServes(t, app, 'v2', 'two\n')
    await worksAgain(t, app)
  },
)

test.serial('a gateway killed during config:set has not changed the config', async t => {
  const app = await gated.serving(t)
  const procfile = `web: [ "$MODE" = quiet ] && exec sleep 600; ${HTTPD}\n`
  const push = await app.push({ Procfile: procfile })
  t.is(push.status, 0, push.all)
  // What retires behind the push would look like a candidate.
  await onlyServes(t, app, 'v2', 'one\n')
  const before = await branchOf(app)
  const setting = gateway.fairlead(['config:set', '--app', app.name, 'MODE=quiet'])
  await settling(app)
  await gateway.crash()
  t.not((await setting).status, 0)
  await gateway.restart()
  t.is((await gated.newest(app)).problem, 'interrupted')
  const seen = await gateway.fairlead(['activity', '--app', app.name, '--json', '--limit', '1'])
  t.like(JSON.parse(seen.stdout), [{ command: 'config:set', outcome: 'interrupted' }])
  await onlyServes(t, app, 'v2', 'one\n')
  t.is((await gateway.fairlead(['config', '--app', app.name])).stdout, '')
  t.is(await branchOf(app), before)
  const set = await gateway.fairlead(['config:set', '--app', app.name, 'MODE=loud'])
  t.is(set.status, 0, set.all)
  await worksAgain(t, app)
})

test.serial('a pusher who leaves while a candidate settles has cancelled the deploy', async t => {
  const app = await gated.serving(t)
  const before = await branchOf(app)
  const push = await livePush(gateway, app, { Procfile: 'web: exec sleep 600\n' })
  await settling(app)
  push.leave()
  await push.ended
  await until('the operation is cancelled', async () => (await gated.newest(app)).state === 'cancelled')
  t.is((await gated.newest(app)).problem, 'cancelled')
  await onlyServes(t, app, 'v1', 'one\n')
  await tagsLeft(t, app, 1)
  t.is(await branchOf(app), before)
  await worksAgain(t, app)
})

test.serial(
  'a gateway that is told to stop ends what it does, tells the pusher, and leaves nothing behind',
  async t => {
    const app = await gated.serving(t)
    const before = await branchOf(app)
    const push = await livePush(gateway, app, { Procfile: 'web: exec sleep 600\n' })
    await settling(app)
    await gateway.stop()
    const { containers, tags } = await onEngine(gateway, app.name)
    t.is(containers.length, 1, containers.join())
    t.is(tags.length, 1, tags.join())
    const { status, stderr } = await push.ended
    t.not(status, 0)
    t.regex(stderr, /The gateway stopped while the command ran \(interrupted\)/)
    t.notRegex(gateway.log(), /could not stop cleanly/)
    await gateway.restart()
    const { state, problem } = await gated.newest(app)
    t.deepEqual({ state, problem }, { state: 'failed', problem: 'interrupted' })
    await onlyServes(t, app, 'v1', 'one\n')
    t.is(await branchOf(app), before)
    await worksAgain(t, app)
  },
)

test.serial('a push while the engine is away says so, and works when it is back', async t => {
  const app = await gated.serving(t)
  await gate.shut()
  const push = await app.push(gated.files('two\n'))
  t.not(push.status, 0)
  t.regex(push.stderr, / ! {5}The Docker engine of stack local does not answer \(engine-unreachable\)/)
  t.regex(push.stderr, /What runs now: Release v1 \(web\), as before\./)
  t.regex(push.stderr, /What to do: {4}Try again in a minute\. For the operator: check that the engine runs/)
  await gate.open()
  await onlyServes(t, app, 'v1', 'one\n')
  await worksAgain(t, app)
})

test.serial('a deploy whose engine goes away fails, and is cleared away when the engine is back', async t => {
  const app = await gated.serving(t)
  const push = await livePush(gateway, app, { Procfile: 'web: exec sleep 600\n' })
  await settling(app)
  await gate.shut()
  const { status, stderr } = await push.ended
  t.not(status, 0)
  t.regex(stderr, /\(engine-unreachable\)/)
  t.regex(stderr, /What runs now: Release v1 \(web\), as before\./)
  t.is((await onEngine(gateway, app.name)).containers.length, 2)
  await gate.open()
  await onlyServes(t, app, 'v1', 'one\n')
  await tagsLeft(t, app, 1)
  await worksAgain(t, app)
})

test.serial('a gateway that starts while its engine is away clears up when it is back', async t => {
  const app = await gated.serving(t)
  const push = await livePush(gateway, app, { Procfile: 'web: exec sleep 600\n' })
  await settling(app)
  await gateway.crash()
  await push.ended
  await gate.shut()
  const before = gateway.log().length
  await gateway.restart()
  await until('recovery was tried', async () =>
    gateway.log().includes('an app could not be recovered yet', before),
  )
  await gate.open()
  await onlyServes(t, app, 'v1', 'one\n')
  await tagsLeft(t, app, 1)
})

/** Two containers run: the one that serves, and a candidate that neither answers nor exits. */
async function settling(app: Checkout): Promise<void> {
  await until('a candidate runs', async () => {
    const rows = await processes(gateway, app.name)
    return rows.filter(({ state }) => state === 'running').length === 2
  })
}
