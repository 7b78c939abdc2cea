import test from 'ava'
import { parseArguments } from '../../../src/cli/arguments.ts'
import { Problem } from '../../../src/domain/problem.ts'

test('words travel as they are, options of the gateway included', t => {
  const words = ['config:set', '--app', 'shop', 'A=--remote', '--json', '']
  t.deepEqual(parseArguments(words), { words, remote: null, file: null })
})

test('--remote stays here, written with a space or with =', t => {
  t.deepEqual(parseArguments(['--remote', 'staging', 'ps']).words, ['ps'])
  t.is(parseArguments(['ps', '--remote=staging']).remote, 'staging')
})

test('--env-file FILE becomes --env-file - where it stood', t => {
  const { words, file } = parseArguments(['config:set', '--env-file', 'a.env', 'B=1'])
  t.deepEqual(words, ['config:set', '--env-file', '-', 'B=1'])
  t.deepEqual(file, { path: 'a.env', wantedBy: '--env-file' })
})

test('--env-file - reads our own standard input', t => {
  t.deepEqual(parseArguments(['config:set', '--env-file=-']), {
    words: ['config:set', '--env-file', '-'],
    remote: null,
    file: null,
  })
})

test('nothing behind -- is ours', t => {
  const words = ['run', '--', 'ls', '--remote', 'x', '--env-file', 'y']
  t.deepEqual(parseArguments(words), { words, remote: null, file: null })
})

for (const argv of [['--remote'], ['--remote='], ['--env-file'], ['--remote', 'a', '--remote', 'b']]) {
  test(`refused: ${argv.join(' ')}`, t => {
    const problem = t.throws(() => parseArguments(argv), { instanceOf: Problem })
    t.is(problem?.code, 'usage')
    t.regex(problem?.headline ?? '', /^--(remote|env-file) (needs a value|is there twice)$/)
  })
}

test('--value-file is a file of this machine too', t => {
  const { words, file } = parseArguments(['secrets:create', 'a/b', '--value-file=v.json'])
  t.deepEqual(words, ['secrets:create', 'a/b', '--value-file', '-'])
  t.deepEqual(file, { path: 'v.json', wantedBy: '--value-file' })
})

for (const command of ['registry:import', 'registry:decrypt']) {
  for (const [name, before, after, words] of [
    ['behind the command', [], [], [command, '-']],
    ['before options', [], ['--app', 'x'], [command, '-', '--app', 'x']],
    ['behind options', ['--app', 'x', '--json'], [], [command, '--app', 'x', '--json', '-']],
    ['behind options with =', ['--stack=x'], [], [command, '--stack=x', '-']],
    ['behind --', ['--'], [], [command, '--', '-']],
  ] as const) {
    test(`the file of ${command} is read here: ${name}`, t => {
      const parsed = parseArguments([command, ...before, 'f.json', ...after])
      t.deepEqual(parsed, { words, remote: null, file: { path: 'f.json', wantedBy: command } })
    })
  }

  test(`${command} without a file, or with -, travels as it is`, t => {
    for (const words of [[command], [command, '--app', 'x'], [command, '-'], [command, '--']]) {
      t.deepEqual(parseArguments(words), { words, remote: null, file: null })
    }
  })
}

test('a word of another command is no file', t => {
  const words = ['help', 'registry:import', 'f.json']
  t.deepEqual(parseArguments(words), { words, remote: null, file: null })
})

test('two files for one standard input are refused', t => {
  const argv = ['registry:import', 'a', '--value-file', 'b']
  const problem = t.throws(() => parseArguments(argv), { instanceOf: Problem })
  t.is(problem?.headline, 'Only one file can become the standard input of a command')
  t.is(problem?.saw, '--value-file and registry:import both name one.')
})

test('behind the first word of a command for over there no option is ours', t => {
  for (const command of ['run', 'ssh']) {
    const words = [command, '--app', 'shop', 'ls', '--remote', 'x', '--env-file=y', '-la']
    t.deepEqual(parseArguments(words), { words, remote: null, file: null })
    const { remote, words: left } = parseArguments([command, '--remote', 'x', 'ls', '--remote', 'y'])
    t.deepEqual([remote, left], ['x', [command, 'ls', '--remote', 'y']])
  }
  const words = ['ssh', '--shell', '/bin/bash']
  t.deepEqual(parseArguments([...words, '--remote=x']), { words, remote: 'x', file: null })
})

test('the certificate of an endpoint is a file of this machine, unless --tls names a kind', t => {
  for (const [given, sent] of [
    [
      ['--tls', 'shop.pem'],
      ['--tls', '-'],
    ],
    [['--tls=shop.pem'], ['--tls=-']],
    [
      ['--tls', './acme'],
      ['--tls', '-'],
    ],
  ] as const) {
    const { words, file } = parseArguments(['endpoints:create', 'a.test', ...given, '--port', '80'])
    t.deepEqual(words, ['endpoints:create', 'a.test', ...sent, '--port', '80'])
    t.like(file, { wantedBy: '--tls' })
  }
  for (const given of [
    ['--tls', 'off'],
    ['--tls=internal'],
    ['--tls', 'acme'],
    ['--tls', '-'],
    ['--tls'],
    ['--', '--tls', 'x'],
  ]) {
    const words = ['endpoints:create', ...given]
    t.deepEqual(parseArguments(words), { words, remote: null, file: null })
  }
  const modify = parseArguments(['endpoints:modify', 'a.test', '--tls', 'new.pem'])
  t.deepEqual(modify.words, ['endpoints:modify', 'a.test', '--tls', '-'])
  t.deepEqual(modify.file, { path: 'new.pem', wantedBy: '--tls' })
  const elsewhere = ['deploy', '--tls', 'shop.pem']
  t.deepEqual(parseArguments(elsewhere), { words: elsewhere, remote: null, file: null })
  t.throws(() => parseArguments(['endpoints:create', '--tls', 'a.pem', '--tls', 'b.pem']), {
    instanceOf: Problem,
  })
})
