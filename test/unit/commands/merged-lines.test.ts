import test from 'ava'
import { mergeLines, type Read } from '../../../src/commands/merged-lines.ts'

const here = new AbortController().signal
const at = (n: number) => `2026-01-01T00:00:00.${String(n).padStart(9, '0')}Z`

/** Counts how many of its lines were asked for. */
function log(times: readonly number[]): Read & { handed: number } {
  const read = Object.assign(
    async (line: (text: string, at: string) => unknown, signal: AbortSignal) => {
      for (const time of times) {
        signal.throwIfAborted()
        read.handed += 1
        await line(String(time), at(time))
      }
    },
    { handed: 0 },
  )
  return read
}

test('lines of several logs come in the order of their times, and of one log in its own', async t => {
  const seen: string[] = []
  await mergeLines(
    [log([1, 4, 3, 9]), log([]), log([2, 4, 5])],
    (which, { text }) => seen.push(`${which}:${text}`),
    here,
  )
  t.deepEqual(seen, ['0:1', '2:2', '0:4', '0:3', '2:4', '2:5', '0:9'])
})

test('a log is read no further than one line ahead of who takes them', async t => {
  const one = log([1, 2, 3, 4])
  const two = log([10, 11, 12])
  const handed: number[][] = []
  await mergeLines([one, two], () => handed.push([one.handed, two.handed]), here)
  t.deepEqual(handed.slice(0, 4), [
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 1],
  ])
})

test('what a log throws is thrown, and the others end', async t => {
  const other = Promise.withResolvers<unknown>()
  const waiting: Read = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        other.resolve(true)
        reject(signal.reason)
      })
    })
  const failing: Read = async () => {
    throw new Error('no log')
  }
  await t.throwsAsync(
    mergeLines([waiting, failing], () => {}, here),
    { message: 'no log' },
  )
  t.true(await other.promise)
})

test('an abort ends it between two lines', async t => {
  const abort = new AbortController()
  const reason = new Error('left')
  const seen: string[] = []
  const thrown = await t.throwsAsync(
    mergeLines(
      [log([1, 2, 3])],
      (_, { text }) => {
        seen.push(text)
        abort.abort(reason)
      },
      abort.signal,
    ),
  )
  t.is(thrown, reason)
  t.deepEqual(seen, ['1'])
})
