// What builds leave on the engine is bounded where the stack says so, as soon as no build runs there.
import test, { type ExecutionContext } from 'ava'
import { type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'
import { until } from '../../support/until.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }
const GIBIBYTE = 2 ** 30

async function setup(t: ExecutionContext, cache: number | null, options: DeployGroundOptions = {}) {
  const made = await deployGround(t, {
    ...options,
    stack: { build: { builder: 'auto', timeout: 60, floor: 0, cache } },
  })
  const kept: number[] = []
  made.engine.on('trimBuildCache', keep => void kept.push(keep))
  return { ...made, kept, deploy: async () => made.push(await made.commit(FILES)) }
}

test('behind a build as much is kept as the stack says, and the pusher does not wait for the rest to go', async t => {
  const made = await setup(t, 20 * GIBIBYTE)
  const held = Promise.withResolvers<void>()
  made.engine.on('trimBuildCache', () => held.promise)
  const push = await made.deploy()
  t.true(push.accepted, push.said)
  t.deepEqual(made.kept, [20 * GIBIBYTE])
  held.resolve()
  await made.background.idle()
})

test('a build that fails leaves as much as any', async t => {
  const made = await setup(t, 0)
  made.engine.on('build', () => Promise.reject(new Error('no')))
  t.false((await made.deploy()).accepted)
  t.deepEqual(made.kept, [0])
})

test('where the stack says nothing the cache is not touched, nor where nothing is built', async t => {
  const silent = await setup(t, null)
  t.true((await silent.deploy()).accepted)
  t.deepEqual(silent.kept, [])
  const pulled = await setup(t, 0)
  pulled.configure({ APTIBLE_DOCKER_IMAGE: 'quay.io/acme/shop' })
  t.true((await pulled.deploy()).accepted)
  t.deepEqual(pulled.kept, [])
})

test('a build that comes meanwhile waits, and is told for what', async t => {
  const made = await setup(t, 0)
  const held = Promise.withResolvers<void>()
  const open = made.engine.on('trimBuildCache', () => held.promise)
  await made.deploy()
  open()
  const other = await made.newApp('other')
  const id = await made.commit(FILES, other)
  let said = ''
  const heard = (text: string) => {
    said += text
  }
  const pushing = made.push(id, { app: other, heard })
  await until('it waits', async () =>
    said.includes('       Waiting until the engine has trimmed its build cache\n'),
  )
  t.is(made.engine.builds.length, 1)

  const leave = new AbortController()
  const third = await made.newApp('third')
  const leaving = made.push(await made.commit(FILES, third), { app: third, signal: leave.signal })
  await until('the third waits', async () =>
    made
      .lines(made.ground.store.operations.list(third.id, 1)[0] ?? null)
      .some(line => line.includes('Waiting until')),
  )
  leave.abort(new Error('left'))
  t.false((await leaving).accepted)

  held.reject(new Error('the engine is away'))
  t.true((await pushing).accepted)
  t.is(made.engine.builds.length, 2)
  await made.background.idle()
  t.deepEqual(made.kept, [0, 0])
})

test('nothing is trimmed as long as any build runs', async t => {
  const made = await setup(t, 0)
  const held = Promise.withResolvers<void>()
  const open = made.engine.on('build', () => held.promise)
  const slow = made.deploy()
  await until('it builds', async () => made.engine.calls.includes('build'))
  open()
  const other = await made.newApp('other')
  const quick = await made.push(await made.commit(FILES, other), { app: other })
  t.true(quick.accepted, quick.said)
  t.deepEqual(made.kept, [])
  held.resolve()
  t.true((await slow).accepted)
  t.deepEqual(made.kept, [0])
})
