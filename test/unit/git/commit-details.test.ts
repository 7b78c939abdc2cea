import test from 'ava'
import fc from 'fast-check'
import { MAX_MESSAGE, parseCommit } from '../../../src/git/commit-details.ts'

const TREE = `tree ${'a'.repeat(40)}\nparent ${'b'.repeat(40)}\n`
const ANN = 'Ann Example <ann@example.com> 1700000000 +0200'
const parse = (text: string | Buffer) => parseCommit(Buffer.from(text as string))
const committer = (line: string) => parse(`${TREE}author ${ANN}\ncommitter ${line}\n\nx`).committer

test('author, committer and message are read', t => {
  t.deepEqual(
    parse(`${TREE}author ${ANN}\ncommitter Bob <bob@example.com> 1700000060 -0730\n\nFirst\n\nSecond\tx\n`),
    {
      author: {
        name: 'Ann Example',
        email: 'ann@example.com',
        time: new Date(1_700_000_000_000),
        zone: '+0200',
      },
      committer: { name: 'Bob', email: 'bob@example.com', time: new Date(1_700_000_060_000), zone: '-0730' },
      subject: 'First',
      message: 'First\n\nSecond\tx\n',
    },
  )
})

test('a signature before the message, and what looks like a header in it, change nothing', t => {
  const signed = `${TREE}author ${ANN}\ncommitter ${ANN}\nencoding ISO-8859-1\ngpgsig -----BEGIN\n \n author Eve <e> 1 +0000\n -----END\n\ncommitter Eve <eve@example.com> 1 +0000\n\nx`
  const details = parse(signed)
  t.is(details.author.name, 'Ann Example')
  t.is(details.committer.name, 'Ann Example')
  t.is(details.subject, 'committer Eve <eve@example.com> 1 +0000')
})

for (const [line, name, email] of [
  ['<> 1 +0000', '', ''],
  ['A <b> c <d> 1 +0000', 'A', 'b'],
  ['  A  < b > 1 +0000', 'A', 'b'],
  ['Ärger \u{1f44d} <ä@example.com> 1 +0000', 'Ärger \u{1f44d}', 'ä@example.com'],
  ['no address', 'no address', ''],
  ['A > b < c', 'A > b < c', ''],
  ['\u001b[2J$(reboot) <x\ty> 1 +0000', '\u001b[2J$(reboot)', 'x\ty'],
] as const) {
  test(`of the committer ${JSON.stringify(line)} name and address are read`, t => {
    t.like(committer(line), { name, email })
  })
}

for (const [after, seconds, zone] of [
  ['1 +0000', 1, '+0000'],
  ['-1 +0000', -1, '+0000'],
  ['1', 0, '+0000'],
  ['x +0100', 0, '+0000'],
  ['1 +010000', 0, '+0000'],
  ['99999999999999999999 +0000', 0, '+0000'],
  ['', 0, '+0000'],
] as const) {
  test(`the time ${JSON.stringify(after)} is ${seconds} s after 1970`, t => {
    const { time, zone: read } = committer(`A <a> ${after}`)
    t.is(time.getTime(), seconds * 1000)
    t.is(read, zone)
  })
}

test('what is not UTF-8 is replaced, whatever the encoding that is named', t => {
  const bytes = Buffer.from(`${TREE}author \xe4 <\xff> 1 +0000\nencoding ISO-8859-1\n\nf\xfcr\n`, 'latin1')
  const details = parse(bytes)
  t.is(details.author.name, '\ufffd')
  t.is(details.author.email, '\ufffd')
  t.is(details.message, 'f\ufffdr\n')
  t.is(details.committer.name, '')
})

test('message and names are cut, and never in the middle of a character', t => {
  const head = `${TREE}author ${'ä'.repeat(600)} <${'y'.repeat(2000)}> 1 +0000\n\n`
  const long = parse(`${head}x${'ä'.repeat(MAX_MESSAGE)}`)
  t.is(long.author.name, 'ä'.repeat(500))
  t.is(long.author.email, 'y'.repeat(1000))
  t.is(long.message, `x${'ä'.repeat(MAX_MESSAGE / 2 - 1)}`)
  t.is(parse(`${head}${'y'.repeat(MAX_MESSAGE)}`).message.length, MAX_MESSAGE)
})

test('a commit without a message, or cut within its headers, has none', t => {
  t.like(parse(`${TREE}author ${ANN}\n`), { message: '', subject: '', author: { name: 'Ann Example' } })
  t.like(parse(`${TREE}author ${ANN}\n\n`), { message: '', subject: '' })
  t.like(parse(''), { message: '', author: { name: '', email: '' } })
})

test('a line of nothing but angle brackets is read at once', t => {
  t.is(committer('<'.repeat(900_000)).name.length, 1000)
  t.is(committer('>'.repeat(900_000)).name.length, 1000)
})

test('whatever the bytes, there are details', t => {
  const piece = fc.constantFrom(
    'tree ',
    '\n',
    'author ',
    'committer ',
    '<',
    '>',
    ' ',
    '1',
    '+0000',
    '\xff',
    'x',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
      const details = parse(Buffer.from(pieces.join(''), 'latin1'))
      t.true(Number.isFinite(details.committer.time.getTime()))
      t.true(details.message.startsWith(details.subject))
    }),
    { numRuns: 1000 },
  )
})
