import test from 'ava'
import { decodeStatus } from '../../../../src/engines/build/status.ts'
import { Steps } from '../../../../src/engines/build/steps.ts'
import { Trace } from '../../../../src/engines/build/trace.ts'
import { listen } from '../../../support/build-fixtures.ts'

/** A protobuf field: a varint for a number, else bytes or text. */
function field(number: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)])
  const bytes = Buffer.from(value as string)
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  return value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) + 128]), varint(Math.floor(value / 128))])
}

const time = (seconds: number, nanos = 0) => Buffer.concat([field(1, seconds), field(2, nanos)])

interface Told {
  readonly cached?: boolean
  readonly started?: number
  readonly completed?: number
  readonly error?: string
}

function vertex(digest: string, name: string, told: Told = {}): Buffer {
  return field(
    1,
    Buffer.concat([
      field(1, digest),
      field(2, 'an input'),
      field(3, name),
      ...(told.cached ? [field(4, 1)] : []),
      ...(told.started === undefined ? [] : [field(5, time(told.started))]),
      ...(told.completed === undefined
        ? []
        : [field(6, time(Math.floor(told.completed), Math.round((told.completed % 1) * 1e9)))]),
      ...(told.error === undefined ? [] : [field(7, told.error)]),
    ]),
  )
}

const log = (digest: string, message: Buffer | string) =>
  field(3, Buffer.concat([field(1, digest), field(3, 1), field(4, message)]))

const layer = (digest: string, id: string, name: string, current: number, total: number) =>
  field(
    2,
    Buffer.concat([field(1, id), field(2, digest), field(3, name), field(4, current), field(5, total)]),
  )

/** Shows these messages, one after the other. */
function show(...messages: Buffer[]) {
  const heard = listen()
  const trace = new Trace(new Steps(heard))
  for (const message of messages) trace.read(message.toString('base64'))
  return { ...heard, trace }
}

test('a status is read from its wire format, unknown fields and all', t => {
  const message = Buffer.concat([
    vertex('sha256:a', '[1/2] RUN x', { started: 1_760_000_000, completed: 1_760_000_001.25, cached: true }),
    layer('sha256:a', 'sha256:l', 'downloading', 5_000_000_000, 6_000_000_000),
    log('sha256:a', Buffer.from([0xe2, 0xff])),
    field(4, 'a warning'),
    field(99, 7),
    Buffer.from([0x55, 1, 2, 3, 4, 0x51, 1, 2, 3, 4, 5, 6, 7, 8]),
  ])
  t.deepEqual(decodeStatus(message), {
    vertices: [
      {
        digest: 'sha256:a',
        name: '[1/2] RUN x',
        cached: true,
        started: 1_760_000_000,
        completed: 1_760_000_001.25,
        error: '',
      },
    ],
    statuses: [
      {
        id: 'sha256:l',
        vertex: 'sha256:a',
        name: 'downloading',
        current: 5_000_000_000,
        total: 6_000_000_000,
      },
    ],
    logs: [{ vertex: 'sha256:a', message: Buffer.from([0xe2, 0xff]) }],
  })
})

test('a status that is cut short is refused', t => {
  const message = vertex('sha256:a', '[1/2] RUN x')
  t.throws(() => decodeStatus(message.subarray(0, -1)), { instanceOf: RangeError })
})

test('a step has a line when it starts and one when it is done, its output in between', t => {
  const { lines } = show(
    vertex('a', '[2/2] RUN make'),
    vertex('a', '[2/2] RUN make', { started: 10 }),
    log('a', 'one\ntw'),
    Buffer.concat([log('a', 'o\nthree'), vertex('a', '[2/2] RUN make', { started: 10, completed: 12.25 })]),
  )
  t.deepEqual(lines, [
    '       [2/2] RUN make',
    '         one',
    '         two',
    '         three',
    '       [2/2] done in 2.3 s',
  ])
})

test('a cached step has one line, and what is quick is not told to be done', t => {
  const { lines } = show(
    vertex('a', '[1/2] FROM x@sha256:0123456789abcdef0123456789abcdef', { started: 10, completed: 10.05 }),
    vertex('a', '[1/2] FROM x@sha256:0123456789abcdef0123456789abcdef', {
      cached: true,
      started: 10,
      completed: 9,
    }),
    vertex('b', '[2/2] RUN make', { cached: true, started: 10, completed: 11 }),
  )
  t.deepEqual(lines, ['       [1/2] FROM x@sha256:0123456789ab', '       [2/2] RUN make  CACHED'])
})

test("BuildKit's own steps are not shown, but known when they fail", t => {
  const name = '[internal] load metadata for quay.io/acme/base:1'
  const { lines, trace } = show(
    vertex('a', '[internal] load remote build context', { started: 1, completed: 2 }),
    vertex('b', 'copy /context /', { started: 1, completed: 2 }),
    vertex('c', name, { started: 1, completed: 2, error: '401 Unauthorized' }),
    vertex('d', 'exporting to image', { started: 1, completed: 2 }),
  )
  t.deepEqual(lines, [])
  t.deepEqual(trace.failed, { name, output: [] })
})

test('output of steps that run at once says whose it is', t => {
  const { lines } = show(
    vertex('a', '[one 2/2] RUN a', { started: 1 }),
    vertex('b', '[two 2/2] RUN b', { started: 1 }),
    log('a', 'from a\n'),
    log('b', 'from b\n'),
  )
  t.deepEqual(lines.slice(2), [
    '       [one 2/2] …',
    '         from a',
    '       [two 2/2] …',
    '         from b',
  ])
})

test('the bytes of one character may come in several messages, and steps do not mix theirs', t => {
  const euro = Buffer.from('€')
  const { lines } = show(
    vertex('a', '[1/1] RUN a', { started: 1 }),
    vertex('b', '[2/2] RUN b', { started: 1 }),
    log('a', euro.subarray(0, 1)),
    log('b', 'plain\n'),
    log('a', euro.subarray(1)),
    log('a', '\n'),
  )
  t.true(lines.includes('         €'))
  t.true(lines.includes('         plain'))
})

test('output cannot command the terminal, and a line that overwrites itself is shown as it ends', t => {
  const { lines } = show(
    vertex('a', '[1/1] RUN a', { started: 1 }),
    log('a', '\u001b[31mred\u001b[0m \u001b]0;title\u0007\r\n10%\r50%\r100%\nbell\u0007\n'),
  )
  t.deepEqual(lines.slice(1), ['         red ', '         100%', '         bell\\u{7}'])
})

test('a line without end is shown in pieces, not kept in memory', t => {
  const { lines } = show(vertex('a', '[1/1] RUN a', { started: 1 }), log('a', 'x'.repeat(10_000)))
  t.is(lines.slice(1).join('').replaceAll(' ', '').length, 10_000)
  t.true(lines.every(line => line.length < 1100))
})

test('the layers of a base give one percentage', t => {
  const { lines, progressed } = show(
    vertex('a', '[1/1] FROM x', { started: 1 }),
    layer('a', 'sha256:1', 'downloading', 1_000_000, 4_000_000),
    layer('a', 'sha256:2', 'downloading', 0, 6_000_000),
    layer('a', 'sha256:1', 'done', 4_000_000, 4_000_000),
    layer('a', 'extracting sha256:1', 'extract', 0, 0),
  )
  t.is(lines.length, 1)
  t.is(progressed[0], '       Downloading 1 layer: 25% of 4.0 MB')
  t.is(progressed.at(-1), '       Downloading 2 layers: 40% of 10.0 MB')
})

test('the step that failed is kept with its last lines; those it took down with it are not', t => {
  const { trace } = show(
    vertex('a', '[one 2/2] RUN a', { started: 1 }),
    vertex('b', '[two 2/2] RUN b', { started: 1 }),
    vertex('b', '[two 2/2] RUN b', { started: 1, completed: 2, error: 'executor failed: context canceled' }),
    log('a', Array.from({ length: 30 }, (_, i) => `line ${i}\n`).join('')),
    vertex('a', '[one 2/2] RUN a', { started: 1, completed: 2, error: 'exit code: 3' }),
  )
  t.deepEqual(trace.failed, {
    name: '[one 2/2] RUN a',
    output: Array.from({ length: 20 }, (_, i) => `line ${i + 10}`),
  })
})
