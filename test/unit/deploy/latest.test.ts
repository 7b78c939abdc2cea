import test from 'ava'
import { createLatest } from '../../../src/deploy/latest.ts'
import { untilAborted } from '../../../src/domain/until-aborted.ts'

/** Work that notes when it begins, and ends when it is told to. */
function bench() {
  const latest = createLatest<string>()
  const begun: string[] = []
  const ends: (() => void)[] = []
  const ask = (key: string, name: string) =>
    latest(key, () => {
      begun.push(name)
      return new Promise(resolve => ends.push(resolve))
    })
  return { latest, begun, ends, ask }
}

test('one runs at a time for each key, and those who ask meanwhile share the next', async t => {
  const { begun, ends, ask } = bench()
  const first = ask('a', 'first')
  const [second, third] = [ask('a', 'second'), ask('a', 'third')]
  const elsewhere = ask('b', 'elsewhere')
  t.deepEqual(begun, ['first', 'elsewhere'])
  t.is(second, third)
  ends[0]?.()
  ends[1]?.()
  await Promise.all([first, elsewhere])
  await new Promise(setImmediate)
  t.deepEqual(begun, ['first', 'elsewhere', 'second'])
  const fourth = ask('a', 'fourth')
  ends[2]?.()
  await second
  await new Promise(setImmediate)
  t.deepEqual(begun.at(-1), 'fourth')
  ends[3]?.()
  await fourth
})

test('one that fails fails those who shared it, and the next runs all the same', async t => {
  const { latest } = bench()
  let tries = 0
  const work = async () => {
    tries += 1
    if (tries === 1) throw new Error('not yet')
  }
  const [first, second] = [latest('a', work), latest('a', work)]
  await t.throwsAsync(first, { message: 'not yet' })
  await t.notThrowsAsync(second)
  await latest('a', work)
  t.is(tries, 3)
})

test('whoever leaves leaves the work to the others', async t => {
  const { ends, ask } = bench()
  const shared = ask('a', 'first')
  const leave = new AbortController()
  const waiting = untilAborted(shared, leave.signal)
  leave.abort(new Error('left'))
  await t.throwsAsync(waiting, { message: 'left' })
  ends[0]?.()
  await t.notThrowsAsync(shared)
})
