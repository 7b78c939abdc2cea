// Operations: in order within an app, side by side across apps, each recorded however it ends.
import test from 'ava'
import { OperationFailed } from '../../../src/deploy/operation-failed.ts'
import { createOperations, type OperationRequest, type Run } from '../../../src/deploy/operations.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { deployGround } from '../../support/deploy-ground.ts'

async function bench(t: Parameters<typeof deployGround>[0]) {
  const made = await deployGround(t)
  const request = (actor: string, more: Partial<OperationRequest> = {}): OperationRequest => ({
    kind: 'configure',
    subject: 'NAME',
    actor: made.actor(actor),
    say: () => {},
    signal: new AbortController().signal,
    ...more,
  })
  const state = (number: number) => made.ground.store.operations.byNumber(made.app.id, number)?.state
  return { ...made, request, state }
}

function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { open: resolve, passed: promise }
}

test('operations of one app run one at a time, in the order in which they were asked for', async t => {
  const { operations, app, request, state } = await bench(t)
  const order: string[] = []
  let under = 0
  const work = (name: string, waits: Promise<void> | null) => async () => {
    under += 1
    t.is(under, 1)
    order.push(name)
    await waits
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate)
    under -= 1
  }
  const first = gate()
  const all = [
    operations.run(app, request('ann'), work('first', first.passed)),
    operations.run(app, request('bob'), work('second', null)),
    operations.run(app, request('cid'), work('third', null)),
  ]
  await new Promise(setImmediate)
  t.deepEqual([1, 2, 3].map(state), ['running', 'queued', 'queued'])
  first.open()
  await Promise.all(all)
  t.deepEqual(order, ['first', 'second', 'third'])
  t.deepEqual([1, 2, 3].map(state), ['succeeded', 'succeeded', 'succeeded'])
})

test('operations of different apps run side by side', async t => {
  const { operations, app, newApp, request } = await bench(t)
  const other = await newApp('other')
  const [here, there] = [gate(), gate()]
  await Promise.all([
    operations.run(app, request('ann'), async () => {
      here.open()
      await there.passed
    }),
    operations.run(other, request('ann'), async () => {
      there.open()
      await here.passed
    }),
  ])
  t.pass()
})

test('who waits is told behind whom', async t => {
  const { operations, app, request } = await bench(t)
  const first = gate()
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const all = [
    operations.run(app, request('ann', { kind: 'deploy' }), () => first.passed),
    operations.run(app, request('bob'), async () => {}),
    operations.run(app, request('cid', { say }), async () => {}),
  ]
  t.deepEqual(said, ['       Operation #3 waits for #1 (deploy by ann), #2 (configure by bob)\n'])
  first.open()
  await Promise.all(all)
})

test('who waits is told when they are next, once, however the queue moved', async t => {
  const { operations, app, request } = await bench(t)
  const [first, second] = [gate(), gate()]
  const said: Record<string, string[]> = { cid: [], dan: [] }
  const saying = (name: string) => ({ say: (text: string) => void said[name]?.push(text) })
  const [leaving, late] = [new AbortController(), new AbortController()]
  const all = [
    operations.run(app, request('ann', { kind: 'deploy' }), () => first.passed),
    operations.run(app, request('bob', { signal: leaving.signal }), async () => {}),
    operations.run(app, request('cid', saying('cid')), () => second.passed),
    operations.run(app, request('eve', { signal: late.signal }), async () => {}),
    operations.run(app, request('dan', saying('dan')), async () => {}),
  ]
  leaving.abort()
  await t.throwsAsync(all[1] ?? Promise.resolve())
  late.abort()
  await t.throwsAsync(all[3] ?? Promise.resolve())
  t.deepEqual(said.cid?.slice(1), ['       Operation #3 is next, after #1 (deploy by ann)\n'])
  t.is(said.dan?.length, 1)
  first.open()
  await all[0]
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  t.deepEqual(said.dan?.slice(1), ['       Operation #5 is next, after #3 (configure by cid)\n'])
  t.is(said.cid?.length, 2)
  second.open()
  await Promise.all([all[2], all[4]])
})

test('what takes no turn runs beside the others, nobody waits for it, and it is recorded as they are', async t => {
  const { operations, app, request, state } = await bench(t)
  const [first, session] = [gate(), gate()]
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const running = operations.run(app, request('ann'), () => first.passed)
  const beside = operations.run(app, request('bob', { kind: 'run', beside: true, say }), async () => {
    await session.passed
    return 'done'
  })
  const behind = operations.run(app, request('cid', { say }), async () => 'behind')
  await new Promise(setImmediate)
  t.deepEqual([1, 2, 3].map(state), ['running', 'running', 'queued'])
  t.deepEqual(said, ['       Operation #3 waits for #1 (configure by ann)\n'])
  first.open()
  await running
  t.is(await behind, 'behind')
  t.is(state(2), 'running')
  let idle = false
  const over = operations.idle().then(() => {
    idle = true
  })
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  t.false(idle)
  session.open()
  t.is(await beside, 'done')
  await over
  t.is(state(2), 'succeeded')
})

test('who may not do it beside the others is turned away too, and so is whoever comes after the app', async t => {
  const { ground, operations, app, request, state } = await bench(t)
  const refuse = () => {
    throw new Problem('forbidden', { headline: 'No', hint: 'Ask.' })
  }
  const refused = operations.run(app, request('ann', { beside: true, authorised: refuse }), async () =>
    t.fail('it ran'),
  )
  t.is((await t.throwsAsync(refused, { instanceOf: OperationFailed }))?.problem.code, 'forbidden')
  t.is(state(1), 'failed')
  ground.store.apps.remove(app.id)
  const late = operations.run(app, request('ann', { beside: true }), async () => t.fail('it ran'))
  t.is((await t.throwsAsync(late, { instanceOf: Problem }))?.code, 'app-not-found')
})

test('what is still said when its app was destroyed beside it has no record, and is no fault', async t => {
  const { ground, operations, app, request, logged } = await bench(t)
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const work = async ({ transcript }: Run) => {
    ground.store.apps.remove(app.id)
    transcript.line('the last words')
    return 'done'
  }
  t.is(await operations.run(app, request('ann', { beside: true, say }), work), 'done')
  t.deepEqual(said, ['the last words\n'])
  t.false(logged.some(({ msg }) => msg === 'an operation could not be recorded'))
})

test('what goes on after the answer is a part of the operation, is not shown to its actor, and ends with the gateway', async t => {
  const { ground, app, request, state } = await bench(t)
  const stopping = new AbortController()
  const operations = createOperations(ground.store, ground.log, stopping.signal)
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const began = gate()
  const answer = await operations.run(app, request('ann', { say }), async run => {
    run.afterwards((outcome, problem) => ({
      name: `${outcome} ${problem}`,
      work: async signal => {
        run.transcript.line('behind')
        began.open()
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut off'))))
      },
    }))
    return 'done'
  })
  t.is(answer, 'done')
  await began.passed
  t.is(state(1), 'running')
  stopping.abort()
  await operations.idle()
  t.is(state(1), 'succeeded')
  const line = '-----> succeeded null runs behind: `fairlead operation:follow 1` shows it'
  t.deepEqual(said, [`${line}\n`])
  const { id = 0 } = ground.store.operations.byNumber(app.id, 1) ?? {}
  t.deepEqual(ground.store.operations.lines(id), [line, 'behind'])
  t.is(operations.underWay(id), null)
})

test('a fault in what goes on afterwards changes nothing about the outcome, and the log has it', async t => {
  const { operations, app, request, state, logged } = await bench(t)
  const fault = new TypeError('inner workings')
  await operations.run(app, request('ann'), async run => {
    run.afterwards(() => {
      throw fault
    })
  })
  t.is(state(1), 'succeeded')
  t.true(logged.some(({ error }) => error === fault))
})

test('who leaves while waiting is cancelled at once, and the others keep their order', async t => {
  const { operations, app, request, state } = await bench(t)
  const first = gate()
  const leaving = new AbortController()
  let ran = false
  const running = operations.run(app, request('ann'), () => first.passed)
  const waiting = operations.run(app, request('bob', { signal: leaving.signal }), async () => {
    ran = true
  })
  let third = false
  const last = operations.run(app, request('cid'), async () => {
    third = true
  })
  leaving.abort()
  const error = await t.throwsAsync(waiting, { instanceOf: OperationFailed })
  t.is(error?.problem.code, 'cancelled')
  t.deepEqual([1, 2, 3].map(state), ['running', 'cancelled', 'queued'])
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  t.false(third)
  const told: string[] = []
  const fourth = operations.run(app, request('dan', { say: text => void told.push(text) }), async () => {})
  t.regex(told.join(''), /waits for #1 \(configure by ann\), #3 \(configure by cid\)\n/)
  first.open()
  await Promise.all([running, last, fourth])
  t.false(ran)
})

test('one that fails does not hold up the next', async t => {
  const { operations, app, request, state } = await bench(t)
  const failing = operations.run(app, request('ann'), async () => {
    throw new Problem('usage', { headline: 'No', hint: 'Yes.' })
  })
  const next = operations.run(app, request('bob'), async () => 'done')
  await t.throwsAsync(failing, { instanceOf: OperationFailed })
  t.is(await next, 'done')
  t.deepEqual([1, 2].map(state), ['failed', 'succeeded'])
  await operations.idle()
})

test('the next begins only after what the outcome of the one before sets off', async t => {
  const { operations, app, request } = await bench(t)
  const moved = gate()
  let began = false
  await operations.run(app, request('ann', { until: moved.passed }), async () => {})
  const next = operations.run(app, request('bob'), async () => {
    began = true
  })
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  t.false(began)
  moved.open()
  await next
  t.true(began)
})

test('a stop of the gateway is a failure with its own code, not the cancelling of the one who asked', async t => {
  const { operations, app, request, state, ground } = await bench(t)
  const stopping = new AbortController()
  const began = gate()
  const running = operations.run(
    app,
    request('ann', { signal: stopping.signal }),
    async ({ signal }: Run) => {
      began.open()
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut off'))))
    },
  )
  await began.passed
  stopping.abort(new Problem('interrupted', { headline: 'The gateway stopped', hint: 'Run it again.' }))
  const error = await t.throwsAsync(running, { instanceOf: OperationFailed })
  t.is(error?.problem.code, 'interrupted')
  t.is(state(1), 'failed')
  t.is(ground.store.operations.byNumber(app.id, 1)?.problem, 'interrupted')
})

test('a fault of ours shows its number and nothing of its cause, which the log gets', async t => {
  const { operations, app, request, logged } = await bench(t)
  let said = ''
  const fault = new TypeError('inner workings')
  const say = (text: string) => {
    said += text
  }
  await t.throwsAsync(
    operations.run(app, request('ann', { say }), async () => {
      throw fault
    }),
    { instanceOf: OperationFailed },
  )
  t.regex(said, /A fault of the gateway ended operation #1 \(internal\)/)
  t.false(said.includes('inner workings'))
  t.true(logged.some(({ error }) => error === fault))
})

test('a deadline that is over is told as an engine that hangs, not as a fault of ours', async t => {
  const { operations, app, request } = await bench(t)
  let said = ''
  const say = (text: string) => {
    said += text
  }
  const over = AbortSignal.timeout(1)
  const work = () => new Promise<never>((_, reject) => (over.onabort = () => reject(over.reason)))
  await t.throwsAsync(operations.run(app, request('ann', { say }), work), { instanceOf: OperationFailed })
  t.is(
    said,
    [
      ' !     The Docker engine of stack local hangs (engine-unreachable)',
      '       What we saw:   It has not answered in the time that there is for it',
      '       What runs now: Nothing: this app has no release yet.',
      '       What to do:    Try again in a minute. For the operator: see its log, and restart it if it stays so. Containers that serve come back with it.',
      '',
    ].join('\n'),
  )
})

test('who waited for an app that was destroyed meanwhile is told so', async t => {
  const { operations, app, request, ground } = await bench(t)
  let said = ''
  const say = (text: string) => {
    said += text
  }
  const destroying = operations.run(app, request('ann', { kind: 'destroy' }), async () => {
    ground.store.apps.remove(app.id)
  })
  const waiting = operations.run(app, request('bob', { say }), async () => t.fail('it ran'))
  await destroying
  const error = await t.throwsAsync(waiting, { instanceOf: OperationFailed })
  t.is(error?.problem.code, 'app-not-found')
  t.regex(said, /my-env\/my-app was destroyed while this waited for its turn \(app-not-found\)/)
})

test('who asks something of an app that is gone already is told so, and it is no fault of ours', async t => {
  const { operations, app, request, ground, logged } = await bench(t)
  ground.store.apps.remove(app.id)
  const error = await t.throwsAsync(
    operations.run(app, request('ann'), async () => t.fail('it ran')),
    { instanceOf: Problem },
  )
  t.is(error?.code, 'app-not-found')
  t.deepEqual(logged, [])
})

test('rights are asked when the turn comes, and whoever has lost them is refused before anything begins', async t => {
  const { operations, app, request, ground } = await bench(t)
  const first = gate()
  let lost = false
  let said = ''
  const authorised = () => {
    if (lost) throw new Problem('forbidden', { headline: 'Not any more', hint: 'Ask.' })
  }
  const say = (text: string) => {
    said += text
  }
  const running = operations.run(app, request('ann', { authorised }), () => first.passed)
  const waiting = operations.run(app, request('bob', { authorised, say }), async () => t.fail('it ran'))
  await new Promise(setImmediate)
  lost = true
  first.open()
  await running
  const error = await t.throwsAsync(waiting, { instanceOf: OperationFailed })
  t.is(error?.problem.code, 'forbidden')
  t.regex(said, /Not any more \(forbidden\)/)
  t.notRegex(said, /What runs now/)
  const { state, startedAt, problem } = ground.store.operations.byNumber(app.id, 2) ?? {}
  t.deepEqual([state, startedAt, problem], ['failed', null, 'forbidden'])
})

test('recovery takes its turn among the operations of an app', async t => {
  const { operations, app, request } = await bench(t)
  const order: string[] = []
  const first = gate()
  const all = [
    operations.exclusive(app.id, async () => {
      await first.passed
      order.push('recovery')
    }),
    operations.run(app, request('ann'), async () => void order.push('operation')),
  ]
  first.open()
  await Promise.all(all)
  t.deepEqual(order, ['recovery', 'operation'])
})

test('questions about an app are answered beside its operations, one at a time, and those who wait are told', async t => {
  const { operations, app, newApp, request } = await bench(t)
  const other = await newApp('other')
  const told: string[] = []
  const { signal } = new AbortController()
  const aside = (id: number, actor: string, work: () => Promise<void>, until = signal) =>
    operations.aside(
      id,
      { actor, waits: ahead => told.push(`${actor} for ${ahead.join()}`), signal: until },
      work,
    )
  const [operation, first] = [gate(), gate()]
  const order: string[] = []
  const running = operations.run(app, request('zoe'), () => operation.passed)
  const leaving = new AbortController()
  const ann = aside(app.id, 'ann', async () => {
    await first.passed
    order.push('ann')
  })
  const bob = aside(app.id, 'bob', async () => void order.push('bob'), leaving.signal)
  const cid = aside(app.id, 'cid', async () => void order.push('cid'))
  await aside(other.id, 'dan', async () => void order.push('dan'))
  leaving.abort(new Error('left'))
  await t.throwsAsync(bob, { message: 'left' })
  first.open()
  await Promise.all([ann, cid])
  t.deepEqual(order, ['dan', 'ann', 'cid'])
  t.deepEqual(told, ['bob for ann', 'cid for ann,bob'])
  operation.open()
  await running
  await operations.idle()
})
