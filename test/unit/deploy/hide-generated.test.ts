// What a generator prints of the secrets it was given or wrote does not reach the transcript, in whatever form.
import test from 'ava'
import { hideGenerated } from '../../../src/deploy/hide-generated.ts'
import { Secret } from '../../../src/domain/secret.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const PASSWORD = 'eyJwYXlsb2FkIjoiT2tTZWNyZXQ/x+y=z'
const LOGIN = base64(`AWS:${PASSWORD}`)
const FILE = JSON.stringify({ auths: { 'acme.example': { auth: LOGIN, username: 'AWS-user' } } }, null, '\t')

function hidden(text: string, written: string | null = FILE, env: Record<string, string> = {}) {
  const values = Object.entries(env).map(([name, value]) => [name, new Secret(value)] as const)
  return hideGenerated(new Map(values), written)?.(text)
}

test('the password is hidden raw, in base64 and URL-encoded, as the login and in the shape of the file', t => {
  for (const form of [
    PASSWORD,
    base64(PASSWORD),
    encodeURIComponent(PASSWORD),
    `AWS:${PASSWORD}`,
    LOGIN,
    LOGIN.replace(/=+$/, ''),
    base64(FILE),
  ]) {
    t.is(hidden(`it is ${form} here`), 'it is [redacted] here', form)
  }
})

test('a file printed as it is shows its hosts and names alone', t => {
  const shown = hidden(FILE.replaceAll('\t', '    '))
  t.regex(shown ?? '', /"acme.example": \{\n +"auth": "\[redacted\]",\n +"username": "AWS-user"/)
})

test('a password that is wrapped over lines, or cut, is hidden piece by piece', t => {
  for (const secret of [LOGIN, base64(FILE)]) {
    const wrapped = secret.match(/.{1,20}/g)?.filter(piece => piece.length >= 16) ?? []
    t.true(wrapped.length > 1)
    t.is(hidden(wrapped.join('\n')), wrapped.map(() => '[redacted]').join('\n'))
  }
})

test('a word that holds a piece of the password is hidden, whatever was put around it', t => {
  t.is(hidden(`see xx-${LOGIN.slice(3, 23)}-xx.`), 'see [redacted].')
})

test('the password of an auth without padding is hidden too', t => {
  const auth = base64('user:short pw!').replace(/=+$/, '')
  t.is(hidden('with short pw!', JSON.stringify({ 'acme.example': { auth } })), 'with [redacted]')
})

test('identity tokens and passwords in fields of their own are hidden', t => {
  const file = JSON.stringify({
    auths: { a: { identitytoken: 'tok-en-12' }, b: { username: 'bob', password: 'pass word' } },
  })
  t.is(hidden('tok-en-12 for bob with pass word', file), '[redacted] for bob with [redacted]')
})

test('what a variable holds is hidden, as a whole and line by line', t => {
  const key = '{\n  "private_key": "-----BEGIN",\n  "id": "0123"\n}'
  const env = { AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI', GOOGLE_AUTH_JSON: key }
  t.is(hidden('key wJalrXUtnFEMI', null, env), 'key [redacted]')
  t.is(hidden('with   "private_key": "-----BEGIN", in it', null, env), 'with   [redacted] in it')
  t.is(hidden('and "id": "0123" too', null, env), 'and [redacted] too')
  t.is(hidden(`all ${key}`, null, env), 'all [redacted]')
})

test('of a file that is no JSON every longer word is hidden, also as the login that it encodes', t => {
  const broken = `{"auths": {"acme.example": {"auth": "${LOGIN}"`
  t.is(hidden(`${LOGIN} and ${PASSWORD}`, broken), '[redacted] and [redacted]')
})

test('ordinary words stay', t => {
  const line = 'Writing Docker creds to /fairlead/dockercfg for AWS_ACCESS_KEY_ID in acme.example'
  t.is(hidden(line), line)
  t.is(hidden(line, null), line)
})

test('of too much to hide nothing is shown at all', t => {
  t.is(hidden('text', 'x'.repeat(64 * 1024 + 1)), undefined)
  t.is(hidden('text', null, { A: 'x'.repeat(40_000), B: 'y'.repeat(40_000) }), undefined)
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`A${n}`, `value ${n}`]))
  t.is(hidden('text', null, many), undefined)
  t.is(hidden('text', JSON.stringify({ auths: many })), undefined)
})

test('a file that nests too deep to be walked is taken for no JSON', t => {
  const deep = `${'['.repeat(30_000)}"pass-word-1"${']'.repeat(30_000)}`
  t.is(hidden('the pass-word-1', deep), 'the [redacted]')
})
