import test from 'ava'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import {
  MAX_NAME,
  MAX_PROGRAM,
  PatternFault,
  parseBranchPattern,
} from '../../../src/deploy/branch-pattern.ts'

const TOO_MUCH = 'its repetitions {n} make too much of it; use + or * in their place'

function fault(text: string): string {
  try {
    parseBranchPattern(text)
  } catch (error) {
    if (error instanceof PatternFault) return error.message
    throw error
  }
  throw new Error(`${text} was accepted`)
}

test('a pattern is found anywhere in a name, unless it is anchored', t => {
  const anywhere = parseBranchPattern('master')
  t.deepEqual(
    ['master', 'webmaster-2', 'main', ''].map(name => anywhere.fits(name)),
    [true, true, false, false],
  )
  const whole = parseBranchPattern('^(master|release/.*)$')
  t.is(whole.text, '^(master|release/.*)$')
  t.deepEqual(
    ['master', 'release/1', 'release', 'my-master', 'release/ä\n'].map(name => whole.fits(name)),
    [true, true, false, false, false],
  )
})

test('asked again, a pattern answers the same', t => {
  const pattern = parseBranchPattern('a')
  t.deepEqual(
    ['a', 'b', 'a', 'a'].map(name => pattern.fits(name)),
    [true, false, true, true],
  )
})

for (const [text, reason] of [
  ['(', 'missing closing ): `(`'],
  ['[a', 'missing closing ]: `[a`'],
  ['a**', 'invalid nested repetition operator: `**`'],
  ['(?=a)', 'invalid or unsupported Perl syntax: `(?=` (there is no looking ahead or behind in RE2)'],
  ['(?!a)', 'invalid or unsupported Perl syntax: `(?!` (there is no looking ahead or behind in RE2)'],
  ['(?<!a)b', 'invalid named capture: `(?<!a)b` (there is no looking ahead or behind in RE2)'],
  ['(a)\\1', 'invalid escape sequence: `\\1`'],
  ['a'.repeat(201), 'it has more than 200 characters'],
] as const) {
  test(`${text.slice(0, 20)} is refused`, t => t.is(fault(text), reason))
}

test('what would be long is refused before it is written out', t => {
  // Both compile to next to nothing: only the guess can have refused them.
  t.is(fault('(?:){1000}'), TOO_MUCH)
  t.is(fault(`()${'a{0}'.repeat(3)}(?:){400}`), TOO_MUCH)
})

test('what the guess lets through and is long all the same is refused too', t => {
  t.true(RE2JS.compile('a{0,900}').programSize() > MAX_PROGRAM)
  t.is(fault('a{0,900}'), TOO_MUCH)
})

for (const text of [
  '(a{1000}){1000}',
  '((a{10}){10}){10}',
  'a{1000}'.repeat(28),
  '(a*){1000}'.repeat(20),
  '(?:a?){500}'.repeat(2),
  '(((((a{9}){9}){9}){9}){9}){9}',
  '(a{,5}){100,1000}',
  'a{99999999999999999999}',
  `(${'a'.repeat(190)}){1000}`,
  `(?:\\pL{0,900}){1,}${'.{50}'.repeat(20)}`,
]) {
  test(`${text.slice(0, 40)} would cost too much`, t => t.is(fault(text), TOO_MUCH))
}

for (const [text, fits] of [
  ['^[0-9a-f]{40}$', 'a'.repeat(40)],
  ['^([0-9a-f]{40}|[0-9a-f]{64})$', 'b'.repeat(64)],
  ['^v[0-9]{1,3}(\\.[0-9]{1,3}){0,3}$', 'v1.20.3'],
] as const) {
  test(`${text} is no bomb`, t => t.true(parseBranchPattern(text).fits(fits)))
}

test('the work is bounded: a program of 1000 instructions, over a name of 512 characters', t => {
  const pattern = parseBranchPattern('a+$')
  t.true(pattern.fits('a'.repeat(MAX_NAME)))
  t.false(pattern.fits('a'.repeat(MAX_NAME + 1)))
  const piece = fc.constantFrom(
    ...[
      'a',
      '.',
      '\\pL',
      '[a-f]',
      '(',
      ')',
      '(?:',
      '|',
      '*',
      '+',
      '?',
      '{2}',
      '{3,9}',
      '{40}',
      '{1,}',
      '{0,99}',
    ],
    ...['{,3}', '\\', '[', ']', '^', '$', '\\b', '(?i)', '\\Q', '\\E', '{500}', '{', '}'],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), pieces => {
      const text = pieces.join('')
      try {
        parseBranchPattern(text)
      } catch (error) {
        t.true(error instanceof PatternFault, String(error))
        return
      }
      t.true(RE2JS.compile(text).programSize() <= MAX_PROGRAM, text)
    }),
    { numRuns: 3000 },
  )
})
