// Cancelling what somebody else asked for: undone as for Ctrl-C before the promotion, too late after it, and one
// outcome however often it is asked.
import test, { type ExecutionContext } from 'ava'
import { cancelOperation } from '../../../src/deploy/cancel.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { deployGround } from '../../support/deploy-ground.ts'
import { hang } from '../../support/fake-engine.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }
const HOOKED = { ...FILES, '.aptible.yml': 'after_deploy_success: x\nafter_deploy_failure: y\n' }

async function bench(t: ExecutionContext) {
  // A one-off runs until it is stopped.
  const made = await deployGround(t, {
    program: ({ labels, command }) =>
      !labels.oneOff && command?.at(-1)?.includes('broken') ? { exits: 1 } : {},
  })
  const { ground, app, operations } = made
  const { store } = ground
  const row = (number: number) => {
    const operation = store.operations.byNumber(app.id, number)
    if (operation === null) throw new Error(`there is no operation ${number}`)
    return operation
  }
  const cancel = (number: number, patience = new AbortController().signal) =>
    cancelOperation(store, operations, app, row(number), made.actor('bob'), patience)
  /** Resolves when the engine was called so for the nth time, which then waits for the signal. */
  const hold = (call: 'build' | 'start' | 'inspect' | 'logs', nth = 1) => {
    const reached = Promise.withResolvers<void>()
    let calls = 0
    const away = made.engine.on(call, (...args: unknown[]) => {
      calls += 1
      if (calls < nth) return
      away()
      reached.resolve()
      return hang(args.at(-1) as AbortSignal)
    })
    return reached.promise
  }
  return { ...made, row, cancel, hold }
}

const refusal = (t: ExecutionContext, asked: Promise<string>) => t.throwsAsync(asked, { instanceOf: Problem })

for (const call of ['build', 'start', 'inspect'] as const) {
  test(`a deploy cancelled during ${call} is undone, and its pusher is told by whom and from where`, async t => {
    const made = await bench(t)
    const first = await made.commit(FILES)
    t.true((await made.push(first)).accepted)
    await made.background.idle()
    const before = [made.present(), made.tags()]
    const reached = made.hold(call)
    const pushing = made.push(await made.commit(HOOKED))
    await reached
    t.is(await made.cancel(2), 'Operation #2 was cancelled.')
    // It was answered when the operation had ended.
    t.like(made.row(2), { state: 'cancelled', problem: 'cancelled' })
    t.deepEqual([made.present(), made.tags()], before)
    const push = await pushing
    t.false(push.accepted)
    const told = [
      ' !     Operation #2 was cancelled by bob (cancelled)',
      '       What we saw:   bob cancelled it from 192.0.2.1.',
      '       What runs now: Release v1 (web), as before.',
      '       What to do:    Ask bob why, and ask again when it may go on.',
    ]
    t.deepEqual(push.said.trimEnd().split('\n').slice(-4), told)
    t.deepEqual(made.lines(push.operation).slice(-4), told)
    t.is(await made.ground.repositories.branch(made.app.name, 'master'), first)
    t.is(await made.cancel(2), 'Operation #2 was cancelled already.')
    t.true((await made.push(await made.commit(FILES))).accepted)
  })
}

test('one that waits is cancelled at once, and those behind it move up', async t => {
  const made = await bench(t)
  const reached = made.hold('build')
  const running = made.push(await made.commit(FILES))
  await reached
  const said: string[] = []
  const actor = made.actor('ann')
  const request = (kind: 'configure' | 'scan') => ({
    kind,
    subject: '',
    actor,
    say: (text: string) => void (kind === 'scan' && said.push(text)),
    signal: new AbortController().signal,
  })
  const waiting = made.operations.run(made.app, request('configure'), async () => t.fail('it ran'))
  const last = made.operations.run(made.app, request('scan'), async () => 'done')
  t.is(await made.cancel(2), 'Operation #2 was cancelled.')
  await t.throwsAsync(waiting)
  t.like(made.row(2), { state: 'cancelled', startedAt: null })
  t.is(made.row(1).state, 'running')
  t.is(said.at(-1), '       Operation #3 is next, after #1 (deploy by ann)\n')
  await made.cancel(1)
  await running
  t.is(await last, 'done')
})

test('asked twice at once, there is one outcome and both are told it', async t => {
  const made = await bench(t)
  const reached = made.hold('build')
  const pushing = made.push(await made.commit(FILES))
  await reached
  t.deepEqual(await Promise.all([made.cancel(1), made.cancel(1)]), [
    'Operation #1 was cancelled.',
    'Operation #1 was cancelled.',
  ])
  const { said } = await pushing
  t.is(said.split('was cancelled by bob').length, 2)
})

test('the pusher who leaves while it is cancelled changes nothing', async t => {
  const made = await bench(t)
  const leaving = new AbortController()
  const reached = made.hold('build')
  const pushing = made.push(await made.commit(FILES), { signal: leaving.signal })
  await reached
  const cancelling = made.cancel(1)
  leaving.abort()
  t.is(await cancelling, 'Operation #1 was cancelled.')
  t.regex((await pushing).said, /was cancelled by bob \(cancelled\)/)
  t.is(made.row(1).state, 'cancelled')
})

test('who cancels need not wait for what takes long to be undone', async t => {
  const made = await bench(t)
  const held = Promise.withResolvers<void>()
  const reached = made.hold('inspect')
  made.engine.on('remove', () => held.promise)
  const pushing = made.push(await made.commit(FILES))
  await reached
  const patience = new AbortController()
  const asked = made.cancel(1, patience.signal)
  patience.abort()
  t.is(await asked, 'Operation #1 is being cancelled: `fairlead operation:follow 1` shows its end.')
  t.is(made.row(1).state, 'running')
  held.resolve()
  t.false((await pushing).accepted)
  t.is(made.row(1).state, 'cancelled')
})

test('after the promotion it is too late: what is live stays, and only its hooks are stopped', async t => {
  const made = await bench(t)
  const reached = made.hold('logs')
  const push = await made.push(await made.commit(HOOKED))
  t.true(push.accepted)
  await reached
  const error = await refusal(t, made.cancel(1))
  t.like(error, {
    code: 'not-cancellable',
    headline: 'It is too late to cancel operation #1: its release v1 is live',
    saw: 'Only its commands from .aptible.yml ran still, and those were stopped.',
    hint: '`fairlead rollback` goes back to the release before it.',
  })
  t.like(made.row(1), { state: 'succeeded', problem: null })
  t.is(
    made.lines(made.row(1)).at(-1),
    ' !     after_deploy_success did not end: bob stopped it from 192.0.2.1. v1 stays live, as it is',
  )
  t.deepEqual(made.present(), ['v1 web.1 running'])
})

test('it is too late from the moment of the promotion on, whatever its work still does', async t => {
  const made = await bench(t)
  const { ground, app, operations } = made
  const held = Promise.withResolvers<void>()
  const promoted = Promise.withResolvers<void>()
  const request = { kind: 'deploy', subject: '', actor: made.actor('ann'), say: () => {} } as const
  const running = operations.run(app, { ...request, signal: new AbortController().signal }, async run => {
    const image = { tag: 'x', digest: null, id: 'x', source: 'x' }
    const { number } = ground.store.releases.create(app.id, {
      image,
      processes: [],
      configVersion: 0,
      commit: '0'.repeat(40),
      operation: run.operation.number,
    })
    ground.store.releases.promote(app.id, number)
    promoted.resolve()
    await held.promise
    run.signal.throwIfAborted()
  })
  await promoted.promise
  const asked = refusal(t, made.cancel(1))
  held.resolve()
  t.regex((await asked)?.headline ?? '', /^It is too late to cancel operation #1: its release v1 is live$/)
  await running
  t.is(made.row(1).state, 'succeeded')
})

test('what failed is not turned into something else while its hooks run', async t => {
  const made = await bench(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  // The first reading is of the candidate's last words.
  const reached = made.hold('logs', 2)
  const pushing = made.push(await made.commit({ ...HOOKED, Procfile: 'web: broken\n' }))
  t.false((await pushing).accepted)
  await reached
  const error = await refusal(t, made.cancel(2))
  t.is(error?.headline, 'It is too late to cancel operation #2: it has failed already')
  t.is(error?.hint, '`fairlead operation:logs 2` shows why it failed.')
  t.like(made.row(2), { state: 'failed', problem: 'container-exited' })
})

test('what has ended has ended', async t => {
  const made = await bench(t)
  await made.push(await made.commit(FILES))
  await made.push(await made.commit({ Procfile: 'web: serve\n' }))
  const [succeeded, failed] = [await refusal(t, made.cancel(1)), await refusal(t, made.cancel(2))]
  t.is(succeeded?.headline, 'Operation #1 has ended already: it succeeded')
  t.is(failed?.headline, 'Operation #2 has ended already: it failed (nothing-to-deploy)')
  t.is(failed?.hint, '`fairlead operation:logs 2` shows what it did.')
})

test('a destroy cannot be cancelled, not even while it waits', async t => {
  const made = await bench(t)
  const held = Promise.withResolvers<void>()
  const request = {
    kind: 'destroy',
    subject: '',
    actor: made.actor('ann'),
    say: () => {},
    signal: new AbortController().signal,
  } as const
  const running = made.operations.run(made.app, request, () => held.promise)
  const waiting = made.operations.run(made.app, request, async () => {})
  for (const number of [1, 2]) {
    const error = await refusal(t, made.cancel(number))
    t.like(error, {
      code: 'not-cancellable',
      headline: `Operation #${number} destroys the app, and a destroy cannot be cancelled`,
      saw: 'What it has removed cannot be brought back, so that only a part of the app would be left.',
    })
  }
  held.resolve()
  await Promise.all([running, waiting])
})

test('an operation whose end could not be written is told from one that runs', async t => {
  const made = await bench(t)
  const { store } = made.ground
  const { finish } = store.operations
  Object.assign(store.operations, {
    finish: () => {
      throw new Error('disk full')
    },
  })
  await made.push(await made.commit(FILES))
  Object.assign(store.operations, { finish })
  const error = await refusal(t, made.cancel(1))
  t.is(
    error?.headline,
    'Operation #1 has ended, though its record says running: its end could not be recorded',
  )
})
