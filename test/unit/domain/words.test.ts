import { spawnSync } from 'node:child_process'
import test from 'ava'
import fc from 'fast-check'
import { quoteWord, splitWords, UnbalancedQuote } from '../../../src/domain/words.ts'

const cases: [title: string, text: string, words: string[]][] = [
  ['nothing is no word', '', []],
  ['blanks alone are no word', ' \t\r\n ', []],
  ['any run of blanks parts two words', '  a \t b\r\nc ', ['a', 'b', 'c']],
  ['single quotes keep everything', `'a "b" \\ $c\n'`, ['a "b" \\ $c\n']],
  ['double quotes unescape only $ ` " and backslash', '"\\$ \\` \\" \\\\ \\n \\\'"', ['$ ` " \\ \\n \\\'']],
  ['a bare backslash escapes anything', "\\  a\\ b \\' \\\\", [' ', 'a b', "'", '\\']],
  ['a backslash before a line end removes both, bare and in double quotes', 'a\\\nb "c\\\nd"', ['ab', 'cd']],
  ['a removed line end makes no word', 'a \\\n b', ['a', 'b']],
  ['empty quotes are an empty word', `a '' "" b`, ['a', '', '', 'b']],
  ['quotes that touch are one word', `a'b'"c"\\d`, ['abcd']],
  [
    'nothing is expanded',
    'echo $HOME ~ * `id` $(id) {a,b} #x',
    ['echo', '$HOME', '~', '*', '`id`', '$(id)', '{a,b}', '#x'],
  ],
  ['operators are ordinary characters', 'a;b && c|d > e', ['a;b', '&&', 'c|d', '>', 'e']],
  [
    'git quotes a path in its own way',
    `git-receive-pack 'it'\\''s'\\!'.git'`,
    ['git-receive-pack', "it's!.git"],
  ],
]
for (const [title, text, words] of cases) {
  test(title, t => {
    t.deepEqual(splitWords(text), words)
  })
}

for (const [text, quote, position] of [
  ["a 'b", "'", 2],
  ['a "b', '"', 2],
  ['"a\\"', '"', 0],
  ['a b\\', '\\', 3],
  [`"it's" 'x`, "'", 7],
] as const) {
  test(`the open quote in ${JSON.stringify(text)} is named with its place`, t => {
    const error = t.throws(() => splitWords(text), { instanceOf: UnbalancedQuote })
    t.is(error?.quote, quote)
    t.is(error?.position, position)
  })
}

test('quoted words come back as they were', t => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), words => {
      t.deepEqual(splitWords(words.map(quoteWord).join(' ')), words)
    }),
  )
})

test('plain words are quoted only where they have to be', t => {
  t.is(quoteWord('my-env/my-app.git'), 'my-env/my-app.git')
  t.is(quoteWord(''), "''")
  t.is(quoteWord("it's"), "'it'\\''s'")
  t.is(quoteWord('a\n'), "'a\n'")
})

test('a real shell reads quotes and backslashes as we do', t => {
  const texts = fc.sample(fc.string({ unit: fc.constantFrom(...'ab \\\'"') }), 400).filter(isBalanced)
  const script = texts.map(text => `set -- ${text}\nprintf '%s\\n' $# "$@"\n`).join('')
  const shell = spawnSync('/bin/sh', [], { input: script })
  const expected = texts.flatMap(text => [String(splitWords(text).length), ...splitWords(text)])
  t.true(texts.length > 100)
  t.is(shell.stdout.toString(), expected.map(line => `${line}\n`).join(''))
})

function isBalanced(text: string): boolean {
  try {
    return splitWords(text) !== null
  } catch {
    return false
  }
}

test('a megabyte of anything is split at once', t => {
  for (const piece of ["'", '"', '\\', ' ', 'a', `"'`, '\\"', "a'b'"]) {
    const text = piece.repeat(1_000_000 / piece.length)
    try {
      t.true(splitWords(text).length <= text.length)
    } catch (error) {
      t.true(error instanceof UnbalancedQuote)
    }
  }
})
