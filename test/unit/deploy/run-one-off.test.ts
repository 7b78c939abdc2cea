// One-off containers, on an engine that can be told to fail: what they are made of, and that nothing of them is left.
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { cancelOperation } from '../../../src/deploy/cancel.ts'
import { createOneOffs } from '../../../src/deploy/one-offs.ts'
import { OperationFailed } from '../../../src/deploy/operation-failed.ts'
import { recoverWhenPossible } from '../../../src/deploy/recover.ts'
import { type OneOffWish, runOneOff } from '../../../src/deploy/run-one-off.ts'
import type { App } from '../../../src/domain/app.ts'
import type { Engine } from '../../../src/domain/engine.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { type DeployGround, type DeployGroundOptions, deployGround } from '../../support/deploy-ground.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }

async function live(t: ExecutionContext, options: DeployGroundOptions = {}): Promise<DeployGround> {
  const made = await deployGround(t, options)
  const { accepted, said } = await made.push(await made.commit(FILES))
  if (!accepted) throw new Error(said)
  return made
}

function start(
  { ground, operations, app, actor }: DeployGround,
  wish: Partial<OneOffWish> = {},
  of: App = app,
) {
  const abort = new AbortController()
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const talk = { stdin: new PassThrough(), stdout, stderr }
  const request = {
    kind: 'run',
    subject: 'x',
    actor: actor('ann'),
    say: () => {},
    signal: abort.signal,
  } as const
  const ended = operations.run(of, { ...request, beside: true }, run =>
    runOneOff(ground, { app: of, words: ['x'], talk, terminal: null, ...wish }, run),
  )
  ended.catch(() => {})
  return { abort, ended, stdout }
}

const begun = async ({ engine }: DeployGround, count = 1) => {
  const running = () => engine.containers.filter(({ spec, running }) => spec.labels.oneOff && running).length
  while (running() < count) await new Promise(setImmediate)
}
const oneOffs = ({ engine }: DeployGround) => engine.containers.filter(({ spec }) => spec.labels.oneOff)
const outcome = ({ ground, app }: DeployGround) => ground.store.operations.list(app.id, 1)[0]?.state

async function problemOf(t: ExecutionContext, ended: Promise<unknown>): Promise<Problem | undefined> {
  return (await t.throwsAsync(ended, { instanceOf: OperationFailed }))?.problem
}

test('it has the image, config, limits and network of the live release, and its own name', async t => {
  const made = await live(t, { program: ({ labels }) => (labels.oneOff ? { copies: true } : {}) })
  const stdin = Readable.from([Buffer.from('hello')])
  const stdout = new PassThrough()
  const heard = text(stdout)
  let spec: Parameters<Engine['create']>[0] | undefined
  made.engine.on('create', given => {
    spec = given
  })
  const talk = { stdin, stdout, stderr: new PassThrough() }
  t.is(await start(made, { talk, words: ['rake', 'db:migrate'] }).ended, 0)
  stdout.end()
  t.is(await heard, 'hello')
  const served = made.engine.containers[0]?.spec
  t.like(spec, { image: served?.image, limits: served?.limits, network: served?.network, entrypoint: [] })
  t.deepEqual(spec?.command, ['rake', 'db:migrate'])
  t.is(spec?.env.get('FAIRLEAD_RELEASE')?.reveal(), 'v1')
  t.is(spec?.env.get('TERM'), undefined)
  t.regex(spec?.name ?? '', /\.v1\.run\.2\.one-off$/)
  t.deepEqual(oneOffs(made), [])
  t.is(outcome(made), 'succeeded')
})

test('the very first words and a program that ends at once are heard', async t => {
  const made = await live(t, {
    program: ({ labels }) => (labels.oneOff ? { prints: ['at once'], exits: 3 } : {}),
  })
  const asked: string[] = []
  for (const call of ['attach', 'nextExit', 'start'] as const) made.engine.on(call, () => asked.push(call))
  const { ended, stdout } = start(made)
  t.is(await ended, 3)
  t.is(String(stdout.read()), 'at once\n')
  t.deepEqual(asked, ['attach', 'nextExit', 'start'])
})

test('whoever left while it was made hears nothing of it, and it never starts', async t => {
  const made = await live(t)
  const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  made.engine.on('create', () => {
    reached.resolve()
    return released.promise
  })
  const before = made.engine.calls.length
  const { abort, ended } = start(made)
  await reached.promise
  abort.abort(new Problem('cancelled', { headline: 'The client left', hint: 'Stay.' }))
  released.resolve()
  t.is((await problemOf(t, ended))?.code, 'cancelled')
  t.false(made.engine.calls.slice(before).some(call => call.startsWith('start')))
  t.deepEqual(oneOffs(made), [])
})

test('its end is told only when all that it said was taken', async t => {
  const made = await live(t, { program: ({ labels }) => (labels.oneOff ? { exits: 3 } : {}) })
  const taken = Promise.withResolvers<void>()
  const { attach, nextExit } = made.engine
  const exited = Promise.withResolvers<void>()
  Object.assign(made.engine, {
    attach: async (...asked: Parameters<Engine['attach']>) => {
      const { ended } = await attach(...asked)
      return { ended: Promise.all([ended, taken.promise]).then(() => {}) }
    },
    nextExit: (...asked: Parameters<Engine['nextExit']>) => {
      const exit = nextExit(...asked)
      exit.then(exited.resolve as () => void, () => {})
      return exit
    },
  })
  const { ended } = start(made)
  let over = false
  void ended.then(() => {
    over = true
  })
  await exited.promise
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
  t.false(over)
  taken.resolve()
  t.is(await ended, 3)
})

test('a terminal has its kind, and the newest size of many', async t => {
  const made = await live(t)
  const sizes: unknown[] = []
  const told = Promise.withResolvers<void>()
  const first = Promise.withResolvers<void>()
  made.engine.on('resize', async (_, size) => {
    sizes.push(size)
    first.resolve()
    await told.promise
  })
  let resize = (_: { columns: number; rows: number }) => {}
  const terminal = {
    columns: 80,
    rows: 24,
    term: 'vt100',
    onResize: (listener: typeof resize) => {
      resize = listener
    },
  }
  const { abort, ended } = start(made, { terminal })
  await begun(made)
  const [container] = oneOffs(made)
  t.is(container?.spec.env.get('TERM')?.reveal(), 'vt100')
  await first.promise
  for (const columns of [90, 91, 92]) resize({ columns, rows: 30 })
  told.resolve()
  while (container?.size?.columns !== 92) await new Promise(setImmediate)
  t.deepEqual(
    sizes.map(size => (size as { columns: number }).columns),
    [80, 92],
  )
  abort.abort(new Error('enough'))
  await t.throwsAsync(ended)
})

test('whoever leaves ends it with SIGTERM and the stack’s grace, and it is removed', async t => {
  const made = await live(t)
  const { abort, ended } = start(made)
  await begun(made)
  const [container] = oneOffs(made)
  abort.abort(new Problem('cancelled', { headline: 'The client left', hint: 'Stay.' }))
  t.is((await problemOf(t, ended))?.code, 'cancelled')
  t.is(container?.stoppedWith, 1)
  t.deepEqual(oneOffs(made), [])
  t.is(outcome(made), 'cancelled')
})

for (const call of ['create', 'attach', 'nextExit', 'start'] as const) {
  test(`nothing is left when the engine fails at ${call}`, async t => {
    const made = await live(t)
    const off = made.engine.on(call, () => {
      throw new Problem('engine-unreachable', { headline: 'No power', hint: 'Wait.' })
    })
    const { ended } = start(made)
    t.is((await problemOf(t, ended))?.code, 'engine-unreachable')
    off()
    t.deepEqual(oneOffs(made), [])
    t.is(outcome(made), 'failed')
  })
}

test('what cannot be removed now is removed when the engine answers again', async t => {
  const made = await live(t)
  const { abort, ended } = start(made)
  await begun(made)
  const off = made.engine.on('list', () => {
    throw new Problem('engine-unreachable', { headline: 'No power', hint: 'Wait.' })
  })
  abort.abort(new Error('left'))
  await t.throwsAsync(ended)
  t.is(oneOffs(made).length, 1)
  off()
  await made.background.idle()
  t.deepEqual(oneOffs(made), [])
})

test('it takes no turn: a deploy goes on beside it and does not end it', async t => {
  const made = await live(t)
  const { abort, ended } = start(made)
  await begun(made)
  const second = await made.push(await made.commit({ ...FILES, more: '1' }))
  t.true(second.accepted)
  t.notRegex(second.said, /waits for/)
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 run.2 running', 'v2 web.1 running'])
  abort.abort(new Error('left'))
  await t.throwsAsync(ended)
  t.deepEqual(made.present(), ['v2 web.1 running'])
})

test('it is cancelled like any operation, and nothing of it is left', async t => {
  const made = await live(t)
  const { ended } = start(made)
  await begun(made)
  const { store } = made.ground
  const [operation] = store.operations.list(made.app.id, 1)
  if (operation === undefined) throw new Error('it is not recorded')
  const patience = new AbortController().signal
  t.is(
    await cancelOperation(store, made.operations, made.app, operation, made.actor('bob'), patience),
    'Operation #2 was cancelled.',
  )
  t.is((await problemOf(t, ended))?.headline, 'Operation #2 was cancelled by bob')
  t.deepEqual(oneOffs(made), [])
  t.is(outcome(made), 'cancelled')
})

test('a recovery that comes late takes it for no left-over', async t => {
  const made = await live(t)
  const { abort, ended } = start(made)
  await begun(made)
  await recoverWhenPossible(made.ground, made.operations, new AbortController().signal, {
    retry: 1,
    late: 100,
  })
  t.is(oneOffs(made).length, 1)
  abort.abort(new Error('left'))
  await t.throwsAsync(ended)
})

test('ten of an app run at once; the next is told so, and another app is not in the way', async t => {
  const made = await live(t)
  const all = Array.from({ length: 10 }, () => start(made))
  await begun(made, 10)
  const refused = await problemOf(t, start(made).ended)
  t.is(refused?.code, 'too-many-runs')
  t.is(
    refused?.headline,
    'my-env/my-app has 10 one-off containers already, the most that there may be at once',
  )
  const other = await made.newApp('other')
  t.is((await problemOf(t, start(made, {}, other).ended))?.code, 'not-found')
  t.is(oneOffs(made).length, 10)

  all[0]?.abort.abort(new Error('left'))
  await t.throwsAsync(all[0]?.ended as Promise<number>)
  const next = start(made)
  await begun(made, 10)
  for (const { abort } of [...all, next]) abort.abort(new Error('left'))
  await Promise.allSettled([...all, next].map(({ ended }) => ended))
  t.deepEqual(oneOffs(made), [])
})

test('places are counted for each app, and given up once', t => {
  const places = createOneOffs(1)
  const app = (id: number) => ({ id, name: { environment: 'e', app: `a${id}` } }) as App
  const leave = places.enter(app(1), 'one')
  t.throws(() => places.enter(app(1), 'two'), { instanceOf: Problem })
  places.enter(app(2), 'three')
  t.true(places.has('one'))
  leave()
  leave()
  t.false(places.has('one'))
  t.notThrows(() => places.enter(app(1), 'two'))
})

test('an image that somebody removed is a Problem that says what to do', async t => {
  const made = await live(t)
  made.engine.host.names.clear()
  const refused = await problemOf(t, start(made).ended)
  t.is(refused?.code, 'image-not-found')
  t.regex(refused?.hint ?? '', /fairlead deploy/)
})

test('what cannot be started is about the words, not about a Procfile', async t => {
  const made = await live(t, {
    program: ({ labels }) => (labels.oneOff ? { cannotStart: 'no such user' } : {}),
  })
  const refused = await problemOf(t, start(made).ended)
  t.like(refused, { code: 'container-not-started', saw: 'no such user' })
  t.notRegex(refused?.hint ?? '', /Procfile/)
  t.deepEqual(oneOffs(made), [])
})
