import test from 'ava'
import fc from 'fast-check'
import { Problem } from '../../../src/domain/problem.ts'
import { parseProcfile } from '../../../src/domain/procfile.ts'

const parse = (text: string) => parseProcfile(new TextEncoder().encode(text))

function refusal(content: string | Uint8Array): Problem {
  try {
    parseProcfile(typeof content === 'string' ? new TextEncoder().encode(content) : content)
  } catch (error) {
    if (error instanceof Problem && error.code === 'procfile-invalid') return error
    throw error
  }
  throw new Error('the Procfile was accepted')
}

test('processes come in the order of the file, with their line as it is', t => {
  t.deepEqual(parse('web: bundle exec rails s -p $PORT\nworker-2: a: "b" # c // d\n'), [
    { name: 'web', command: 'bundle exec rails s -p $PORT' },
    { name: 'worker-2', command: 'a: "b" # c // d' },
  ])
})

test('comments in both spellings, empty lines and blanks around are skipped', t => {
  t.deepEqual(parse('# a: b\n  // c: d\n \t \n\n  web \t:\t run \t\n#'), [{ name: 'web', command: 'run' }])
})

test('CRLF, a byte order mark, no blank behind the colon and no line end at the end are fine', t => {
  t.deepEqual(parse('\ufeffweb:run\r\n\r\n# x\r\nworker: go'), [
    { name: 'web', command: 'run' },
    { name: 'worker', command: 'go' },
  ])
})

test('a name may have 40 characters and no more', t => {
  t.is(parse(`${'a'.repeat(40)}: x`)[0]?.name.length, 40)
  t.regex(refusal(`${'a'.repeat(41)}: x`).headline, /^Procfile:1: "a+" cannot be the name of a process/)
})

for (const [name, suggestion] of [
  ['Web', 'web'],
  ['my_worker', 'my-worker'],
  ['WEB_2', 'web-2'],
] as const) {
  test(`the name ${name} is refused with ${suggestion} as the way to write it`, t => {
    const problem = refusal(`a: b\n${name}: run`)
    t.is(
      problem.headline,
      `Procfile:2: "${name}" cannot be the name of a process, since it becomes part of a container's name`,
    )
    t.is(problem.saw, `${name}: run`)
    t.is(problem.hint, `Call it \`${suggestion}\`: 1 to 40 of a-z, 0-9 and '-'.`)
  })
}

for (const name of ['-web', 'web-', '_', 'web.1', 'wéb', '../x', '--rm', 'we b', '', 'we\u200bb', '$(id)']) {
  test(`the name ${JSON.stringify(name)} is refused with the characters that are allowed`, t => {
    const problem = refusal(`${name}: run`)
    t.regex(problem.headline, /^Procfile:1: ".*" cannot be the name of a process/)
    t.regex(problem.hint, /^Use 1 to 40 of a-z, 0-9 and '-'/)
  })
}

for (const [title, text, headline, hint] of [
  ['a line without a colon', 'web: a\nworker run', 'Procfile:2: the line has no colon', /`name: command`/],
  ['a name without a command', 'web:  \t', 'Procfile:1: web has no command', /`web: command`/],
  [
    'a second line of the same name',
    'web: a\n\n#\nweb: a',
    'Procfile:4: web is defined on line 1 already',
    /own name/,
  ],
  ['an escape character', 'web: echo \x1b[2J', 'Procfile:1: the line holds a control character', /invisible/],
  [
    'a carriage return inside a line',
    'web: a\rworker: b',
    'Procfile:1: the line holds a control character',
    /invisible/,
  ],
  ['an empty file', '', 'Procfile:1: no line of the file defines a process', /delete the Procfile/],
  [
    'comments alone',
    '# web: a\n',
    'Procfile:1: no line of the file defines a process',
    /delete the Procfile/,
  ],
] as const) {
  test(`${title} is refused with its line`, t => {
    const problem = refusal(text)
    t.is(problem.headline, headline)
    t.regex(problem.hint, hint)
  })
}

for (const marker of ['<<<<<<< HEAD', '=======', '>>>>>>> my: branch', '||||||| 1a2b3c4', '<<<<<<<']) {
  test(`the merge conflict marker ${marker} is called by its name`, t => {
    const problem = refusal(`web: a\n${marker}\r\n`)
    t.is(problem.headline, 'Procfile:2: a merge conflict was committed')
    t.regex(problem.hint, /Resolve the conflict/)
  })
}

test('every bad line is reported, the first in the headline, ten at most', t => {
  const problem = refusal(['web: a', 'Web: b', 'oops', ...Array(20).fill('again')].join('\n'))
  t.regex(problem.headline, /^Procfile:2: "Web"/)
  const saw = problem.saw?.split('\n') ?? []
  t.is(saw[0], 'Web: b')
  t.is(saw[1], 'Procfile:3: the line has no colon: oops')
  t.is(saw.length, 11)
  t.is(saw[10], 'and 12 more')
})

test('what is shown of a line is short and cannot move the cursor', t => {
  const problem = refusal(`web \x1b[31m\u202e${'x'.repeat(5000)}`)
  t.regex(problem.saw ?? '', /^web \\u\{1b\}\[31m\\u\{202e\}x+…$/)
  t.true((problem.saw ?? '').length < 150)
})

test('a NUL and bytes that are not UTF-8 are refused with their line', t => {
  t.is(refusal('web: a\nworker: b\0c').headline, 'Procfile:2: there is a NUL byte in the line')
  t.is(refusal(Buffer.from('web: a\n\nx: \xff\n', 'latin1')).headline, 'Procfile:3: the line is not UTF-8')
  t.is(refusal(Buffer.from('web: \xe2\x82\nx: y', 'latin1')).headline, 'Procfile:1: the line is not UTF-8')
})

test('64 KiB are read, one byte more is refused with both sizes', t => {
  const comment = (size: number) => `web: a\n#${'x'.repeat(size - 8)}`
  t.is(parse(comment(65_536)).length, 1)
  const problem = refusal(comment(65_537))
  t.is(problem.headline, 'Procfile is too large')
  t.is(problem.saw, '65537 bytes, 1 more than the 65536 that are read')
})

test('50 processes are the most', t => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `p${i}: run`).join('\n')
  t.is(parse(lines(50)).length, 50)
  t.is(refusal(lines(60)).headline, 'Procfile:51: the app has more than 50 processes')
})

test('whatever the bytes, the answer is processes or a Problem with a line or a size', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        t.true(parseProcfile(bytes).length > 0)
      } catch (error) {
        t.true(error instanceof Problem)
        t.regex((error as Problem).headline, /^Procfile:\d+: /)
      }
    }),
  )
})

test('valid processes come back as they were written', t => {
  const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/)
  const command = fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/)
  const processes = fc.uniqueArray(fc.record({ name, command }), {
    selector: p => p.name,
    minLength: 1,
    maxLength: 50,
  })
  fc.assert(
    fc.property(processes, expected => {
      t.deepEqual(parse(expected.map(p => `${p.name}: ${p.command}`).join('\n')), expected)
    }),
  )
})

test('a megabyte of anything is answered', t => {
  for (const piece of ['\n', ' ', ':', 'a: b\n', '#', '=', '<<<<<<<\n', 'x', '-', '\0', '\ufeff']) {
    t.true(refusal(piece.repeat(1_000_000 / piece.length)) instanceof Problem)
    t.true(refusal(piece.repeat(60_000 / Buffer.byteLength(piece))) instanceof Problem)
  }
})
