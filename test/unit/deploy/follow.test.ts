// Following an operation: what is stored and then what comes, for as many as like, each at their own pace.
import test, { type ExecutionContext } from 'ava'
import { followOperation } from '../../../src/deploy/follow.ts'
import type { Run } from '../../../src/deploy/operations.ts'
import type { OperationKind } from '../../../src/domain/operation.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { deployGround } from '../../support/deploy-ground.ts'

async function bench(t: ExecutionContext) {
  const made = await deployGround(t)
  const { ground, app, operations } = made
  const { store } = ground
  const row = (number: number) => {
    const operation = store.operations.byNumber(app.id, number)
    if (operation === null) throw new Error(`there is no operation ${number}`)
    return operation
  }
  /** An operation that runs until it is told to end. */
  async function start(kind: OperationKind = 'deploy') {
    const begun = Promise.withResolvers<Run>()
    const over = Promise.withResolvers<void>()
    const request = { kind, subject: '', actor: made.actor('ann'), say: () => {} } as const
    const running = operations.run(app, { ...request, signal: new AbortController().signal }, async run => {
      begun.resolve(run)
      await over.promise
    })
    running.catch(() => {})
    const { transcript, operation } = await begun.promise
    return { transcript, operation, running, end: over.resolve, fail: over.reject }
  }
  function follow(
    number: number,
    write: (line: string) => Promise<void> | undefined,
    more: Partial<Follow> = {},
  ) {
    const { authorised = () => {}, signal = new AbortController().signal } = more
    return followOperation(store, operations, row(number), write, authorised, signal)
  }
  /** Follows, and remembers what was written. */
  function listen(number: number, more: Partial<Follow> = {}) {
    const lines: string[] = []
    const heard = new Set<() => void>()
    const write = (line: string) => {
      lines.push(line)
      for (const each of heard) each()
      return undefined
    }
    const has = (line: string) =>
      new Promise<void>(resolve => {
        const look = () => lines.includes(line) && resolve()
        heard.add(look)
        look()
      })
    return { lines, has, outcome: follow(number, write, more) }
  }
  return { ...made, store, row, start, follow, listen }
}

interface Follow {
  readonly authorised: () => void
  readonly signal: AbortSignal
}

test('whoever follows gets what was said and then what is said, in order, and the outcome', async t => {
  const { start, listen } = await bench(t)
  const one = await start()
  one.transcript.line('first')
  const follower = listen(1)
  await follower.has('first')
  one.transcript.line('second\nthird')
  await follower.has('third')
  one.transcript.line('last')
  one.end()
  t.is(await follower.outcome, 'succeeded')
  t.deepEqual(follower.lines, ['first', 'second', 'third', 'last'])
})

test('one that fails ends with its Problem and with that outcome', async t => {
  const { start, listen } = await bench(t)
  const one = await start()
  const follower = listen(1)
  one.fail(new Problem('build-failed', { headline: 'No', hint: 'Yes.' }))
  t.is(await follower.outcome, 'failed')
  t.is(follower.lines[0], ' !     No (build-failed)')
  t.is(follower.lines.at(-1), '       What to do:    Yes.')
})

test('one that has ended is printed, and its outcome told', async t => {
  const { start, listen, row, operations } = await bench(t)
  const one = await start()
  one.transcript.line('said')
  one.end()
  await one.running
  t.is(operations.underWay(row(1).id), null)
  const follower = listen(1)
  t.is(await follower.outcome, 'succeeded')
  t.deepEqual(follower.lines, ['said'])
})

test('one that waits is followed until it has run', async t => {
  const { start, listen } = await bench(t)
  const one = await start()
  const second = start()
  const follower = listen(2)
  await follower.has('       Operation #2 waits for #1 (deploy by ann)')
  one.end()
  const two = await second
  two.transcript.line('it runs')
  two.end()
  t.is(await follower.outcome, 'succeeded')
  t.deepEqual(follower.lines.slice(1), ['it runs'])
})

test('secrets are masked as for the actor', async t => {
  const { start, listen } = await bench(t)
  const one = await start()
  one.transcript.mask(text => text.replaceAll('hunter2', '[redacted]'))
  const follower = listen(1)
  one.transcript.line('password hunter2')
  await follower.has('password [redacted]')
  one.end()
  await follower.outcome
  t.deepEqual(follower.lines, ['password [redacted]'])
})

test('a follower who does not read holds nobody up, holds one line, and catches up later', async t => {
  const { start, follow, listen } = await bench(t)
  const one = await start()
  const room = Promise.withResolvers<void>()
  const got: string[] = []
  const slow = follow(1, line => {
    got.push(line)
    return room.promise
  })
  const quick = listen(1)
  const all = Array.from({ length: 500 }, (_, i) => `line ${i}`)
  for (const line of all) one.transcript.line(line)
  await quick.has('line 499')
  t.deepEqual(got, ['line 0'])
  one.end()
  await one.running
  t.is(await quick.outcome, 'succeeded')
  t.deepEqual(got, ['line 0'])
  room.resolve()
  t.is(await slow, 'succeeded')
  t.deepEqual(got, all)
  t.deepEqual(quick.lines, all)
})

test('whoever leaves is forgotten at once, while it runs on', async t => {
  const { start, listen, follow } = await bench(t)
  const one = await start()
  one.transcript.line('first')
  const leaving = new AbortController()
  const waits = listen(1, { signal: leaving.signal })
  await waits.has('first')
  const stuck = follow(
    1,
    () => new Promise(resolve => leaving.signal.addEventListener('abort', () => resolve())),
    {
      signal: leaving.signal,
    },
  )
  leaving.abort()
  t.is(await waits.outcome, null)
  t.is(await stuck, null)
  one.transcript.line('second')
  t.deepEqual(waits.lines, ['first'])
  one.end()
  await one.running
})

test('whoever loses the right while following is shown nothing more', async t => {
  const { start, listen } = await bench(t)
  const one = await start()
  let lost = false
  const authorised = () => {
    if (lost) throw new Problem('forbidden', { headline: 'Not any more', hint: 'Ask.' })
  }
  one.transcript.line('first')
  const follower = listen(1, { authorised })
  await follower.has('first')
  lost = true
  one.transcript.line('second')
  await t.throwsAsync(follower.outcome, { instanceOf: Problem, message: 'Not any more' })
  t.deepEqual(follower.lines, ['first'])
  one.end()
  await one.running
})

test('a destroy takes its record along, and its follower is told the outcome all the same', async t => {
  const { start, listen, store, app } = await bench(t)
  const one = await start('destroy')
  one.transcript.line('stopping')
  const follower = listen(1)
  await follower.has('stopping')
  const waiting = start()
  waiting.catch(() => {})
  const behind = listen(2)
  store.apps.remove(app.id)
  one.end()
  t.is(await follower.outcome, 'succeeded')
  t.is(await behind.outcome, 'failed')
})
