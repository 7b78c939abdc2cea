import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { readStack } from '../../../src/stacks/read-stack.ts'

const MINIMAL = 'version: 2\nengine:\n  unix: /var/run/docker.sock\n'

function faults(t: ExecutionContext, text: string, file = '/etc/stacks/prod.yml'): string[] {
  const problem = t.throws(() => readStack(file, text), { instanceOf: Problem })
  t.is(problem.code, 'stack-invalid')
  t.is(problem.headline, `The stack file ${file} cannot be used`)
  return problem.saw?.split('\n') ?? []
}

test('a version and an engine are enough; the rest has defaults', t => {
  t.deepEqual(readStack('/etc/stacks/prod.yml', MINIMAL), {
    name: 'prod' as never,
    version: 2,
    engine: { kind: 'unix', path: '/var/run/docker.sock' },
    limits: { memory: 512 * 2 ** 20, cpus: 1, pids: 512 },
    network: { pool: '10.210.0.0/16', size: 26 },
    build: { builder: 'auto', timeout: 1800, floor: 2 ** 30, cache: null },
    settle: 3,
    healthy: 60,
    drain: 15,
    grace: 10,
  })
})

test('every key can be set, and PEM files lie relative to the stack file', t => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-stacks-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'tls'))
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(directory, 'tls', `${name}.pem`), '')
  const text = `version: 1
engine: { tcp: "engine.example.com:2376", ca: tls/ca.pem, cert: ./tls/cert.pem, key: ${directory}/tls/key.pem }
limits: { memory: 2GiB, cpus: 0.5, pids: 64 }
network: { pool: 172.30.0.0/20, size: 28 }
build: { builder: classic, timeout: 1h, floor: 5GiB, cache: 20GiB }
settle: 0s
healthy: 5s
drain: 0s
grace: 1m
`
  t.deepEqual(readStack(join(directory, 'far.yml'), text), {
    name: 'far' as never,
    version: 1,
    engine: {
      kind: 'tls',
      host: 'engine.example.com',
      port: 2376,
      ca: join(directory, 'tls/ca.pem'),
      cert: join(directory, 'tls/cert.pem'),
      key: join(directory, 'tls/key.pem'),
    },
    limits: { memory: 2 * 2 ** 30, cpus: 0.5, pids: 64 },
    network: { pool: '172.30.0.0/20', size: 28 },
    build: { builder: 'classic', timeout: 3600, floor: 5 * 2 ** 30, cache: 20 * 2 ** 30 },
    settle: 0,
    healthy: 5,
    drain: 0,
    grace: 60,
  })
})

test('a floor of 0 is none', t => {
  t.is(readStack('a.yml', `${MINIMAL}build:\n  floor: 0\n`).build.floor, 0)
  t.is(readStack('a.yml', `${MINIMAL}build:\n  floor: 0B\n`).build.floor, 0)
})

test('a build cache of 0 is none, and one of which nothing is said is not touched', t => {
  const cache = (line: string) => readStack('a.yml', `${MINIMAL}build:\n  ${line}\n`).build.cache
  t.is(cache('cache: 0'), 0)
  t.is(cache('floor: 0'), null)
  t.is(cache('cache:'), null)
})

test('a group whose lines are all commented out means its defaults', t => {
  t.is(readStack('a.yml', `${MINIMAL}limits:\n  # memory: 1GiB\n`).limits.memory, 512 * 2 ** 20)
})

test('anchors, aliases, CRLF and a byte order mark are fine', t => {
  const text = `\ufeff${MINIMAL}x: 1`
    .replace('x: 1', 'settle: &time 5s\ngrace: *time\n')
    .replaceAll('\n', '\r\n')
  t.like(readStack('a.yml', text), { settle: 5, grace: 5 })
})

test('all that is wrong is said at once, each with file, line and key, in the order of the file', t => {
  const text = `# a comment
version: 3
engine:
  unx: /var/run/docker.sock

limits:
  memory: 512
  cpu: 1
  pids: many
network:
  pool: 10.210.0.1/16
  size: 31
build:
  builder: kaniko
  timeout: 30 minutes
  floor: 5
  cache: all
colour: blue
grace: 0.5s
`
  t.deepEqual(faults(t, text), [
    'prod.yml:2: version: 3 is no choice: write 1, 2',
    'prod.yml:3: engine: is missing: give it unix or tcp',
    'prod.yml:4: engine.unx: is no key of a stack file; did you mean unix?',
    'prod.yml:7: limits.memory: 512 is no size, for example 512MiB',
    'prod.yml:8: limits.cpu: is no key of a stack file; did you mean cpus?',
    'prod.yml:9: limits.pids: "many" is no whole number from 1 to 4194304',
    'prod.yml:11: network.pool: "10.210.0.1/16" is an address inside a network: write 10.210.0.0/16',
    'prod.yml:12: network.size: 31 is no whole number from 8 to 30',
    'prod.yml:14: build.builder: "kaniko" is no choice: write auto, buildkit, classic',
    'prod.yml:15: build.timeout: "30 minutes" is no duration, for example 30m',
    'prod.yml:16: build.floor: 5 is no size, for example 5GiB, or 0 for none',
    'prod.yml:17: build.cache: "all" is no size, for example 5GiB, or 0 for none',
    'prod.yml:18: colour: is no key of a stack file; the keys here are version, engine, limits, network, build, settle, healthy, drain, grace',
    'prod.yml:19: grace: "0.5s" is no duration, for example 10s',
  ])
})

for (const [what, text, expected] of [
  ['an empty file', '', ['prod.yml:1: a stack file holds keys, beginning with version and engine']],
  ['a list', '- a\n', ['prod.yml:1: a stack file holds keys, beginning with version and engine']],
  [
    'only a comment',
    '# nothing\n',
    ['prod.yml:1: a stack file holds keys, beginning with version and engine'],
  ],
  [
    'no version and no engine',
    'grace: 1s\n',
    ['prod.yml:1: version: is missing', 'prod.yml:1: engine: is missing: give it unix or tcp'],
  ],
  [
    'an engine that is a text',
    'version: 2\nengine: /var/run/docker.sock\n',
    [
      'prod.yml:2: engine: has to hold keys of its own',
      'prod.yml:2: engine: is missing: give it unix or tcp',
    ],
  ],
  [
    'both kinds of engine',
    'version: 2\nengine:\n  unix: /a\n  tcp: b:1\n  ca: /dev\n  cert: /nowhere/cert\n',
    [
      'prod.yml:2: engine: has both unix and tcp: keep one',
      'prod.yml:2: engine.key: is missing: an engine over TCP needs ca, cert and key',
      'prod.yml:5: engine.ca: /dev cannot be read (it is no file)',
      'prod.yml:6: engine.cert: /nowhere/cert cannot be read (ENOENT)',
    ],
  ],
  ['PEM files for a socket', `${MINIMAL}  ca: ca.pem\n`, ['prod.yml:4: engine.ca: goes with tcp only']],
  [
    'TCP without mutual TLS',
    'version: 2\nengine:\n  tcp: b:2375\n',
    ['ca', 'cert', 'key'].map(
      key => `prod.yml:2: engine.${key}: is missing: an engine over TCP needs ca, cert and key`,
    ),
  ],
  [
    'an engine address without a port',
    'version: 2\nengine: { tcp: b, ca: /dev/null/x, cert: /dev/null/x, key: /dev/null/x }\n',
    [
      'prod.yml:2: engine.tcp: "b" is no host and port, for example engine.example.com:2376',
      ...['ca', 'cert', 'key'].map(key => `prod.yml:2: engine.${key}: /dev/null/x cannot be read (ENOTDIR)`),
    ],
  ],
  [
    'a relative socket',
    'version: 2\nengine:\n  unix: docker.sock\n',
    [
      'prod.yml:3: engine.unix: "docker.sock" is no absolute path of a socket, for example /var/run/docker.sock',
    ],
  ],
  [
    'subnets larger than the pool',
    `${MINIMAL}network:\n  pool: 10.0.0.0/24\n  size: 20\n`,
    ['prod.yml:6: network.size: 20 is larger than the whole pool, which is a /24'],
  ],
  [
    'subnets larger than the default pool',
    `${MINIMAL}network:\n  size: 12\n`,
    ['prod.yml:5: network.size: 12 is larger than the whole pool, which is a /16'],
  ],
  [
    'too little memory',
    `${MINIMAL}limits: { memory: 5MiB }\n`,
    ['prod.yml:4: limits.memory: "5MiB" is less than the 6MiB an engine asks for'],
  ],
  ['too long a grace', `${MINIMAL}grace: 2h\n`, ['prod.yml:4: grace: "2h" is not between 0s and 1h']],
] as const) {
  test(`refused with file, line and key: ${what}`, t => {
    t.deepEqual(faults(t, text), [...expected])
  })
}

test('what is not YAML is refused with its line: bad indentation, a key twice, an unknown tag, two documents', t => {
  for (const [text, line] of [
    [`${MINIMAL}limits:\n memory: 1GiB\n  cpus: 1\n`, 5],
    [`${MINIMAL}grace: 1s\ngrace: 2s\n`, 5],
    [`${MINIMAL}grace: !secret 1s\n`, 4],
    [`${MINIMAL}---\nversion: 1\n`, 4],
    [`${MINIMAL}grace: "1s\n`, 5],
  ] as const) {
    const [first] = faults(t, text)
    t.true(first?.startsWith(`prod.yml:${line}: `), `${first} for ${text}`)
  }
})

test('aliases that multiply are refused, not expanded', t => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghij'.split('').map((name, i) => {
      const before = 'abcdefghij'[i]
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`
    }),
  ].join('\n')
  t.deepEqual(faults(t, bomb), ['prod.yml:1: its aliases make too much of it'])
})

test('nothing in a message can move the cursor of a terminal or turn the reading order', t => {
  const text = `${MINIMAL}"\\e[2Jx\\u202e": 1\ngrace: "\\e[2J\\u202e"\n`
  for (const line of faults(t, text)) t.notRegex(line, /[\p{Cc}\p{Cf}]/u)
})

test('a file whose name cannot be the name of a stack is refused', t => {
  for (const name of ['Prod.yml', 'a b.yml', '-a.yml', 'prod.yaml', '.yml']) {
    const [fault] = faults(t, MINIMAL, `/etc/stacks/${name}`)
    t.is(fault, `${name}: a stack file is named with 1 to 40 of a-z, 0-9 and '-', and ends in .yml`)
  }
})

test('the stack file that comes with the program, and every example of its README, is good', t => {
  const directory = join(import.meta.dirname, '../../../stacks')
  const local = readStack(join(directory, 'local.yml'), readFileSync(join(directory, 'local.yml'), 'utf8'))
  t.deepEqual(local, readStack('local.yml', MINIMAL))

  const place = mkdtempSync(join(tmpdir(), 'fairlead-stacks-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  mkdirSync(join(place, 'tls'))
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(place, 'tls', `${name}.pem`), '')
  const readme = readFileSync(join(directory, 'README.md'), 'utf8')
  const examples = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(match => match[1] as string)
  t.true(examples.length >= 2)
  for (const example of examples) t.notThrows(() => readStack(join(place, 'example.yml'), example), example)
})
