import dockerignore from '@balena/dockerignore'
import test from 'ava'
import fc from 'fast-check'
import { Problem } from '../../../src/domain/problem.ts'
import { parseDockerIgnore } from '../../../src/git/docker-ignore.ts'

const table: [patterns: string, ignored: string[], kept: string[]][] = [
  ['node_modules', ['node_modules', 'node_modules/a/b'], ['src/node_modules', 'node_modules2']],
  ['/log/', ['log', 'log/x'], ['a/log']],
  ['*.md\n!README.md', ['a.md'], ['README.md', 'docs/a.md']],
  ['**/*.log', ['a.log', 'a/b/c.log'], ['a.logs']],
  ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z/below'], ['a/bz', 'z']],
  ['docs/**', ['docs/a', 'docs/a/b'], ['doc']],
  ['*\n!src\n!package.json', ['x', 'y/z'], ['src', 'src/a/b', 'package.json']],
  ['a\n!a/b\na/b/c', ['a', 'a/x', 'a/b/c'], ['a/b', 'a/b/d']],
  ['te?t', ['test', 'text/x'], ['tet', 'te/t']],
  ['[a-c]x\n[^d]y', ['ax', 'cx', 'ey'], ['dx', 'dy']],
  ['a\\*b', ['a*b'], ['axb']],
  ['# comment\n#x\r\n  spaced  \r\n', ['spaced'], ['#x', 'comment']],
  ['\ufefffirst', ['first'], []],
  ['./a/../b//c', ['b/c'], ['a']],
  ['Case', ['Case'], ['case']],
  ['.*', ['.env', '.git/x'], ['x', 'a.b']],
  ['(a+)+$', ['(a+)+$'], ['aaa']],
  ['constructor', ['constructor'], ['toString']],
  ['..', [], ['a', '..a']],
]
for (const [patterns, ignored, kept] of table) {
  test(`the pattern ${JSON.stringify(patterns)} is read as Docker reads it`, t => {
    const ignores = parseDockerIgnore(patterns)
    t.deepEqual(
      ignored.filter(path => !ignores(path)),
      [],
    )
    t.deepEqual(kept.filter(ignores), [])
  })
}

test('ordinary patterns mean what they mean to the library that ports the rules of Docker', t => {
  const part = fc.stringMatching(/^[ab.]{0,2}[*?]?[ab]$/).filter(text => !text.startsWith('.'))
  const pattern = fc
    .array(fc.oneof(part, fc.constantFrom('**', '*')), { minLength: 1, maxLength: 3 })
    .map(parts => parts.join('/'))
  const rules = fc.array(
    fc.tuple(fc.constantFrom('', '!'), pattern).map(both => both.join('')),
    { maxLength: 4 },
  )
  const path = fc
    .array(fc.stringMatching(/^[ab]{1,2}(\.[ab])?$/), { minLength: 1, maxLength: 4 })
    .map(p => p.join('/'))
  fc.assert(
    fc.property(rules, path, (lines, file) => {
      const theirs = dockerignore.default({ ignorecase: false }).add(lines).ignores(file)
      t.is(parseDockerIgnore(lines.join('\n'))(file), theirs, `${JSON.stringify(lines)} on ${file}`)
    }),
    { numRuns: 2000 },
  )
})

test('repeated stars mean what the library makes of them, and no more than one pair', t => {
  const paths = 'a b ab a/b b/a x/a x/y/a a/x/b a/x/y/b x/a/b x/a/y/b/z xa'.split(' ')
  for (const pattern of ['**/**/a', '**/**/**/a/**/**/b', 'a/**/**', '**/**/*', '**/**/**/*b']) {
    const theirs = dockerignore.default({ ignorecase: false }).add([pattern])
    const ours = parseDockerIgnore(pattern)
    for (const path of paths) t.is(ours(path), theirs.ignores(path), `${pattern} on ${path}`)
  }
  const [four, two] = [parseDockerIgnore('****a'), parseDockerIgnore('**a')]
  for (const path of paths) t.is(four(path), two(path), path)
})

test('a pattern made to run for ever ends', t => {
  const ignores = parseDockerIgnore(`${'**/'.repeat(200)}x\n${'*a'.repeat(200)}b`)
  t.false(ignores(`${'a/'.repeat(1000)}a`))
  t.false(ignores('a'.repeat(2000)))
})

test('a pattern that cannot be read is a Problem with its line', t => {
  for (const bad of ['fine\n[a-', 'fine\nx\\', 'fine\n!']) {
    const problem = t.throws(() => parseDockerIgnore(bad), { instanceOf: Problem })
    t.is(problem?.code, 'dockerfile-invalid')
    t.regex(problem?.headline ?? '', /\.dockerignore cannot be read: line 2/)
  }
  t.throws(() => parseDockerIgnore('x\n'.repeat(40_000)), { message: /longer than 16 KiB/ })
  t.notThrows(() => parseDockerIgnore(`fine\n!${'x'.repeat(1024)}`))
  const long = t.throws(() => parseDockerIgnore(`fine\n${'**/'.repeat(4000)}x`), { instanceOf: Problem })
  t.is(long?.code, 'dockerfile-invalid')
  t.regex(long?.headline ?? '', /\.dockerignore cannot be read: line 2 is longer than 1024 characters/)
})
