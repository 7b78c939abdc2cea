import test from 'ava'
import fc from 'fast-check'
import { parseAptibleYml } from '../../../src/deploy/aptible-yml.ts'
import { Problem } from '../../../src/domain/problem.ts'

const parse = (text: string) => parseAptibleYml(new TextEncoder().encode(text))

function refusal(text: string | Uint8Array): Problem {
  try {
    parseAptibleYml(typeof text === 'string' ? new TextEncoder().encode(text) : text)
  } catch (error) {
    if (error instanceof Problem && error.code === 'aptible-yml-invalid') return error
    throw error
  }
  throw new Error('the file was accepted')
}

test('the commands of before_release come in their order', t => {
  t.deepEqual(parse('before_release:\n  - rake db:migrate\n  - "echo: done"\n'), {
    beforeRelease: ['rake db:migrate', 'echo: done'],
    hooks: {},
    warnings: [],
  })
})

test('before_deploy is another name for it, and one command needs no list', t => {
  t.deepEqual(parse('before_deploy: |\n  set -e\n  rake\n').beforeRelease, ['set -e\nrake\n'])
})

for (const text of ['', '# nothing\n', 'before_release:\n', 'before_release: []\n', '{}', '---\n']) {
  test(`${JSON.stringify(text)} asks for no command`, t => {
    t.deepEqual(parse(text), { beforeRelease: [], hooks: {}, warnings: [] })
  })
}

test('what is not supported is named in a warning, and the rest is used', t => {
  t.deepEqual(parse('before_release: a\nafter_rollback_success: b\nwat: {}\n"\\e[2J": 1\n'), {
    beforeRelease: ['a'],
    hooks: {},
    warnings: [
      '.aptible.yml:2: after_rollback_success is ignored: there is no such key',
      '.aptible.yml:3: wat is ignored: there is no such key',
      '.aptible.yml:4: \\u{1b}[2J is ignored: there is no such key',
    ],
  })
})

test('the commands for after an operation are read like those before it, each under its name', t => {
  const text = [
    'after_deploy_success: bin/notify',
    'after_deploy_failure: [bin/page, bin/log]',
    'after_configure_success: []',
    'after_configure_failure:',
  ]
  t.deepEqual(parse(text.join('\n')), {
    beforeRelease: [],
    hooks: {
      after_deploy_success: ['bin/notify'],
      after_deploy_failure: ['bin/page', 'bin/log'],
      after_configure_success: [],
      after_configure_failure: [],
    },
    warnings: [],
  })
  t.is(
    refusal('before_release: a\nafter_deploy_failure:\n  - 5\n').headline,
    '.aptible.yml:3: a command must be text: put quotes around it',
  )
})

test('push is read elsewhere, and no warning is given of it', t => {
  t.deepEqual(parse('push:\n  - image_name: a/b\nbefore_release: a\n'), {
    beforeRelease: ['a'],
    hooks: {},
    warnings: [],
  })
})

for (const [title, text, headline, saw] of [
  [
    'both names at once',
    'before_release: a\nbefore_deploy: b',
    '.aptible.yml:2: before_release and before_deploy are two names of one thing: keep one of them',
    'before_deploy: b',
  ],
  [
    'a key that comes twice',
    'before_release: a\nbefore_release: b',
    '.aptible.yml:2: not YAML: Map keys must be unique',
    'before_release: b',
  ],
  [
    'a command that is a number',
    'before_release:\n  - a\n  - 5\n',
    '.aptible.yml:3: a command must be text: put quotes around it',
    '  - 5',
  ],
  [
    'a command that is a mapping',
    'before_release:\n  - a: b\n',
    '.aptible.yml:2: a command must be text: put quotes around it',
    '  - a: b',
  ],
  [
    'a mapping in place of commands',
    'before_release:\n  a: b\n',
    '.aptible.yml:1: this must be a command or a list of commands',
    'before_release:',
  ],
  ['an empty command', 'before_release:\n  - " "\n', '.aptible.yml:2: a command is empty', '  - " "'],
  [
    'a NUL in a command',
    'before_release:\n  - "a\\0b"\n',
    '.aptible.yml:2: a command holds a control character',
    '  - "a\\0b"',
  ],
  ['a list at the top', '# x\n- a\n', '.aptible.yml:2: the file must hold keys with values', '- a'],
  ['plain text', 'hello', '.aptible.yml:1: the file must hold keys with values', 'hello'],
  ['a key that is no text', '5: a', '.aptible.yml:1: a key must be text', '5: a'],
  [
    'an alias to nothing',
    'before_release: *x',
    '.aptible.yml:1: the aliases (*name) cannot be followed',
    'before_release: *x',
  ],
  ['a second document', 'a: 1\n---\nb: 2', '.aptible.yml:2: a second document begins', '---'],
  [
    '51 commands',
    `before_release:\n${'  - a\n'.repeat(51)}`,
    '.aptible.yml:1: there are more than 50 commands',
    'before_release:',
  ],
] as const) {
  test(`${title} is refused with its line`, t => {
    const problem = refusal(text)
    t.is(problem.headline, headline)
    t.is(problem.saw, saw)
    t.regex(problem.hint, /`before_release:`/)
  })
}

test('a syntax error has its line', t => {
  t.regex(refusal('a: 1\nbefore_release: [a\n').headline, /^\.aptible\.yml:\d: not YAML: /)
  t.regex(
    refusal('a: 1\n\tb: 2\n').headline,
    /^\.aptible\.yml:2: not YAML: Tabs are not allowed as indentation/,
  )
})

test('an anchor may be used, but aliases that multiply are refused', t => {
  t.deepEqual(parse('x: &a rake\nbefore_release: [*a, *a]').beforeRelease, ['rake', 'rake'])
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(',')}]`,
  )
  const bomb = `l0: &l0 lol\n${levels.join('\n')}\nbefore_release: *l9`
  t.is(refusal(bomb).headline, '.aptible.yml:11: the aliases (*name) cannot be followed')
})

test('bytes that are not UTF-8 and more than 16 KiB are refused', t => {
  t.is(refusal(Buffer.from('a: b\nc: \xff', 'latin1')).headline, '.aptible.yml:2: the line is not UTF-8')
  t.is(refusal(`#${'x'.repeat(16_384)}`).saw, '16385 bytes, 1 more than the 16384 that are read')
})

test('whatever the text, the answer is commands or a Problem with a line', t => {
  const piece = fc.constantFrom(
    'before_release',
    'before_deploy',
    ':',
    ' ',
    '\n',
    '  ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '&a',
    '*a',
    '"',
    "'",
    '|',
    '!',
    '?',
    'x',
    '#',
    '~',
    '\t',
    '<<',
    '%',
    '5',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
      try {
        t.true(parse(pieces.join('')).beforeRelease.every(command => command.trim() !== ''))
      } catch (error) {
        t.true(error instanceof Problem)
        t.regex((error as Problem).headline, /^\.aptible\.yml:[1-9]\d*: /)
      }
    }),
    { numRuns: 2000 },
  )
})

test('16 KiB of anything are answered', t => {
  for (const piece of ['[', '{a: ', '- ', '? ', '&a ', '"', '!', 'a: ', '---\n', '\n']) {
    const text = piece.repeat(16_000 / piece.length)
    for (const tail of ['', 'x']) {
      try {
        t.deepEqual(parse(text + tail).beforeRelease, [])
      } catch (error) {
        t.true(error instanceof Problem, String(error))
      }
    }
  }
})
