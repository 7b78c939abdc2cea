import test from 'ava'
import { Problem, type ProblemCode } from '../../../../src/domain/problem.ts'
import { BuildRefused, explainBuildFailure, type FailedStep } from '../../../../src/engines/build/failure.ts'
import { credential } from '../../../support/build-fixtures.ts'

const HOST = 'quay.io:443'
const REF = `${HOST}/acme/base:1`
const AUTHS = new Map([[HOST, credential(HOST, 'robot', 'the-secret')]])
const NONE = new Map()
const METADATA: FailedStep = { name: `[internal] load metadata for ${REF}`, output: [] }
const FROM: FailedStep = { name: `[1/2] FROM ${REF} AS build`, output: [] }
const COPY: FailedStep = { name: `[2/2] COPY --from=${REF} /a /b`, output: [] }

function explained(words: string, step: FailedStep | null, auths: ReadonlyMap<string, never> | typeof AUTHS) {
  const problem = explainBuildFailure(new BuildRefused(words, step), auths)
  return problem instanceof Problem
    ? problem
    : new Problem('internal', { headline: String(problem), hint: '' })
}

const SOLVE = 'failed to solve with frontend dockerfile.v0: failed to create LLB definition: '

const CASES: readonly (readonly [
  words: string,
  step: FailedStep | null,
  auths: typeof AUTHS,
  code: ProblemCode,
  headline: string,
])[] = [
  [
    `${SOLVE}pulling from host ${HOST} failed with status code [manifests 1]: 401 Unauthorized`,
    METADATA,
    AUTHS,
    'registry-login-failed',
    `The registry ${HOST} refuses the login of robot for ${REF}, which the Dockerfile builds on`,
  ],
  [
    'unauthorized: authentication required',
    FROM,
    AUTHS,
    'registry-login-failed',
    `The registry ${HOST} refuses the login of robot for ${REF}, which the Dockerfile builds on`,
  ],
  [
    `Head "https://${HOST}/v2/acme/base/manifests/1": no basic auth credentials`,
    FROM,
    NONE,
    'registry-login-required',
    `${REF}, which the Dockerfile builds on, is private or does not exist, and no credential is set for ${HOST}`,
  ],
  [
    `invalid from flag value ${REF}: Head "https://${HOST}/v2/acme/base/manifests/1": no basic auth credentials`,
    COPY,
    NONE,
    'registry-login-required',
    `${REF}, which the Dockerfile builds on, is private or does not exist, and no credential is set for ${HOST}`,
  ],
  [
    "pull access denied for acme/base, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    { name: '[1/1] FROM acme/base', output: [] },
    AUTHS,
    'registry-login-required',
    'acme/base, which the Dockerfile builds on, is private or does not exist, and no credential is set for docker.io',
  ],
  [
    'failed to solve: quay.io:443/acme/base:1: failed to resolve source metadata: unexpected status from HEAD request to https://quay.io:443/v2/acme/base/manifests/1: 403 Forbidden',
    METADATA,
    AUTHS,
    'registry-denied',
    `The registry ${HOST} does not let robot read ${REF}, which the Dockerfile builds on`,
  ],
  [
    `${SOLVE}${REF}: not found`,
    METADATA,
    AUTHS,
    'image-not-found',
    `The registry ${HOST} has no ${REF}, which the Dockerfile builds on`,
  ],
  [
    `manifest for ${REF} not found: manifest unknown: manifest unknown`,
    { name: `[1/1] FROM \${HOST}/acme/base:1`, output: [] },
    AUTHS,
    'image-not-found',
    `The registry ${HOST} has no ${REF}, which the Dockerfile builds on`,
  ],
  [
    `Get "https://${HOST}/v2/": dial tcp: lookup quay.io on 10.0.0.53:53: no such host`,
    FROM,
    NONE,
    'registry-unreachable',
    `The registry ${HOST} does not answer, so ${REF} was not fetched`,
  ],
  [
    `${SOLVE}failed to do request: Head "https://${HOST}/v2/acme/base/manifests/1": dial tcp 127.0.0.1:443: connect: connection refused`,
    METADATA,
    NONE,
    'registry-unreachable',
    `The registry ${HOST} does not answer, so ${REF} was not fetched`,
  ],
  [
    `Get "https://${HOST}/v2/": x509: certificate signed by unknown authority`,
    FROM,
    NONE,
    'registry-tls',
    `The registry ${HOST} cannot prove who it is, or does not speak TLS, so ${REF} was not fetched`,
  ],
  [
    'toomanyrequests: You have reached your pull rate limit.',
    METADATA,
    NONE,
    'registry-rate-limited',
    `The registry ${HOST} limits how often it may be asked, and refused ${REF} for now`,
  ],
  [
    `${SOLVE}unexpected status code [manifests 1]: 503 Service Unavailable`,
    METADATA,
    NONE,
    'registry-failed',
    `The registry ${HOST} failed by itself when asked for ${REF}`,
  ],
  [
    'dockerfile parse error line 2: unknown instruction: FOO',
    null,
    NONE,
    'dockerfile-invalid',
    'The engine cannot read the Dockerfile',
  ],
  [
    'failed to register layer: write /x: no space left on device',
    FROM,
    NONE,
    'engine-disk-full',
    'The Docker engine has no space left on its disk to build this image',
  ],
  [
    'executor failed running [/bin/sh -c cp big /x]: exit code: 1',
    { name: '[2/2] RUN cp big /x', output: ['cp: write error: No space left on device'] },
    NONE,
    'engine-disk-full',
    'The Docker engine has no space left on its disk to build this image',
  ],
  [
    "The command '/bin/sh -c make FROM=x' returned a non-zero code: 2",
    { name: '[2/3] RUN make', output: ['a', 'b'] },
    NONE,
    'build-failed',
    'The Dockerfile step [2/3] RUN make failed with exit code 2',
  ],
  [
    'failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 137',
    { name: '[2/3] RUN make', output: ['a', 'b'] },
    NONE,
    'build-failed',
    'The Dockerfile step [2/3] RUN make failed with exit code 137',
  ],
  [
    'failed to compute cache key: "/nope" not found: not found',
    { name: '[2/2] COPY nope /x', output: [] },
    NONE,
    'build-failed',
    'The Dockerfile step [2/2] COPY nope /x failed',
  ],
]

for (const [words, step, auths, code, headline] of CASES) {
  test(`${code} is read out of: ${words}${auths === AUTHS ? ', with a credential' : ''}`, t => {
    const problem = explained(words, step, auths)
    t.is(problem.code, code)
    t.is(problem.headline, headline)
    t.truthy(problem.saw)
    t.truthy(problem.hint)
    t.false(`${problem.headline} ${problem.saw} ${problem.hint}`.includes('the-secret'))
  })
}

test('what to do names the source of the login, or how to store one', t => {
  const stored = { ...credential(HOST, 'robot', 'the-secret'), source: 'the environment my-env' }
  const auths = new Map([[HOST, stored]])
  const store = `fairlead registry:login ${HOST} --username USER --password-stdin`
  const mend = `Mend the login at its source (the environment my-env), or store another with \`${store}\`.`
  const show = `\`fairlead registry:explain ${REF}\` shows which credential was offered to whom.`
  t.is(explained('unauthorized: authentication required', FROM, auths).hint, `${mend} ${show}`)
  t.is(
    explained('denied: requested access to the resource is denied', FROM, auths).hint,
    `Give robot the right to pull it, or use another. ${mend} ${show}`,
  )
  t.is(
    explained('unauthorized: authentication required', FROM, NONE).hint,
    `Store a login with \`${store}\`. ${show}`,
  )
  t.is(
    explained('toomanyrequests: slow down', FROM, NONE).hint,
    `Wait, or ask as a known user. Store a login with \`${store}\`.`,
  )
})

test('an identity token that the login service does not take is a refused login', t => {
  const auths = new Map([[HOST, credential(HOST, '<token>', 'the-secret')]])
  for (const words of [
    'failed to authorize: failed to fetch oauth token: unexpected status: 400 Bad Request',
    `Head "https://${HOST}/v2/acme/base/manifests/1": error parsing HTTP 400 response body: no error details found in HTTP response body: "{\\"error\\":\\"invalid_grant\\"}"`,
  ]) {
    const problem = explained(words, METADATA, auths)
    t.is(problem.code, 'registry-login-failed')
    t.is(
      problem.headline,
      `The registry ${HOST} refuses the identity token for ${REF}, which the Dockerfile builds on`,
    )
  }
})

test('a command that fails is not blamed on the registry that it names', t => {
  const words =
    "The command '/bin/sh -c curl http://a/v2/x/manifests/1 || echo 401 unauthorized' returned a non-zero code: 7"
  t.is(
    explained(words, { name: '[2/2] RUN curl; : FROM x', output: ['connection refused'] }, NONE).code,
    'build-failed',
  )
})

test('of words without end the beginning and the end are read', t => {
  const endless = `executor failed running [/bin/sh -c ${'https://a/v2/x '.repeat(60_000)}]: exit code: 7`
  t.is(explained(endless, null, NONE).headline, 'The build failed with exit code 7')
  const { saw = '' } = explained(`unauthorized: \u001b]0;x\u0007${'y'.repeat(900_000)}`, FROM, AUTHS)
  t.regex(saw, /^unauthorized: \\u\{1b\}\]0;x\\u\{7\}y/)
  t.true(saw.length < 5000)
})

test('the last lines of the step are what we saw', t => {
  const step = { name: '[2/2] RUN make', output: ['cc -o x', 'error: no x'] }
  t.is(explained('executor failed running [make]: exit code: 1', step, NONE).saw, 'cc -o x\nerror: no x')
})

test('an answer with a status is read by its words', t => {
  const error = Object.assign(
    new Error('(HTTP code 400) unexpected - the Dockerfile (Dockerfile) cannot be empty '),
    {
      statusCode: 400,
    },
  )
  const problem = explainBuildFailure(error, NONE) as Problem
  t.is(problem.code, 'dockerfile-invalid')
  t.is(problem.saw, 'the Dockerfile (Dockerfile) cannot be empty')
})

test('a Problem stays as it is, and a fault of ours comes back untouched', t => {
  const problem = new Problem('engine-unreachable', { headline: 'x', hint: 'y' })
  t.is(explainBuildFailure(problem, NONE), problem)
  const fault = new TypeError('x is not a function')
  t.is(explainBuildFailure(fault, NONE), fault)
})
