// Which images stay on the engine after a promotion, after a failure and after a crash.
import test, { type ExecutionContext } from 'ava'
import { configure } from '../../../src/deploy/configure.ts'
import { recoverWhenPossible } from '../../../src/deploy/recover.ts'
import { removeOldImages } from '../../../src/deploy/retention.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type DeployGround, type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'

async function bench(t: ExecutionContext, options?: DeployGroundOptions) {
  const made = await deployGround(t, options)
  let version = 0
  const push = async () => {
    version += 1
    return made.push(await made.commit({ Procfile: `web: serve ${version}\n`, Dockerfile: 'FROM scratch\n' }))
  }
  return {
    ...made,
    push,
    async deploy(times: number): Promise<void> {
      for (let n = 0; n < times; n += 1) {
        const { accepted, said } = await push()
        if (!accepted) throw new Error(said)
        await made.background.idle()
      }
    },
  }
}

async function set({ operations, ground, app, actor, background }: DeployGround, value: string) {
  const { signal } = new AbortController()
  const request = { kind: 'configure', subject: 'A', actor: actor('ann'), say: () => {}, signal } as const
  await operations.run(app, request, run =>
    configure(ground, app, new Map([['A', new Secret(value)]]), [], run),
  )
  await background.idle()
}

test('after a promotion the images of the last releases stay, and older ones go', async t => {
  const made = await bench(t, { keepReleases: 3 })
  await made.deploy(5)
  t.deepEqual(made.tags(), ['op3', 'op4', 'op5'])
  t.is(made.engine.host.images.size, 3)
})

test('the live image is kept where only one is', async t => {
  const made = await bench(t, { keepReleases: 1 })
  await made.deploy(2)
  t.deepEqual(made.tags(), ['op2'])
  t.deepEqual(made.present(), ['v2 web.1 running'])
})

test('releases that share an image count as one, so that variables put no code out of reach', async t => {
  const made = await bench(t, { keepReleases: 2 })
  await made.deploy(2)
  for (const value of ['1', '2', '3']) await set(made, value)
  t.is(made.ground.store.releases.live(made.app.id)?.number, 5)
  t.deepEqual(made.tags(), ['op1', 'op2'])
})

test('a release that fails takes nothing away', async t => {
  const made = await bench(t, {
    keepReleases: 1,
    program: ({ labels }) => (labels.release === 2 ? { exits: 1 } : {}),
  })
  await made.deploy(1)
  t.false((await made.push()).accepted)
  await made.background.idle()
  t.deepEqual(made.tags(), ['op1'])
})

test('an old image goes only when what ran from it has ended', async t => {
  const made = await bench(t, { keepReleases: 1 })
  await made.deploy(1)
  made.engine.on('stop', async () => {
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate)
  })
  made.engine.on('removeTag', () => t.deepEqual(made.present(), ['v2 web.1 running']))
  await made.deploy(1)
  t.deepEqual(made.tags(), ['op2'])
})

test('images of other apps, generators and strangers are left alone', async t => {
  const made = await bench(t, { keepReleases: 1 })
  const id = made.ground.store.gatewayId
  const others = [
    `fairlead-${id}/my-env/my-app:generator-1`,
    `fairlead-${id}/my-env/my-app-too:op1`,
    'fairlead-other/my-env/my-app:op1',
    'busybox:latest',
  ]
  for (const name of others) made.engine.host.addImage(name)
  await made.deploy(2)
  for (const name of others) t.not(made.engine.host.findImage(name), null, name)
})

test('removal waits for the turn of the app, and asks again what is kept', async t => {
  const made = await bench(t, { keepReleases: 1 })
  await made.deploy(1)
  let looked = 0
  made.engine.on('tags', () => {
    looked += 1
    t.deepEqual(
      made.ground.store.operations.unfinished().map(({ number }) => number),
      [],
    )
  })
  // The second push waits for the first; what the first one leaves to be removed comes behind both or between them.
  await Promise.all([made.push(), made.push()])
  await made.background.idle()
  t.true(looked > 0)
  t.is(made.tags().length, 1)
})

test('what is removed late of an app that was destroyed takes nothing of another that has its name', async t => {
  const made = await bench(t, { keepReleases: 1 })
  const { ground, app } = made
  await made.deploy(1)
  // Nothing runs from the image, which would keep it.
  for (const { id } of made.engine.containers) await made.engine.remove(id, new AbortController().signal)
  ground.store.apps.remove(app.id)
  ground.store.apps.create(app.environmentId, app.name.app)
  await removeOldImages(ground, app)
  t.deepEqual(made.tags(), ['op1'])
})

test('an engine that does not answer is asked again', async t => {
  const made = await bench(t, { keepReleases: 1 })
  await made.deploy(1)
  let refusals = 0
  made.engine.on('removeTag', () => {
    if (refusals === 2) return
    refusals += 1
    throw new Problem('engine-unreachable', { headline: 'It does not answer', hint: 'Wait.' })
  })
  await made.deploy(1)
  t.is(refusals, 2)
  t.deepEqual(made.tags(), ['op2'])
})

test('what a crash left undone is done by recovery, by the same rule', async t => {
  const made = await bench(t, { keepReleases: 2 })
  const off = made.engine.on('tags', () => {
    throw new Problem('engine-unreachable', { headline: 'It does not answer', hint: 'Wait.' })
  })
  const pushes = []
  for (let n = 0; n < 4; n += 1) pushes.push(await made.push())
  t.true(pushes.every(({ accepted }) => accepted))
  t.deepEqual(made.tags(), ['op1', 'op2', 'op3', 'op4'])
  await made.background.stop(0)
  off()
  made.engine.host.addImage(`fairlead-${made.ground.store.gatewayId}/my-env/my-app:generator-1`)
  await recoverWhenPossible(made.ground, made.operations, new AbortController().signal, {
    retry: 1,
    late: 100,
  })
  t.deepEqual(made.tags(), ['op3', 'op4'])
})
