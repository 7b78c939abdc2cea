import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { patiently, withoutWaiting } from '../../../src/commands/wait-for-client.ts'

/** A client that takes one chunk each time it is told to. */
function slowClient() {
  const taken: string[] = []
  const waiting: (() => void)[] = []
  const output = new Writable({
    highWaterMark: 1000,
    write: (chunk, _encoding, done) => {
      taken.push(String(chunk))
      waiting.push(done)
    },
  })
  const take = async () => {
    waiting.shift()?.()
    await turn()
  }
  return { output, taken, take }
}

test('a log waits for a client that does not read, and goes on when it does', async t => {
  const { output, taken, take } = slowClient()
  const write = patiently(output, new AbortController().signal)
  let written = 0
  const log = async () => {
    for (let i = 0; i < 20; i += 1) {
      await write('x'.repeat(400))
      written += 1
    }
  }
  const logs = Promise.all([log(), log()])
  await turn()
  t.true(output.writableLength < 2000)
  t.true(written < 4)
  t.is(output.listenerCount('drain'), 1)
  while (written < 40) await take()
  await logs
  while (output.writableLength > 0) await take()
  t.is(taken.join('').length, 16_000)
})

test('a log does not wait for a client that has left', async t => {
  const { output } = slowClient()
  const left = new AbortController()
  const write = patiently(output, left.signal)
  const waiting = write('x'.repeat(2000))
  left.abort()
  await waiting
  t.is(output.listenerCount('drain'), 0)
})

test('an operation never waits: what its reader is too slow for is left out, with a line that says so', async t => {
  const { output, taken, take } = slowClient()
  const say = withoutWaiting(output)
  for (let i = 0; i < 100; i += 1) say('x'.repeat(100_000))
  t.true(output.writableLength < 1_200_000)
  while (output.writableLength > 0) await take()
  say('the end\n')
  while (output.writableLength > 0) await take()
  const all = taken.join('')
  t.is(all.split('left out: your side reads too slowly').length, 2)
  t.true(all.endsWith('the end\n'))
})
