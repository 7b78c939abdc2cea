import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { firstLine, wholeBytes, wholeText } from '../../../src/commands/first-line.ts'
import { wordsFromStdin } from '../../../src/commands/words-on-stdin.ts'
import { Problem } from '../../../src/domain/problem.ts'

const never = new AbortController().signal
const from = (...chunks: (string | Buffer)[]) => {
  const stream = new PassThrough()
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  return stream
}

test('the first line is read whatever the chunks, and what follows stays in the stream', async t => {
  const bytes = Buffer.from('grün ☃\nthe rest\nof it')
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const stream = from(...[bytes.subarray(0, cut), bytes.subarray(cut)].filter(chunk => chunk.length > 0))
    t.is(await firstLine(stream, 100, never), 'grün ☃')
    t.is(await text(stream), 'the rest\nof it')
  }
})

test('the limit is exact and counts bytes, and a stream that ends without a line has none', async t => {
  t.is(await firstLine(from('ää\nx'), 4, never), 'ää')
  const long = await t.throwsAsync(firstLine(from('ää', 'x\n'), 4, never), { instanceOf: Problem })
  t.regex(long.message, /longer than 4 bytes/)
  t.is(await firstLine(from('no end'), 100, never), null)
  t.is(await firstLine(from(), 100, never), null)
  t.is(await wholeText(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), 4), 'abcd')
  await t.throwsAsync(wholeText(Readable.from([Buffer.from('ab'), Buffer.from('cde')]), 4), {
    instanceOf: Problem,
  })
})

test('a line that comes byte by byte leaves no listeners behind', async t => {
  const stream = new PassThrough()
  const reading = firstLine(stream, 5000, never)
  const most = { end: 0, readable: 0, error: 0 }
  for (let sent = 0; sent < 2000; sent += 1) {
    stream.write('x')
    await new Promise(setImmediate)
    for (const event of ['end', 'readable', 'error'] as const)
      most[event] = Math.max(most[event], stream.listenerCount(event))
  }
  t.true(Math.max(...Object.values(most)) < 10, JSON.stringify(most))
  stream.end('\nrest')
  t.is(await reading, 'x'.repeat(2000))
  t.is(await text(stream), 'rest')
})

test('text longer than the buffer begins with is whole, up to the limit exactly', async t => {
  const long = 'ab☃'.repeat(3000)
  t.is(await wholeText(Readable.from([...Buffer.from(long)].map(byte => Buffer.of(byte))), 15_000), long)
  t.is(await firstLine(from(`${long}\n`), 15_000, never), long)
  await t.throwsAsync(wholeText(from(long), 14_999), { instanceOf: Problem })
})

test('bytes that are not UTF-8 are refused, never replaced; a byte order mark stays', async t => {
  for (const bytes of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80]]) {
    const line = Buffer.from([...bytes, 0x0a])
    const error = await t.throwsAsync(firstLine(from(line), 100, never), { instanceOf: Problem })
    t.regex(error.message, /not UTF-8/)
    await t.throwsAsync(wholeText(from(line), 100), { instanceOf: Problem })
  }
  t.is(await wholeText(from('\ufeffa'), 100), '\ufeffa')
})

test('bytes are read as they are, text or not, up to the limit exactly', async t => {
  const bytes = Buffer.from([0x1f, 0x8b, 0x00, 0xff, 0x0a])
  const each = () => Readable.from([...bytes].map(byte => Buffer.of(byte)))
  t.deepEqual(await wholeBytes(each(), 5), bytes)
  t.deepEqual(await wholeBytes(from(), 5), Buffer.alloc(0))
  const error = await t.throwsAsync(wholeBytes(each(), 4), { instanceOf: Problem })
  t.regex(error.message, /longer than 4 bytes/)
})

test('a reader whose client has left throws the reason', async t => {
  const abort = new AbortController()
  const reading = firstLine(new PassThrough(), 100, abort.signal)
  abort.abort(new Error('left'))
  await t.throwsAsync(reading)
})

test('words come as a JSON array, and a message about anything else does not repeat it', async t => {
  t.deepEqual(await wordsFromStdin(from('["a","b c=\\n"]\nrest'), never), ['a', 'b c=\n'])
  for (const line of [
    '',
    'hunter2',
    '"hunter2"',
    '{"a":"hunter2"}',
    '["hunter2",1]',
    '["hunter2"',
    JSON.stringify(Array(5001).fill('hunter2')),
  ]) {
    const error = await t.throwsAsync(wordsFromStdin(from(`${line}\n`), never), { instanceOf: Problem })
    t.regex(error.message, /wants a JSON array of words/, line.slice(0, 20))
    t.false(
      JSON.stringify(error).includes('hunter2') ||
        error.message.includes('hunter2') ||
        error.cause !== undefined,
    )
  }
})
