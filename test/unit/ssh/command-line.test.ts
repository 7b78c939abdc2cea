import test from 'ava'
import fc from 'fast-check'
import { Problem, problemLines } from '../../../src/domain/problem.ts'
import { MAX_COMMAND_BYTES, splitCommandLine } from '../../../src/ssh/command-line.ts'

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

test('words are split with the quotes of a shell, and nothing is expanded', t => {
  t.deepEqual(splitCommandLine(`git-receive-pack 'my-env/my-app.git'`), [
    'git-receive-pack',
    'my-env/my-app.git',
  ])
  t.deepEqual(splitCommandLine(`config:set "A=\\"b\\" \\$c" D=e\\ f 'G=$(id) \`id\`'`), [
    'config:set',
    'A="b" $c',
    'D=e f',
    'G=$(id) `id`',
  ])
  t.deepEqual(splitCommandLine(''), [])
  t.deepEqual(splitCommandLine(`a '' "" b`), ['a', '', '', 'b'])
})

test('line ends and tabs may stand inside quotes', t => {
  t.deepEqual(splitCommandLine(`config:set 'A=1\n2' "B=1\n\t2"`), ['config:set', 'A=1\n2', 'B=1\n\t2'])
})

test('any printable words, quoted, come back as they were', t => {
  const word = fc
    .string({ unit: 'grapheme' })
    .filter(text => !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffd]/.test(text))
  fc.assert(
    fc.property(fc.array(word), words => {
      t.deepEqual(splitCommandLine(words.map(quote).join(' ')), words)
    }),
  )
})

const refused: Record<string, [string, RegExp]> = {
  'an open single quote': [`a 'b`, /never closed/],
  'an open double quote': [`a "b\\"`, /never closed/],
  'a backslash at the end': ['a b\\', /ends in a backslash/],
  NUL: ['a\0b', /control character[\s\S]*Character 2 is U\+0000/],
  'NUL inside quotes': [`'a\0b'`, /control character/],
  'a carriage return': [`'a\r'`, /U\+000D/],
  'an escape': ['a \x1b[2J', /U\+001B/],
  'a control character of eight bits': ['a \u009b', /U\+009B/],
  'a line end outside quotes': ['a\nb', /line end or a tab outside quotes/],
  'a line end behind a backslash': ['a\\\nb', /line end or a tab outside quotes/],
  'a line end between quotes': [`'a'\n'b'`, /line end or a tab outside quotes/],
  'a tab outside quotes': ['a\tb', /line end or a tab outside quotes/],
  'what was not UTF-8': ['a \ufffd', /not valid UTF-8/],
}
for (const [what, [text, message]] of Object.entries(refused)) {
  test(`refused with its reason: ${what}`, t => {
    const fault = t.throws<Problem>(() => splitCommandLine(text), { instanceOf: Problem })
    t.is(fault.code, 'usage')
    t.regex(problemLines(fault).join('\n'), message)
  })
}

test('the limit of length counts bytes', t => {
  t.is(splitCommandLine('x'.repeat(MAX_COMMAND_BYTES)).length, 1)
  t.throws(() => splitCommandLine('x'.repeat(MAX_COMMAND_BYTES + 1)), {
    message: /32769 bytes long, and at most 32768/,
  })
  t.throws(() => splitCommandLine('é'.repeat(MAX_COMMAND_BYTES / 2 + 1)), { message: /32770 bytes/ })
})
