import test from 'ava'
import { parse } from 'dotenv'
import fc from 'fast-check'
import { parseEnvFile } from '../../../src/commands/env-file.ts'
import { Problem, problemLines } from '../../../src/domain/problem.ts'

const bare = (text: string) => Object.fromEntries([...parseEnvFile(text)].map(([k, v]) => [k, v.reveal()]))

function refusal(text: string): Problem {
  try {
    parseEnvFile(text)
  } catch (error) {
    if (error instanceof Problem && error.code === 'config-invalid') return error
    throw error
  }
  throw new Error('the file was accepted')
}

const file = `\ufeff# a comment
PLAIN=value with blanks   # and a comment

export EXPORTED = "double \\n 'x' # kept"\r
SINGLE='single \\n "x"' # comment
BACK=\`it's "both"\`
EMPTY=
ALSO_EMPTY=""
COLON: yaml
URL=postgres://u:p@h/d?a=b==
KEY="-----BEGIN KEY-----
# no comment
A=b
-----END KEY-----"
LAST='end'`

test('every form that dotenv knows is read as dotenv reads it', t => {
  t.deepEqual(bare(file), {
    PLAIN: 'value with blanks',
    EXPORTED: "double \n 'x' # kept",
    SINGLE: 'single \\n "x"',
    BACK: `it's "both"`,
    EMPTY: '',
    ALSO_EMPTY: '',
    COLON: 'yaml',
    URL: 'postgres://u:p@h/d?a=b==',
    KEY: '-----BEGIN KEY-----\n# no comment\nA=b\n-----END KEY-----',
    LAST: 'end',
  })
  t.deepEqual(bare(file), { ...parse(file.slice(1)) })
})

test('an empty file sets nothing', t => {
  t.deepEqual(bare(''), {})
  t.deepEqual(bare('\n # x\n\t\n'), {})
})

for (const [title, text, reason] of [
  ['a line without =', 'hunter2', 'the line is not KEY=value'],
  ['the rest of a value that was not quoted', 'hunter2 three', 'the line is not KEY=value'],
  [
    'a name that no variable may have',
    'hunter-2=x',
    "the name has a character other than A-Z, a-z, 0-9 and '_' in place 7",
  ],
  ['a name that begins with a digit', '2hunter=x', 'the name begins with a digit'],
  ['a # that would cut the value', 'PASSWORD=hunter#2', "put quotes around a value that holds a '#'"],
  ['a quote that is never closed', 'PASSWORD="hunter', 'the " is never closed, or text follows it'],
  ['text behind the closing quote', "PASSWORD='hunter'2", "the ' is never closed, or text follows it"],
  ['a second value', 'FIRST=hunter2', 'FIRST is set a second time'],
  ['the name of a prototype', '__proto__=hunter2', 'the line cannot be read'],
] as const) {
  test(`${title} is refused with its line number, and nothing of it is shown`, t => {
    const problem = refusal(`FIRST="two\nlines"\n${text}\nLAST=1\n`)
    t.is(problem.headline, 'The env file has a line that cannot be read; nothing was set')
    t.is(problem.saw, `line 3: ${reason}`)
    t.false(problemLines(problem).join('\n').includes('hunter'))
  })
}

test('every bad line is named, ten at most', t => {
  const problem = refusal('x\n'.repeat(12))
  t.is(problem.headline, 'The env file has 12 lines that cannot be read; nothing was set')
  t.is(problem.saw?.split('\n').at(0), 'line 1: the line is not KEY=value')
  t.is(problem.saw?.split('\n').at(-1), 'and 2 more')
})

test('whatever is accepted is exactly what dotenv reads, and what dotenv would drop is refused', t => {
  const piece = fc.constantFrom(
    'A',
    'B',
    'export ',
    '=',
    ':',
    ' ',
    '\n',
    '\r',
    '#',
    "'",
    '"',
    '`',
    '\\',
    '-',
    'x',
    '\\n',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 24 }), pieces => {
      const text = pieces.join('')
      let values: Record<string, string>
      try {
        values = bare(text)
      } catch (error) {
        t.true(error instanceof Problem)
        return
      }
      const lines = text.split(/[\r\n]+/).filter(line => !/^\s*(#|$)/.test(line))
      if (!/['"`]/.test(text)) t.is(Object.keys(values).length, lines.length)
      // dotenv lets a value begin on a later line than its `=`; we do not, so that is the one difference.
      if (!/[=:]\s*[\r\n]/.test(text)) t.deepEqual(values, { ...parse(text) })
    }),
    { numRuns: 2000 },
  )
})

test('a megabyte of anything is answered, more is refused with both sizes', t => {
  for (const piece of ['\n', ' ', '#\n', '"', "='", 'A="\n', 'A=b\n', '\\"', 'export ', '-', '\t=']) {
    t.true(refusal(`A=1\n${piece.repeat(1_000_000 / piece.length)}x`) instanceof Problem)
  }
  t.is(refusal('#'.repeat(1_048_577)).saw, '1048577 characters, 1 more than the 1048576 that are read')
})
