import test from 'ava'
import { answerCredentials } from '../../../../src/engines/build/session.ts'
import { encodeStrings, fieldsOf } from '../../../../src/engines/build/wire.ts'
import { credential } from '../../../support/build-fixtures.ts'

const AUTHS = new Map(
  [credential('docker.io', 'me', 'hub-pässword'), credential('127.0.0.1:5000', 'robot', 'x'.repeat(300))].map(
    auth => [auth.host, auth] as const,
  ),
)

/** Username and secret. */
function ask(host: string): (string | undefined)[] {
  const fields = [...fieldsOf(answerCredentials(encodeStrings({ 1: host }), AUTHS))]
  return [1, 2].map(number => fields.find(field => field.number === number)?.value.toString())
}

test('a host gets its own credential', t => {
  t.deepEqual(ask('127.0.0.1:5000'), ['robot', 'x'.repeat(300)])
})

test('an identity token is answered without a username, by which BuildKit knows it', t => {
  const auths = new Map([['quay.io', credential('quay.io', '<token>', 'refresh')]])
  const fields = [...fieldsOf(answerCredentials(encodeStrings({ 1: 'quay.io' }), auths))]
  t.deepEqual(
    fields.map(({ number, value }) => [number, String(value)]),
    [[2, 'refresh']],
  )
})

test('all names of Docker Hub are one host', t => {
  for (const host of [
    'docker.io',
    'index.docker.io',
    'registry-1.docker.io',
    'https://index.docker.io/v1/',
  ]) {
    t.deepEqual(ask(host), ['me', 'hub-pässword'], host)
  }
})

test('every other host gets an empty credential', t => {
  for (const host of [
    '',
    '127.0.0.1',
    '127.0.0.1:50000',
    'evil.example',
    'docker.io.evil.example',
    'xdocker.io',
  ]) {
    t.deepEqual(ask(host), [undefined, undefined], host)
  }
})
