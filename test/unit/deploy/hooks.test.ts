// The commands of .aptible.yml that run after an operation: which, in what, who waits for them, and that nothing of
// what becomes of them changes what the operation did.
import test, { type ExecutionContext } from 'ava'
import { configure } from '../../../src/deploy/configure.ts'
import type { Run } from '../../../src/deploy/operations.ts'
import { failInterrupted } from '../../../src/deploy/recover.ts'
import { restart } from '../../../src/deploy/restart.ts'
import { scale } from '../../../src/deploy/scale.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'
import { hang } from '../../support/fake-engine.ts'
import type { FakeContainer } from '../../support/fake-host.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }
const MARK = '\u0001fairlead:'
const withHooks = (yml: string, more: Record<string, string> = {}) => ({
  ...FILES,
  ...more,
  '.aptible.yml': yml,
})

type Spec = FakeContainer['spec']

/** @param hook what the commands of hooks do; everything else runs */
async function bench(
  t: ExecutionContext,
  hook: (spec: Spec) => { prints?: string[]; exits?: number } = () => ({ exits: 0 }),
  options: DeployGroundOptions = {},
) {
  const hooks: Spec[] = []
  const made = await deployGround(t, {
    ...options,
    program: spec => {
      if (spec.labels.oneOff) {
        hooks.push(spec)
        return hook(spec)
      }
      return spec.env.get('FAILS') || spec.command?.at(-1)?.includes('broken') ? { exits: 1 } : {}
    },
  })
  const { app, ground, operations } = made
  const set = (values: Record<string, string>) => {
    const secrets = new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]))
    const signal = new AbortController().signal
    const request = {
      kind: 'configure',
      subject: '',
      actor: made.actor('ann'),
      say: () => {},
      signal,
    } as const
    return operations.run(app, request, run => configure(ground, app, secrets, [], run))
  }
  const reshapes = {
    scale: (counts: Record<string, number>) =>
      asked('scale', run => scale(ground, app, { counts: new Map(Object.entries(counts)), size: {} }, run)),
    restart: () => asked('restart', run => restart(ground, app, null, run)),
  }
  function asked<T>(kind: 'scale' | 'restart', work: (run: Run) => Promise<T>): Promise<T> {
    const { signal } = new AbortController()
    return operations.run(app, { kind, subject: '', actor: made.actor('ann'), say: () => {}, signal }, work)
  }
  /** The transcript of an operation when it has ended. */
  const lines = async (number: number) => {
    await operations.idle()
    return made.lines(ground.store.operations.byNumber(app.id, number))
  }
  const state = (number: number) => ground.store.operations.byNumber(app.id, number)?.state
  return { ...made, ...reshapes, hooks, set, lines, state }
}

test('after a deploy its commands run in the new release, with its config, and nobody waits for them', async t => {
  const made = await bench(t, () => ({ prints: [`${MARK}0`, 'told everybody'], exits: 0 }))
  made.configure({ COLOR: 'green' })
  const held = Promise.withResolvers<void>()
  made.engine.on('logs', () => held.promise)
  const push = await made.push(await made.commit(withHooks('after_deploy_success: bin/notify\n')))
  t.true(push.accepted, push.said)
  t.regex(
    push.said,
    /-----> v1 is live *\n-----> after_deploy_success runs behind: `fairlead operation:follow 1` shows it *\n$/,
  )
  t.is(made.state(1), 'running')
  held.resolve()
  t.deepEqual((await made.lines(1)).slice(-3), [
    '-----> Running after_deploy_success',
    '       $ bin/notify',
    '       told everybody',
  ])
  t.is(made.state(1), 'succeeded')
  t.notRegex(push.said, /told everybody/)
  const [spec] = made.hooks
  t.is(spec?.env.get('COLOR')?.reveal(), 'green')
  t.like(spec?.labels, { release: 1, oneOff: true })
  t.deepEqual(made.present(), ['v1 web.1 running'])
})

test('the next operation of the app waits for them', async t => {
  const made = await bench(t)
  const held = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  made.engine.on('logs', () => {
    reached.resolve()
    return held.promise
  })
  await made.push(await made.commit(withHooks('after_deploy_success: bin/notify\n')))
  await reached.promise
  const next = made.set({ A: '1' })
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  t.deepEqual([made.state(1), made.state(2)], ['running', 'queued'])
  held.resolve()
  await next
  t.deepEqual([made.state(1), made.state(2)], ['succeeded', 'succeeded'])
})

test('one that fails is a line, and the release stays live', async t => {
  const made = await bench(t, () => ({ prints: [`${MARK}0`, `${MARK}1`, 'no network'], exits: 3 }))
  const push = await made.push(await made.commit(withHooks('after_deploy_success: ["true", bin/notify]\n')))
  t.true(push.accepted)
  t.deepEqual((await made.lines(1)).slice(-2), [
    '       no network',
    ' !     after_deploy_success failed with exit code 3: bin/notify. v1 stays live, as it is',
  ])
  t.is(made.state(1), 'succeeded')
  t.deepEqual(made.present(), ['v1 web.1 running'])
})

test('after a failed deploy its commands run in what is live, with the config of that', async t => {
  const made = await bench(t)
  made.configure({ COLOR: 'green' })
  const first = await made.push(await made.commit(FILES))
  t.true(first.accepted, first.said)
  const yml = 'after_deploy_failure: bin/page\nafter_deploy_success: bin/notify\n'
  const push = await made.push(await made.commit(withHooks(yml, { Procfile: 'web: broken\n' })))
  t.false(push.accepted)
  t.regex(push.said, /\(container-exited\)/)
  t.regex(push.said, /-----> after_deploy_failure runs behind: `fairlead operation:follow 2` shows it *\n$/)
  t.is((await made.lines(2)).at(-1), '-----> Running after_deploy_failure')
  t.is(made.state(2), 'failed')
  t.deepEqual(
    made.hooks.map(({ labels, image, env }) => [
      labels.release,
      image.split(':')[1],
      env.get('COLOR')?.reveal(),
    ]),
    [[1, 'op1', 'green']],
  )
  t.deepEqual(made.present(), ['v1 web.1 running'])
  t.deepEqual(made.tags(), ['op1'])
})

test('their container takes the place of none that serves, whatever the Procfile calls its processes', async t => {
  const made = await bench(t)
  const Procfile = 'after-deploy-failure: serve\nafter-deploy-success: serve\n'
  const yml = 'after_deploy_failure: x\nafter_deploy_success: x\n'
  await made.push(await made.commit(withHooks(yml, { Procfile })))
  await made.push(await made.commit(withHooks(yml, { Procfile: 'web: broken\n' })))
  await made.lines(2)
  t.is(made.hooks.length, 2)
  t.deepEqual(made.present(), ['v1 after-deploy-failure.1 running', 'v1 after-deploy-success.1 running'])
})

test('after a first deploy that failed nothing is live to run them in, and a line says so', async t => {
  const made = await bench(t)
  const push = await made.push(
    await made.commit(withHooks('after_deploy_failure: bin/page\n', { Procfile: 'web: broken\n' })),
  )
  t.false(push.accepted)
  t.regex(
    push.said,
    / ! {5}after_deploy_failure was not run: its commands run in the live release, and there is none *\n$/,
  )
  t.deepEqual(made.hooks, [])
  t.is(made.state(1), 'failed')
})

test('a commit that is live already sets nothing off', async t => {
  const made = await bench(t)
  const id = await made.commit(withHooks('after_deploy_success: bin/notify\n'))
  await made.push(id)
  await made.lines(1)
  t.is(made.hooks.length, 1)
  const again = await made.push(id)
  t.true(again.accepted)
  t.regex(again.said, /live already/)
  t.is(made.hooks.length, 1)
})

test('whoever leaves before the switch gets no hooks; whoever leaves after it has deployed', async t => {
  const made = await bench(t)
  await made.push(await made.commit(FILES))
  const yml = 'after_deploy_success: bin/notify\nafter_deploy_failure: bin/page\n'
  const leaving = new AbortController()
  const away = made.engine.on('build', () => leaving.abort())
  const left = await made.push(await made.commit(withHooks(yml)), { signal: leaving.signal })
  away()
  t.false(left.accepted)
  t.is(made.state(2), 'cancelled')
  t.deepEqual(made.hooks, [])

  const later = new AbortController()
  made.engine.on('logs', () => later.abort())
  const push = await made.push(await made.commit(withHooks(yml)), { signal: later.signal })
  t.true(push.accepted)
  await made.lines(3)
  t.is(made.state(3), 'succeeded')
  t.is(made.hooks.length, 1)
})

test('what the end of the gateway interrupts sets nothing off', async t => {
  const made = await bench(t)
  await made.push(await made.commit(FILES))
  const stopping = new AbortController()
  made.engine.on('build', () =>
    stopping.abort(new Problem('interrupted', { headline: 'The gateway stops', hint: 'Ask again.' })),
  )
  const yml = 'after_deploy_success: bin/notify\nafter_deploy_failure: bin/page\n'
  const push = await made.push(await made.commit(withHooks(yml)), { signal: stopping.signal })
  t.is(push.operation?.problem, 'interrupted')
  await made.lines(2)
  t.deepEqual(made.hooks, [])
  t.notRegex(push.said, /after_deploy_failure/)
})

test('config:set runs those of the commit that is live', async t => {
  const made = await bench(t)
  const yml = 'after_configure_success: bin/good\nafter_configure_failure: bin/bad\n'
  await made.push(await made.commit(withHooks(yml)))
  t.deepEqual(made.hooks, [])
  await made.set({ COLOR: 'green' })
  t.is((await made.lines(2)).at(-1), '-----> Running after_configure_success')
  t.is(made.hooks[0]?.env.get('COLOR')?.reveal(), 'green')
  await t.throwsAsync(made.set({ FAILS: 'yes', COLOR: 'red' }))
  t.is((await made.lines(3)).at(-1), '-----> Running after_configure_failure')
  t.is(made.hooks[1]?.env.get('COLOR')?.reveal(), 'green')
  t.deepEqual([made.state(2), made.state(3)], ['succeeded', 'failed'])
})

const OF_RESHAPES = `after_scale_success: bin/good
after_scale_failure: bin/bad
after_restart_success: bin/good
after_restart_failure: bin/bad
`

test('a scale runs those of the commit that is live, also one that starts nothing', async t => {
  const made = await bench(t)
  await made.push(await made.commit(withHooks(OF_RESHAPES)))
  await made.scale({ web: 2 })
  t.is((await made.lines(2)).at(-1), '-----> Running after_scale_success')
  await made.scale({ web: 1 })
  t.is((await made.lines(3)).at(-1), '-----> Running after_scale_success')
  await made.scale({ web: 1 })
  t.deepEqual(await made.lines(4), [])
  made.engine.on('start', () => Promise.reject(unreachable()))
  await t.throwsAsync(made.scale({ web: 3 }))
  t.true((await made.lines(5)).some(line => line.includes('after_scale_failure')))
  t.is(made.state(5), 'failed')
})

test('a restart runs those of the commit that is live', async t => {
  const made = await bench(t)
  await made.push(await made.commit(withHooks(OF_RESHAPES)))
  await made.restart()
  t.is((await made.lines(2)).at(-1), '-----> Running after_restart_success')
  t.is(made.hooks.length, 1)
  made.engine.on('start', () => Promise.reject(unreachable()))
  await t.throwsAsync(made.restart())
  t.true((await made.lines(3)).some(line => line.includes('after_restart_failure')))
  t.is(made.state(3), 'failed')
})

test('a scale whose counts were in force when the gateway ended has succeeded', async t => {
  const made = await bench(t)
  const { store } = made.ground
  await made.push(await made.commit(withHooks(OF_RESHAPES)))
  await made.scale({ web: 2 })
  await made.operations.idle()
  const reached = Promise.withResolvers<void>()
  made.engine.on('logs', (...args) => {
    reached.resolve()
    return hang(args.at(-1) as AbortSignal)
  })
  await made.scale({ web: 1 })
  await reached.promise
  failInterrupted(made.ground)
  const kept = store.operations.byNumber(made.app.id, 3)
  t.like(kept, { state: 'succeeded', problem: null })
  made.operations.underWay(kept?.id ?? 0)?.stopAfterwards(unreachable())
  await made.operations.idle()
})

test('a .aptible.yml of the live commit that cannot be read does not fail a change of config', async t => {
  const made = await bench(t)
  await made.push(await made.commit(FILES))
  const { repositories } = made.ground
  const commit = repositories.commit
  Object.assign(repositories, {
    commit: (...words: Parameters<typeof commit>) => ({
      ...commit(...words),
      read: async () => Buffer.from('a: [\n'),
    }),
  })
  t.is((await made.set({ A: '1' })).release, 2)
  t.true(
    (await made.lines(2)).some(line =>
      line.startsWith(' !     The .aptible.yml of the live release is not used: .aptible.yml:'),
    ),
  )
})

test('one that never ends is ended by the deadline of the stack', async t => {
  const made = await bench(t, () => ({}), {
    stack: { build: { builder: 'auto', timeout: 0.05, floor: 0, cache: null } },
  })
  await made.push(await made.commit(withHooks('after_deploy_success: sleep 9999\n')))
  t.is(
    (await made.lines(1)).at(-1),
    ' !     after_deploy_success took longer than 0.05 s, the most that the stack local allows. v1 stays live, as it is',
  )
  t.is(made.state(1), 'succeeded')
  t.deepEqual(made.present(), ['v1 web.1 running'])
})

test('an engine that fails them is a line too, and what they left is removed when it answers again', async t => {
  const made = await bench(t, () => ({ exits: 0 }))
  let away = 1
  made.engine.on('start', id => {
    if (!made.engine.containers.find(each => each.id === id)?.spec.labels.oneOff) return
    made.engine.on('list', () => {
      away -= 1
      if (away >= 0) throw unreachable()
    })
    throw unreachable()
  })
  await made.push(await made.commit(withHooks('after_deploy_success: bin/notify\n')))
  t.is(
    (await made.lines(1)).at(-1),
    ' !     after_deploy_success could not run: The engine is away. v1 stays live, as it is',
  )
  await made.background.idle()
  t.true(away < 0)
  t.deepEqual(made.present(), ['v1 web.1 running'])
})

test('an image that is gone, and an open quote, are lines as well', async t => {
  const entrypoint = ['/bin/entry']
  const made = await bench(t, undefined, { image: () => ({ entrypoint }) })
  await made.push(await made.commit(withHooks(`after_deploy_success: "it's"\n`)))
  t.regex(
    (await made.lines(1)).at(-1) ?? '',
    /^ ! {5}after_deploy_success could not run: \.aptible\.yml: a command of after_deploy_success cannot be split/,
  )
  made.engine.on('findImage', () => void made.engine.host.names.clear())
  await made.push(await made.commit(withHooks(`after_deploy_success: x\n`)))
  t.is(
    (await made.lines(2)).at(-1),
    ' !     after_deploy_success could not run: the image of the live release is not on the engine any more. v2 stays live, as it is',
  )
})

test('an operation whose release was live when the gateway ended has succeeded', async t => {
  const made = await bench(t)
  const { store } = made.ground
  const reached = Promise.withResolvers<void>()
  made.engine.on('logs', (...args) => {
    reached.resolve()
    return hang(args.at(-1) as AbortSignal)
  })
  await made.push(await made.commit(withHooks('after_deploy_success: bin/notify\n')))
  await reached.promise
  failInterrupted(made.ground) // As the next start does.
  const kept = store.operations.byNumber(made.app.id, 1)
  t.like(kept, { state: 'succeeded', problem: null })
  t.is(
    store.operations.lines(kept?.id ?? 0).at(-1),
    ' !     The gateway stopped before the commands that run afterwards had ended. They are not run again.',
  )
  made.operations.underWay(kept?.id ?? 0)?.stopAfterwards(unreachable())
  await made.operations.idle()
})

function unreachable(): Problem {
  return new Problem('engine-unreachable', { headline: 'The engine is away', hint: 'Wait.' })
}
