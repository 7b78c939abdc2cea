import test from 'ava'
import fc from 'fast-check'
import { parseChallenge } from '../../../src/registry/challenge.ts'

const bearer = (realm: string, service: string | null = null, error: string | null = null) => ({
  scheme: 'bearer',
  realm,
  service,
  error,
})

const headers: [string | undefined, unknown][] = [
  [undefined, null],
  ['', null],
  ['Basic realm="test"', { scheme: 'basic' }],
  ['Basic', { scheme: 'basic' }],
  ['bearer Realm="https://a.example/t",SERVICE=reg', bearer('https://a.example/t', 'reg')],
  [
    'Bearer realm="https://a.example/t",service="r",scope="repository:a/b:pull,push"',
    bearer('https://a.example/t', 'r'),
  ],
  ['Basic realm="x", Bearer realm="https://a.example/t"', bearer('https://a.example/t')],
  ['Bearer realm="https://a.example/t", Basic realm="x"', bearer('https://a.example/t')],
  [
    'Bearer realm="https://a.example/t",error="insufficient_scope"',
    bearer('https://a.example/t', null, 'insufficient_scope'),
  ],
  ['Bearer realm="a \\"quoted\\" one"', bearer('a "quoted" one')],
  ['Bearer service="no realm", Basic realm="x"', { scheme: 'basic' }],
  ['Bearer', null],
  ['Negotiate abc==', null],
  ['Digest realm="x"', null],
  ['realm="Basic"', null],
]
for (const [header, challenge] of headers) {
  test(`the challenge ${JSON.stringify(header)} is understood`, t => {
    t.deepEqual<unknown, unknown>(parseChallenge(header), challenge)
  })
}

test('no header makes the parser throw or hang', t => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[Bbaser =",\\]{0,60}$/))
  fc.assert(fc.property(text, header => void parseChallenge(header)))
  parseChallenge(`Bearer realm="${'\\'.repeat(16_000)}`)
  parseChallenge(`${'a'.repeat(16_000)}=`)
  t.pass()
})
