import test from 'ava'
import { parseArguments } from '../../../src/cli/arguments.ts'
import { Problem } from '../../../src/domain/problem.ts'

test('words travel as they are, options of the gateway included', t => {
  const words = ['config:set', '--app', 'shop', 'A=--remote', '--json', '']
  t.deepEqual(parseArguments(words), { words, remote: null, envFile: null })
})

test('--remote stays here, written with a space or with =', t => {
  t.deepEqual(parseArguments(['--remote', 'staging', 'ps']).words, ['ps'])
  t.is(parseArguments(['ps', '--remote=staging']).remote, 'staging')
})

test('--env-file FILE becomes --env-file - where it stood', t => {
  const { words, envFile } = parseArguments(['config:set', '--env-file', 'a.env', 'B=1'])
  t.deepEqual(words, ['config:set', '--env-file', '-', 'B=1'])
  t.is(envFile, 'a.env')
})

test('--env-file - reads our own standard input', t => {
  t.deepEqual(parseArguments(['config:set', '--env-file=-']), {
    words: ['config:set', '--env-file', '-'],
    remote: null,
    envFile: null,
  })
})

test('nothing behind -- is ours', t => {
  const words = ['run', '--', 'ls', '--remote', 'x', '--env-file', 'y']
  t.deepEqual(parseArguments(words), { words, remote: null, envFile: null })
})

for (const argv of [['--remote'], ['--remote='], ['--env-file'], ['--remote', 'a', '--remote', 'b']]) {
  test(`refused: ${argv.join(' ')}`, t => {
    const problem = t.throws(() => parseArguments(argv), { instanceOf: Problem })
    t.is(problem?.code, 'usage')
    t.regex(problem?.headline ?? '', /^--(remote|env-file) (needs a value|is there twice)$/)
  })
}
