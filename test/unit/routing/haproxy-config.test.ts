import test from 'ava'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { routerFiles } from '../../../src/routing/files.ts'
import { configText, frameOf, readMark, type Surroundings } from '../../../src/routing/haproxy-config.ts'

const surroundings: Surroundings = {
  files: routerFiles('/data/router'),
  http: { host: '0.0.0.0', port: 80 },
  https: { host: '::', port: 443 },
  privileges: ['user haproxy', 'group haproxy'],
}
const route = {
  hostname: 'a.example' as Hostname,
  slot: 1,
  servers: [
    { address: '10.0.0.1', port: 80 },
    { address: '10.0.0.2', port: 8080 },
  ],
  secure: false,
}
const text = configText(surroundings, { pool: 3, width: 4 }, [route], 'abc', 'key')
const backend = (name: string) =>
  text.split(`backend ${name}\n`)[1]?.split('\nbackend')[0]?.split('\n').filter(Boolean)

test('the containers of a route are in the backend of its slot, and the others are free', t => {
  t.deepEqual(backend('fairlead_0'), ['  server-template s 1-4 127.0.0.1:1 disabled'])
  t.deepEqual(backend('fairlead_1'), [
    '  server s1 10.0.0.1:80',
    '  server s2 10.0.0.2:8080',
    '  server-template s 3-4 127.0.0.1:1 disabled',
  ])
})

test('a container that is gone costs a request a second per try, and the next try goes to another', t => {
  for (const line of ['timeout connect 1s', 'retries 3', 'option redispatch 1'])
    t.true(text.includes(`\n  ${line}\n`), line)
})

test('it listens where it is told to, over TLS with certificates of its own list only', t => {
  t.regex(text, /^ {2}bind 0\.0\.0\.0:80$/m)
  t.regex(text, /^ {2}bind ipv6@:::443 ssl crt-list \/data\/router\/crt-list strict-sni alpn h2,http\/1\.1$/m)
  t.notRegex(configText({ ...surroundings, https: null }, { pool: 1, width: 1 }, [], 'a', 'k'), / ssl /)
})

test('a worker that ends reaches its successor also where that listens everywhere', t => {
  t.deepEqual(backend('fairlead_next'), [
    '  http-request set-header x-fairlead-handed key',
    '  server next 127.0.0.1:80',
  ])
})

test('what is under way ends by itself, or at a limit: a minute without an answer, an hour of silence, half a day after a reload', t => {
  const limits = [...text.matchAll(/^ {2}(?:timeout (?:server|tunnel)|hard-stop-after) .*$/gm)].map(
    ([line]) => line.trim(),
  )
  t.deepEqual(limits, ['hard-stop-after 12h', 'timeout server 60s', 'timeout tunnel 1h'])
})

test('its mark is read again from the text', t => {
  const frame = frameOf(surroundings)
  t.deepEqual(readMark(text), { pool: 3, width: 4, frame, generation: 'abc' })
  t.is(readMark('global\n'), null)
})

test('the mark changes with settings, and not with routes, size or key', t => {
  t.not(frameOf({ ...surroundings, http: { host: '0.0.0.0', port: 8080 } }), frameOf(surroundings))
  t.not(frameOf({ ...surroundings, https: null }), frameOf(surroundings))
  t.not(frameOf({ ...surroundings, privileges: [] }), frameOf(surroundings))
  const other = configText(surroundings, { pool: 9, width: 9 }, [], 'def', 'other')
  t.is(readMark(other)?.frame, frameOf(surroundings))
})

test('a directory that would mean something else in the configuration is refused', t => {
  for (const directory of ['/data with spaces', '/data"', '/data\n', '/data,x', '/data)', 'relative']) {
    const error = t.throws(() => routerFiles(directory), { instanceOf: Problem })
    t.is(error.code, 'router-unreachable')
  }
})
