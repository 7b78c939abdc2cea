import test from 'ava'
import { Problem } from '../../src/domain/problem.ts'
import { Secret } from '../../src/domain/secret.ts'
import { createLog, type LogLevel } from '../../src/log.ts'

function logged(level: LogLevel = 'info') {
  const lines: string[] = []
  const log = createLog(level, { write: text => void lines.push(text) })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') }
}

test('a line is JSON with its level as a word, an ISO time and its fields', t => {
  const { log, last } = logged()
  log.info({ app: 'my-env/my-app' }, 'deployed')
  t.like(last(), { level: 'info', app: 'my-env/my-app', msg: 'deployed' })
  t.regex(last().time, /^\d{4}-\d\d-\d\dT.*Z$/)
})

test('levels below the chosen one are not written', t => {
  const { log, lines } = logged('warn')
  log.info({}, 'no')
  log.warn({}, 'yes')
  t.is(lines.length, 1)
})

test('no secret is written, wherever it stands: wrapped, under a telling name, or deep', t => {
  const { log, lines } = logged()
  const secret = new Secret('hunter2')
  log.info({ secret, list: [secret], deep: { deeper: { secret } }, map: new Map([['A', secret]]) }, 'wrapped')
  log.info({ password: 'hunter2', auth: { password: 'hunter2', a: { token: 'hunter2' } } }, 'named')
  log.info({ options: { headers: { authorization: 'hunter2' } }, spec: { Env: ['A=hunter2'] } }, 'deep')
  log.info({ request: { authconfig: { password: 'hunter2' } } }, 'docker')
  t.false(lines.join('').includes('hunter2'))
  t.true(lines.join('').includes('[redacted]'))
})

test('a Problem is written with its parts and the cause of it, and no stack of its own', t => {
  const { log, last } = logged()
  const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' })
  const error = new Problem('engine-unreachable', {
    headline: 'No answer',
    saw: 'refused',
    hint: 'Start it',
    cause,
  })
  for (const fields of [{ error }, { err: error }, { problem: error }]) {
    log.error(fields, 'failed')
    const written = Object.values(last()).find(value => typeof value === 'object') as Record<string, unknown>
    t.like(written, { code: 'engine-unreachable', headline: 'No answer', saw: 'refused', hint: 'Start it' })
    t.like(written.cause, { message: 'connect refused', code: 'ECONNREFUSED' })
    t.false('stack' in written)
  }
})

test('any other error is written with its stack and those of its causes', t => {
  const { log, last } = logged()
  log.error({ error: new Error('outer', { cause: new TypeError('inner') }) }, 'a fault')
  t.like(last().error, { name: 'Error', message: 'outer' })
  t.regex(last().error.stack, /log\.test\.ts/)
  t.like(last().error.cause, { name: 'TypeError', message: 'inner' })
  log.error({ error: new AggregateError([new Error('IPv4'), new Error('IPv6')]) }, 'several')
  t.deepEqual(
    last().error.errors.map((each: Error) => each.message),
    ['IPv4', 'IPv6'],
  )
  const ring = new Error('ring')
  ring.cause = ring
  t.notThrows(() => log.error({ error: ring }, 'round'))
  log.error({ error: 'a text' }, 'thrown')
  t.is(last().error, 'a text')
})
