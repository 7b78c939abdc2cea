import { PassThrough, Readable } from 'node:stream'
import test from 'ava'
import fc from 'fast-check'
import { Problem } from '../../../src/domain/problem.ts'
import { readNdjson } from '../../../src/engines/ndjson.ts'

const { signal } = new AbortController()

async function all(stream: Readable): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const value of readNdjson(stream, signal)) values.push(value)
  return values
}

/** The bytes in pieces of these sizes, over and over. */
function chunked(text: string, sizes: number[]): Readable {
  const bytes = Buffer.from(text)
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return Readable.from(chunks, { objectMode: false })
}

test('values come out as they went in, however the bytes are cut', async t => {
  const values = fc.array(fc.jsonValue())
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 })
  const lineEnd = fc.constantFrom('\n', '\r\n', '\n\n')
  await fc.assert(
    fc.asyncProperty(values, sizes, lineEnd, async (list, cuts, end) => {
      const text = list.map(value => JSON.stringify(value) + end).join('')
      const expected = list.map(value => JSON.parse(JSON.stringify(value)))
      t.deepEqual(await all(chunked(text, cuts)), expected)
    }),
  )
})

test('a last line without an end is a line', async t => {
  t.deepEqual(await all(chunked('{"a":1}\n{"b":"€"}', [1])), [{ a: 1 }, { b: '€' }])
})

test('a line that is no JSON is a Problem that shows it', async t => {
  const thrown = await t.throwsAsync(all(chunked('{"a":1}\n<html>\n', [100])), { instanceOf: Problem })
  t.is(thrown instanceof Problem ? thrown.code : '', 'engine-failed')
  t.is(thrown instanceof Problem ? thrown.saw : '', '"<html>"')
})

test('a stream that is cut is no end', async t => {
  const stream = new PassThrough()
  const reader = readNdjson(stream, signal)
  stream.write('{"a":1}\n')
  t.deepEqual((await reader.next()).value, { a: 1 })
  stream.destroy()
  const thrown = await t.throwsAsync(reader.next(), { instanceOf: Problem })
  t.is(thrown instanceof Problem ? thrown.code : '', 'engine-unreachable')
})

test('a stream that breaks between two reads does not end the process', async t => {
  const stream = new PassThrough()
  const reader = readNdjson(stream, signal)
  stream.write('{"a":1}\n')
  await reader.next()
  stream.destroy(new Error('aborted'))
  await new Promise(setImmediate)
  const thrown = await t.throwsAsync(reader.next(), { instanceOf: Problem })
  t.is(thrown instanceof Problem ? thrown.saw : '', 'aborted')
})

test('a line without end does not fill the memory', async t => {
  let sent = 0
  const endless = new Readable({
    read() {
      sent += 65_536
      this.push(Buffer.alloc(65_536, 'x'))
    },
  })
  const thrown = await t.throwsAsync(all(endless), { instanceOf: Problem })
  t.is(thrown instanceof Problem ? thrown.saw : '', 'a line of more than 1 MiB')
  t.true(sent < 4 * 1024 * 1024)
  t.true(endless.destroyed)
})

test('an abort ends the reading with its reason and destroys the stream', async t => {
  const abort = new AbortController()
  const stream = new PassThrough()
  const reading = readNdjson(stream, abort.signal).next()
  const reason = new Error('the pusher left')
  abort.abort(reason)
  t.is(await t.throwsAsync(reading), reason)
  t.true(stream.destroyed)
})

test('a reader that stops early destroys the stream', async t => {
  const stream = new PassThrough()
  stream.write('{"a":1}\n{"b":2}\n')
  for await (const _ of readNdjson(stream, signal)) break
  t.true(stream.destroyed)
})
