// config:set: what is in force, what is history, and what a roll-out that fails means for both.
import test from 'ava'
import { configInForce } from '../../../src/deploy/config-in-force.ts'
import { type Configured, configure } from '../../../src/deploy/configure.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type DeployGround, type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }

async function bench(t: Parameters<typeof deployGround>[0], options?: DeployGroundOptions) {
  const made = await deployGround(t, options)
  let said = ''
  const set = (values: Record<string, string>, unset: string[] = []): Promise<Configured> => {
    const secrets = new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]))
    const say = (text: string) => {
      said += text
    }
    const request = {
      kind: 'configure',
      subject: Object.keys(values).join(' '),
      actor: made.actor('ann'),
      say,
      signal: new AbortController().signal,
    } as const
    return made.operations.run(made.app, request, run =>
      configure(made.ground, made.app, secrets, unset, run),
    )
  }
  return { ...made, set, said: () => said }
}

const inForce = ({ ground, app }: DeployGround) => {
  const { version, values } = configInForce(ground.store, app)
  return { version, ...Object.fromEntries([...values].map(([name, value]) => [name, value.reveal()])) }
}

test('before the first deploy a change is stored, and the next one builds on it', async t => {
  const made = await bench(t)
  t.deepEqual(await made.set({ A: '1', B: '1' }), { version: 1, release: null })
  t.deepEqual(await made.set({ A: '2' }, ['B']), { version: 2, release: null })
  t.deepEqual(inForce(made), { version: 2, A: '2' })
  t.deepEqual(made.present(), [])
})

test('on an app that runs a change is a new release of the same image', async t => {
  const made = await bench(t)
  await made.set({ A: '1' })
  t.true((await made.push(await made.commit(FILES))).accepted)
  const changed = await made.set({ A: '2' })
  t.deepEqual(changed, { version: 2, release: 2 })
  t.deepEqual(inForce(made), { version: 2, A: '2' })
  await made.background.idle()
  t.deepEqual(made.present(), ['v2 web.1 running'])
  t.is(made.engine.containers[0]?.spec.env.get('A')?.reveal(), '2')
  t.is(made.engine.builds.length, 1)
  const [second, first] = made.ground.store.releases.list(made.app.id, 2)
  t.deepEqual(second?.image, first?.image)
  t.is(second?.commit, first?.commit)
})

test('a change whose release fails stays in the history and is not in force', async t => {
  const made = await bench(t, {
    program: ({ env }) => (env.get('A')?.reveal() === 'bad' ? { exits: 1 } : {}),
  })
  await made.set({ A: 'good' })
  t.true((await made.push(await made.commit(FILES))).accepted)
  await t.throwsAsync(made.set({ A: 'bad' }))
  t.regex(made.said(), /container-exited/)
  t.deepEqual(inForce(made), { version: 1, A: 'good' })
  t.is(made.ground.store.configs.at(made.app.id, 2).get('A')?.reveal(), 'bad')
  t.deepEqual(made.present(), ['v1 web.1 running'])
  t.deepEqual(made.tags(), ['op2'])

  t.deepEqual(await made.set({ B: 'new' }), { version: 3, release: 3 })
  t.deepEqual(inForce(made), { version: 3, A: 'good', B: 'new' })
})

test('an image that somebody took off the engine is named, and nothing is changed', async t => {
  const made = await bench(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  made.engine.on('findImage', () => {
    made.engine.host.names.clear()
    made.engine.host.images.clear()
  })
  await t.throwsAsync(made.set({ A: '1' }))
  t.regex(made.said(), /The image of release v1 is not on the engine any more \(image-not-found\)/)
  t.deepEqual(inForce(made), { version: 0 })
})

test('the registry’s password, old or new, does not show in the release that it makes', async t => {
  const made = await bench(t, {
    program: ({ labels }) =>
      labels.release === 2 ? { prints: ['old-password new-password'], exits: 1 } : {},
  })
  const login = { APTIBLE_PRIVATE_REGISTRY_USERNAME: 'robot' }
  await made.set({ ...login, APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'old-password' })
  t.true((await made.push(await made.commit(FILES))).accepted)
  await t.throwsAsync(made.set({ APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'new-password' }))
  t.regex(made.said(), /\[redacted\] \[redacted\]/)
  t.notRegex(made.said(), /(old|new)-password/)
})
