import test from 'ava'
import type { PullRequest } from '../../../../src/domain/engine.ts'
import type { ProblemCode } from '../../../../src/domain/problem.ts'
import { pullProblem } from '../../../../src/engines/docker/pull-problem.ts'
import { pullProgress } from '../../../../src/engines/docker/pull-progress.ts'
import { credential } from '../../../support/build-fixtures.ts'

const auth = credential('quay.io', 'robot', 's3cret')
const request: PullRequest = {
  reference: { host: 'quay.io', repository: 'acme/shop', tag: 'v1', digest: null },
  digest: `sha256:${'a'.repeat(64)}`,
  auth,
  tag: 'fairlead-3f2a91/my-env/my-app:op1',
}

// Words of engines 20.10 to 28 and of the registries behind them.
const WORDS: [string, ProblemCode][] = [
  ['toomanyrequests: You have reached your pull rate limit.', 'registry-rate-limited'],
  ['received unexpected HTTP status: 429 Too Many Requests', 'registry-rate-limited'],
  ['no matching manifest for linux/amd64 in the manifest list entries', 'platform-mismatch'],
  ['Get "https://quay.io/v2/": unauthorized: authentication required', 'registry-login-failed'],
  ['Head "https://quay.io/v2/a/manifests/x": no basic auth credentials', 'registry-login-failed'],
  ['denied: requested access to the resource is denied', 'registry-denied'],
  ['error parsing HTTP 403 response body', 'registry-denied'],
  ['manifest for quay.io/acme/shop@sha256:aa not found: manifest unknown', 'tag-not-found'],
  ['repository name not known to registry', 'image-not-found'],
  ['Get "https://quay.io/v2/": x509: certificate signed by unknown authority', 'registry-tls'],
  ['Get "https://quay.io/v2/": http: server gave HTTP response to HTTPS client', 'registry-tls'],
  ['received unexpected HTTP status: 503 Service Unavailable', 'registry-failed'],
  ['dial tcp 127.0.0.1:1: connect: connection refused', 'registry-unreachable'],
  ['dial tcp: lookup quay.io: no such host', 'registry-unreachable'],
  ['net/http: TLS handshake timeout', 'registry-unreachable'],
  ['unexpected EOF', 'registry-unreachable'],
  ['write /var/lib/docker/tmp/x: no space left on device', 'engine-disk-full'],
  ['layer does not exist', 'engine-failed'],
]

for (const [words, code] of WORDS) {
  test(`${JSON.stringify(words)} is ${code}`, t => {
    const problem = pullProblem(words, request, 'local')
    t.is(problem.code, code)
    t.is(problem.saw, words)
    t.not(problem.hint, '')
  })
}

test('a name in the words is not taken for what they say', t => {
  const reference = { ...request.reference, repository: 'denied/certificate' }
  const words = 'Head "https://quay.io/v2/denied/certificate/manifests/x": no basic auth credentials'
  t.is(pullProblem(words, { ...request, reference }, 'local').code, 'registry-login-failed')
})

test('without a credential a refusal asks for one, with the command that stores it', t => {
  for (const words of ['unauthorized: authentication required', 'pull access denied for acme/shop']) {
    const problem = pullProblem(words, { ...request, auth: null }, 'local')
    t.is(problem.code, 'registry-login-required')
    t.is(
      problem.hint,
      'Store a login with `fairlead registry:login quay.io --username USER --password-stdin`. `fairlead registry:explain quay.io/acme/shop:v1` shows which credential was offered to whom.',
    )
  }
})

test('a refused login names the user and how the credential is corrected, not the password', t => {
  const problem = pullProblem('unauthorized', request, 'local')
  t.is(problem.headline, 'quay.io refuses the login of robot')
  t.is(
    problem.hint,
    'Correct it with `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`. `fairlead registry:explain quay.io/acme/shop:v1` shows which credential was offered to whom.',
  )
  t.false(JSON.stringify(problem).includes('s3cret'))
})

test('progress tells layers and percent, and is silent while nothing changes', t => {
  const progress = pullProgress()
  const downloading = (id: string, current: number) =>
    progress.read({ status: 'Downloading', id, progressDetail: { current, total: 1_000_000 } })
  t.is(progress.read({ status: 'Pulling from acme/shop', id: 'v1' }), null)
  t.is(progress.read({ status: 'Pulling fs layer', id: 'a' }), 'Downloading 0 of 1 layers, 0%')
  t.is(progress.read({ status: 'Pulling fs layer', id: 'b' }), 'Downloading 0 of 2 layers, 0%')
  t.is(progress.read({ status: 'Already exists', id: 'c' }), 'Downloading 1 of 3 layers, 0%')
  t.is(downloading('a', 500_000), 'Downloading 1 of 3 layers, 50%')
  t.is(downloading('a', 500_001), null)
  t.is(downloading('b', 0), 'Downloading 1 of 3 layers, 25%')
  t.is(progress.read({ status: 'Download complete', id: 'a' }), 'Downloading 2 of 3 layers, 50%')
  t.is(progress.read({ status: 'Download complete', id: 'b' }), 'Unpacking 1 of 3 layers')
  t.is(progress.read({ status: 'Extracting', id: 'a', progressDetail: { current: 1, total: 9 } }), null)
  t.is(progress.read({ status: 'Pull complete', id: 'a' }), 'Unpacking 2 of 3 layers')
  t.is(progress.read({ status: 'Pull complete', id: 'b' }), 'Unpacking 3 of 3 layers')
  t.is(progress.read({ status: 'Digest: sha256:aa' }), null)
  t.is(progress.summary(), 'Pulled 3 layers (1 known), 2.0 MB')
})
