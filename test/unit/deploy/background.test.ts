import test from 'ava'
import { createBackground } from '../../../src/deploy/background.ts'

function bench(pause: (n: number) => number = () => 1) {
  const warned: string[] = []
  const log = { info() {}, warn: (_: object, message: string) => void warned.push(message), error() {} }
  return { warned, background: createBackground(log, pause) }
}

test('work that fails is a line in the log and nothing else', async t => {
  const { background, warned } = bench()
  background.run('tidy', Promise.reject(new Error('no')))
  await background.idle()
  t.deepEqual(warned, ['background work failed'])
})

test('what is insisted on is done again until it succeeds', async t => {
  const { background } = bench()
  let tries = 0
  background.insist('retire', async () => {
    tries += 1
    if (tries < 4) throw new Error('not yet')
  })
  await background.idle()
  t.is(tries, 4)
})

test('a stop gives up what waits for its next try', async t => {
  const { background } = bench(() => 3_600_000)
  let tries = 0
  background.insist('retire', async () => {
    tries += 1
    throw new Error('not yet')
  })
  await new Promise(setImmediate)
  await background.stop(3_600_000)
  t.is(tries, 1)
})

test('a stop does not wait for ever for what is under way, and says so', async t => {
  const { background, warned } = bench()
  background.run('hangs', new Promise(() => {}))
  await background.stop(5)
  t.deepEqual(warned, ['background work is left to the next start'])
})
