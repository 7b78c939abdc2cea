// A build is not begun where the engine's disk is nearly full.
import test from 'ava'
import { type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }
const floor = (bytes: number) =>
  ({ stack: { build: { builder: 'auto', timeout: 60, floor: bytes, cache: null } } }) as const
const GIBIBYTE = 2 ** 30

test('less free space than the floor refuses a build, and says how much is free and what to do', async t => {
  const made = await deployGround(t, { ...floor(GIBIBYTE), freeDisk: GIBIBYTE - 1 })
  const push = await made.push(await made.commit(FILES))
  t.false(push.accepted)
  t.is(push.operation?.problem, 'engine-disk-full')
  for (const line of [
    'There is too little space left on the engine of the stack local for a build (engine-disk-full)\n',
    'What we saw:   1023.9MiB are free in /var/lib/docker; a build wants 1GiB (build.floor).\n',
    '(`docker system df` shows what takes it; build.cache in the stack file bounds what builds leave), or to lower build.floor.',
  ])
    t.true(push.said.includes(line), push.said)
  t.is(made.engine.builds.length, 0)
})

test('a scan that builds is refused alike', async t => {
  const made = await deployGround(t, { ...floor(GIBIBYTE), freeDisk: 0 })
  const push = await made.push(await made.commit(FILES), { branch: 'aptible-scan' })
  t.is(push.operation?.problem, 'engine-disk-full')
})

for (const [what, options] of [
  ['just as much as the floor', { ...floor(GIBIBYTE), freeDisk: GIBIBYTE }],
  ['nothing, where the floor is 0', { ...floor(0), freeDisk: 0 }],
] as const satisfies readonly (readonly [string, DeployGroundOptions])[]) {
  test(`a build goes on when there is ${what}`, async t => {
    const made = await deployGround(t, options)
    const push = await made.push(await made.commit(FILES))
    t.true(push.accepted, push.said)
  })
}

test('a floor of 0 does not even ask the engine', async t => {
  const made = await deployGround(t, floor(0))
  await made.push(await made.commit(FILES))
  t.false(made.engine.calls.includes('diskSpace'))
})

test('where the space cannot be known nothing is said', async t => {
  const made = await deployGround(t, { ...floor(GIBIBYTE), freeDisk: null })
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  t.notRegex(push.said, /space|floor/)
})

test('an image that is pulled is not held up', async t => {
  const made = await deployGround(t, { ...floor(GIBIBYTE), freeDisk: 0 })
  made.configure({ APTIBLE_DOCKER_IMAGE: 'quay.io/acme/shop' })
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
})
