import test from 'ava'
import { Problem } from '../../../../src/domain/problem.ts'
import { withoutNoise } from '../../../../src/engines/docker/not-started.ts'
import { accept, engineWords, translate } from '../../../../src/engines/docker/translate.ts'

function translated(error: Error, fields: object = {}): Problem {
  const problem = translate(Object.assign(error, fields), 'list containers', 'local')
  if (!(problem instanceof Problem)) throw new Error(`${problem} is no Problem`)
  return problem
}

test("an answer of the engine becomes a Problem in the engine's own words", t => {
  const error = new Error('(HTTP code 409) unexpected - Conflict - no. ')
  const problem = translated(error, { statusCode: 409, json: { message: 'Conflict - no.' } })
  t.is(problem.code, 'engine-failed')
  t.is(problem.headline, 'The Docker engine of stack local could not list containers')
  t.is(problem.saw, 'Conflict - no.')
  t.is(problem.cause, error)
})

test("the client library's wrapping is taken off where the answer is no JSON", t => {
  t.is(engineWords(new Error('(HTTP code 500) server error - it broke - badly ')), 'it broke - badly')
})

test('a full disk is told apart', t => {
  const json = { message: 'write /x: no space left on device' }
  t.is(translated(new Error(), { statusCode: 500, json }).code, 'engine-disk-full')
})

for (const [code, hint] of [
  ['ENOENT', /check that the engine runs/],
  ['ECONNRESET', /check that the engine runs/],
  ['EACCES', /may not open the engine's socket; add that user to the socket's group/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /do not accept each other's certificate/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /do not accept each other's certificate/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /do not accept each other's certificate/],
] as const) {
  test(`${code} is an engine that does not answer, with what to check`, t => {
    const problem = translated(new Error(`connect ${code}`), { code })
    t.is(problem.code, 'engine-unreachable')
    t.is(problem.saw, `connect ${code}`)
    t.regex(problem.hint, hint)
  })
}

test('a bug of ours stays what it is', t => {
  for (const error of [
    new TypeError('x is not a function'),
    Object.assign(new Error(), { code: 'ERR_INVALID_ARG_TYPE' }),
  ]) {
    t.is(translate(error, 'list containers', 'local'), error)
  }
})

test('only the statuses that are named are accepted', t => {
  const gone = Object.assign(new Error(), { statusCode: 404 })
  t.is(accept(404, 409)(gone), undefined)
  t.throws(() => accept(409)(gone), { is: gone })
  const bug = new TypeError('no')
  t.throws(() => accept(404)(bug), { is: bug })
})

for (const [words, rest] of [
  [
    'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "nope": executable file not found in $PATH: unknown',
    'exec: "nope": executable file not found in $PATH',
  ],
  [
    'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "nope": stat nope: no such file or directory: unknown',
    'exec: "nope": stat nope: no such file or directory',
  ],
  [
    'unable to find user nosuch: no matching entries in passwd file',
    'unable to find user nosuch: no matching entries in passwd file',
  ],
] as const) {
  test(`of ${JSON.stringify(words.slice(0, 60))}… the part is shown that says something`, t => {
    t.is(withoutNoise(words), rest)
  })
}
