import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { whileAuthorised } from '../../../src/commands/while-authorised.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { Session } from '../../../src/ssh/session.ts'

const session = (signal: AbortSignal) => ({ signal }) as Session
const here = new AbortController().signal
const lost = new Problem('forbidden', { headline: 'You may not', hint: 'Ask.' })

test('work ends with the Problem as soon as the right is gone', async t => {
  let asked = 0
  const authorised = () => {
    asked += 1
    if (asked === 3) throw lost
  }
  const work = (signal: AbortSignal) => delay(60_000, undefined, { signal })
  t.is(await t.throwsAsync(whileAuthorised({ session: session(here), authorised }, work, 1)), lost)
  t.is(asked, 3)
})

test('work that takes the abort for its end does not hide the reason', async t => {
  const authorised = () => {
    throw lost
  }
  const work = async (signal: AbortSignal) => {
    await delay(60_000, undefined, { signal }).catch(() => {})
  }
  t.is(await t.throwsAsync(whileAuthorised({ session: session(here), authorised }, work, 1)), lost)
})

test('work that ends by itself gives its result, and what leaves ends it', async t => {
  const authorised = () => {}
  t.is(await whileAuthorised({ session: session(here), authorised }, async () => 'done', 1), 'done')
  const reason = new Error('left')
  const left = whileAuthorised(
    { session: session(AbortSignal.abort(reason)), authorised },
    async signal => signal.throwIfAborted(),
    1,
  )
  t.is(await t.throwsAsync(left), reason)
})
