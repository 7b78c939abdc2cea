import test from 'ava'
import { oneAtATime } from '../../../src/certificates/one-at-a-time.ts'

const NEVER = new AbortController().signal

test('works of one number follow each other, those of others do not wait', async t => {
  const { run } = oneAtATime()
  const order: string[] = []
  const first = Promise.withResolvers<void>()
  const work = (name: string, wait?: Promise<void>) => async () => {
    order.push(`${name} begins`)
    await wait
    order.push(`${name} ends`)
  }
  const one = run(1, NEVER, work('one', first.promise))
  const two = run(1, NEVER, work('two'))
  await run(2, NEVER, work('other'))
  t.deepEqual(order, ['one begins', 'other begins', 'other ends'])
  first.resolve()
  await Promise.all([one, two])
  t.deepEqual(order.slice(3), ['one ends', 'two begins', 'two ends'])
})

test('who waits may leave, and a failure keeps nobody from the next turn', async t => {
  const { run } = oneAtATime()
  const first = Promise.withResolvers<void>()
  const leaving = new AbortController()
  const one = run(1, NEVER, () => first.promise)
  const two = run(1, leaving.signal, async () => t.fail())
  leaving.abort(new Error('left'))
  await t.throwsAsync(two, { message: 'left' })
  first.reject(new Error('failed'))
  await t.throwsAsync(one, { message: 'failed' })
  t.is(await run(1, NEVER, async () => 3), 3)
})

test('what is under way is ended, and what comes after it is not', async t => {
  const { run, end } = oneAtATime()
  const one = run(
    1,
    NEVER,
    signal => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  )
  end(1, new Error('destroyed'))
  end(2, new Error('nothing is under way there'))
  await t.throwsAsync(one, { message: 'destroyed' })
  t.false(await run(1, NEVER, async signal => signal.aborted))
})
