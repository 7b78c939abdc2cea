import test from 'ava'
import fc from 'fast-check'
import { logLines } from '../../../../src/engines/docker/log-lines.ts'

function frame(channel: number, content: string | Buffer): Buffer {
  const payload = Buffer.from(content)
  const header = Buffer.alloc(8)
  header.writeUInt8(channel)
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

function read(...chunks: Buffer[]): string[] {
  const lines = logLines()
  return [...chunks.flatMap(chunk => lines.read(chunk)), ...lines.end()].map(({ text }) => text)
}

function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

test('lines come out whole, however frames and chunks are cut', t => {
  const line = fc.string({ unit: 'grapheme' }).map(text => text.replace(/[\r\n]/g, ''))
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 })
  fc.assert(
    fc.property(fc.array(line), sizes, sizes, (lines, frames, chunks) => {
      const bytes = Buffer.from(lines.map(text => `${text}\n`).join(''))
      const stream = Buffer.concat(cut(bytes, frames).map(part => frame(1, part)))
      t.deepEqual(read(...cut(stream, chunks)), lines)
    }),
  )
})

test('halves of lines of both channels are not mixed', t => {
  const stream = [frame(1, 'out '), frame(2, 'err '), frame(1, 'put\n'), frame(2, 'or\r\n')]
  t.deepEqual(read(Buffer.concat(stream)), ['out put', 'err or'])
})

test('a last line without an end is handed over, also empty frames do no harm', t => {
  t.deepEqual(read(frame(1, ''), frame(1, 'a\nb'), frame(2, '')), ['a', 'b'])
})

test('output without frames comes through as it is', t => {
  t.deepEqual(read(Buffer.from('plain output of a terminal\r\nmore')), ['plain output of a terminal', 'more'])
  t.deepEqual(read(Buffer.from('short')), ['short'])
})

test('a line without end is handed over in pieces', t => {
  const lines = logLines()
  const content = 'x'.repeat(50_000)
  const pieces = Array.from({ length: 4 }, () => lines.read(frame(1, content)))
    .flat()
    .map(({ text }) => text)
  t.deepEqual(
    pieces.map(piece => piece.length),
    [65_536, 65_536, 65_536],
  )
  t.is([...pieces, ...lines.end().map(({ text }) => text)].join(''), content.repeat(4))
})

test('a frame that claims four gigabytes costs no memory before it comes', t => {
  const header = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
  t.deepEqual(read(header, Buffer.from('a\n')), ['a'])
})

const FIRST = '2026-01-02T03:04:05.000000001Z'
const SECOND = '2026-01-02T03:04:05.000000002Z'

test('the time of each frame is taken off, however chunks are cut; a line has that of its beginning', t => {
  const stream = Buffer.concat([
    frame(1, `${FIRST} one\n`),
    frame(1, `${FIRST} a long `),
    frame(2, `${SECOND} an error\n`),
    frame(1, `${SECOND} line\n`),
    frame(1, `${SECOND} 2026-01-02T03:04:05Z said by the program\n`),
    frame(1, `${SECOND} \n`),
  ])
  for (const size of [1, 7, 40, 1000]) {
    const lines = logLines()
    t.deepEqual(
      cut(stream, [size]).flatMap(chunk => lines.read(chunk)),
      [
        { at: FIRST, text: 'one' },
        { at: SECOND, text: 'an error' },
        { at: FIRST, text: 'a long line' },
        { at: SECOND, text: '2026-01-02T03:04:05Z said by the program' },
        { at: SECOND, text: '' },
      ],
    )
  }
})

test('the output of a terminal has its time at each line', t => {
  const lines = logLines()
  t.deepEqual(lines.read(Buffer.from(`${FIRST} one two\r\n${SECOND} three\n`)), [
    { at: FIRST, text: 'one two' },
    { at: SECOND, text: 'three' },
  ])
})
