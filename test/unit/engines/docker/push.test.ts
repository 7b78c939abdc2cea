import test from 'ava'
import type { PushRequest } from '../../../../src/domain/engine.ts'
import type { ProblemCode } from '../../../../src/domain/problem.ts'
import { pushProblem } from '../../../../src/engines/docker/push-problem.ts'
import { pushProgress } from '../../../../src/engines/docker/push-progress.ts'
import { credential } from '../../../support/build-fixtures.ts'

const IMAGE = 'quay.io/acme/shop:v1'
const request: PushRequest = {
  reference: { host: 'quay.io', repository: 'acme/shop', tag: 'v1', digest: null },
  auth: { ...credential('quay.io', 'robot', 's3cret'), source: 'dockercfg.encrypted' },
  tag: 'fairlead-3f2a91/my-env/my-app:op1',
}
const EXPLAIN = `\`fairlead registry:explain ${IMAGE}\` shows which credential was offered to whom.`
const LOGIN = '`fairlead registry:login quay.io --username USER --password-stdin`'
const SOURCE = `Mend the login at its source (dockercfg.encrypted), or store another with ${LOGIN}.`

interface Case {
  readonly code: ProblemCode
  /** Words of engines 20.10 to 28 and of the registries behind them. */
  readonly words: readonly string[]
  readonly headline: string
  readonly hint: string
  readonly auth?: null
}

const CASES: readonly Case[] = [
  {
    code: 'registry-login-failed',
    words: [
      'unauthorized: authentication required',
      'unauthorized: incorrect username or password',
      'Head "https://quay.io/v2/a/blobs/x": no basic auth credentials',
      'error parsing HTTP 400 response body: no error details found in HTTP response body: "{\\"error\\":\\"invalid_grant\\"}"',
    ],
    headline: `quay.io refuses the login of robot for the push of ${IMAGE}`,
    hint: `${SOURCE} ${EXPLAIN}`,
  },
  {
    code: 'registry-denied',
    words: [
      'denied: requested access to the resource is denied',
      'errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n',
      'unauthorized: access to the requested resource is not authorized',
      'denied: permission_denied: write_package',
      'denied: User: arn:aws:iam::1:user/x is not authorized to perform: ecr:InitiateLayerUpload',
      'error parsing HTTP 403 response body',
    ],
    headline: 'quay.io does not let robot push to acme/shop',
    hint: `Give robot the right to push (write) there: to pull is another right. ${SOURCE} ${EXPLAIN}`,
  },
  {
    code: 'registry-login-required',
    words: ['no basic auth credentials', 'denied: requested access to the resource is denied'],
    auth: null,
    headline: `quay.io takes no push of ${IMAGE} without a login, and no credential for it is set`,
    hint: `Store a login with ${LOGIN}. ${EXPLAIN}`,
  },
  {
    code: 'registry-unreachable',
    words: [
      'Get "https://quay.io/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
      'dial tcp: lookup quay.io: no such host',
      'net/http: TLS handshake timeout',
      'write tcp 10.0.0.1:1->10.0.0.2:443: write: broken pipe',
      'unexpected EOF',
    ],
    headline: `quay.io does not answer the Docker engine, which was to push ${IMAGE}`,
    hint: 'Check the host in image_name. The engine, not only the gateway, has to reach the registry.',
  },
  {
    code: 'registry-tls',
    words: [
      'Get "https://quay.io/v2/": x509: certificate signed by unknown authority',
      'http: server gave HTTP response to HTTPS client',
    ],
    headline: `The Docker engine cannot make sure that it talks to quay.io, so the push of ${IMAGE} did not begin`,
    hint: "Ask the operator to make the registry's certificate known to the engine (/etc/docker/certs.d).",
  },
  {
    code: 'registry-rate-limited',
    words: ['toomanyrequests: slow down', 'received unexpected HTTP status: 429 Too Many Requests'],
    headline: `quay.io limits how often it may be asked, and takes no push of ${IMAGE} for now`,
    hint: 'Wait before you push again, or use an account with a higher limit.',
  },
  {
    code: 'registry-rate-limited',
    words: ['toomanyrequests: slow down'],
    auth: null,
    headline: `quay.io limits how often it may be asked, and takes no push of ${IMAGE} for now`,
    hint: `Wait, or ask as a known user. Store a login with ${LOGIN}.`,
  },
  {
    code: 'registry-failed',
    words: ['received unexpected HTTP status: 503 Service Unavailable', 'internal server error'],
    headline: `quay.io failed by itself during the push of ${IMAGE}`,
    hint: 'Push again in a minute; if it goes on, ask whoever runs the registry.',
  },
  {
    code: 'image-not-found',
    words: [
      "name unknown: The repository with name 'acme/shop' does not exist in the registry with id '1'",
      'repository name not known to registry',
    ],
    headline: `quay.io has no repository acme/shop, and makes none for the push of ${IMAGE}`,
    hint: 'Create the repository there first, or correct image_name; then push again.',
  },
  {
    code: 'image-push-failed',
    words: [
      "tag invalid: The image tag 'v1' already exists in the 'acme/shop' repository and cannot be overwritten because the repository is immutable.",
      "unknown: Failed to process request due to 'shop:v1' configured as immutable.",
      'denied: tag is immutable',
      'failed precondition: cannot update tag v1. The repository has enabled tag immutability',
    ],
    headline: `quay.io has ${IMAGE} already, and lets no push replace it`,
    hint: 'Give each push a tag of its own in image_tag, for example with {{ .CommitID }}, or make the tags of the repository mutable.',
  },
  {
    code: 'image-push-failed',
    words: [
      'denied: adding 12.0 MiB of storage resource, which when updated to current usage of 1.0 GiB will exceed the configured upper limit of 1.0 GiB.',
      'denied: storage quota exceeded',
      'error parsing HTTP 413 response body: invalid character',
      '413 Request Entity Too Large',
    ],
    headline: `quay.io has no room for the push of ${IMAGE}, or takes no layer of this size`,
    hint: 'Delete old tags there, have the limit raised, or make the layers of the image smaller; then push again.',
  },
  {
    code: 'image-push-failed',
    words: ['blob upload unknown', 'The push ended without a digest'],
    headline: `The Docker engine could not push ${IMAGE}`,
    hint: `Push again. If it stays so, ask whoever runs the registry. ${EXPLAIN}`,
  },
]

for (const { code, words, headline, hint, auth } of CASES) {
  for (const said of words) {
    test(`${JSON.stringify(said)} is ${code}${auth === null ? ' for nobody' : ''}`, t => {
      const problem = pushProblem(said, { ...request, ...(auth === null && { auth }) })
      t.like(problem, { code, headline, hint, saw: said })
      t.false(JSON.stringify(problem).includes('s3cret'))
    })
  }
}

test('what a registry says at great length is cut, and cannot steer a terminal', t => {
  const { code, saw = '' } = pushProblem(`denied: \u001b[2J\r${'repository '.repeat(90_000)}the end`, request)
  t.is(code, 'registry-denied')
  t.regex(saw, /^denied: \\u\{1b\}\[2J\\u\{d\}repository .* \(\d+ more\) .* the end$/)
  t.true(saw.length < 5000)
})

test('a name in the words is not taken for what they say', t => {
  const repository = 'quota/denied-certificate'
  const reference = { ...request.reference, repository }
  for (const [words, code] of [
    [
      `Head "https://quay.io/v2/${repository}/blobs/sha256:429": no basic auth credentials`,
      'registry-login-failed',
    ],
    [`${repository}: unexpected EOF`, 'registry-unreachable'],
  ] as const) {
    t.is(pushProblem(words, { ...request, reference }).code, code)
  }
})

test('each cause has a sentence of its own that speaks of a push', t => {
  const headlines = new Set(CASES.map(({ headline }) => headline))
  t.is(headlines.size, CASES.length - 1)
  for (const headline of headlines) t.regex(headline, /\bpush\b/)
})

test('progress tells layers and percent, and is silent while nothing changes', t => {
  const progress = pushProgress()
  const read = (id: string, status: string, current?: number) =>
    progress.read({
      status,
      id,
      progressDetail: current === undefined ? {} : { current, total: 1_000_000 },
    })
  t.is(progress.read({ status: 'The push refers to repository [quay.io/acme/shop]' }), null)
  t.is(read('a', 'Preparing'), 'Pushing 0 of 1 layers, 0%')
  t.is(read('b', 'Preparing'), 'Pushing 0 of 2 layers, 0%')
  t.is(read('b', 'Waiting'), null)
  t.is(read('c', 'Layer already exists'), 'Pushing 1 of 3 layers, 0%')
  t.is(read('a', 'Pushing', 500_000), 'Pushing 1 of 3 layers, 50%')
  t.is(read('a', 'Pushing', 500_001), null)
  t.is(read('b', 'Pushing', 0), 'Pushing 1 of 3 layers, 25%')
  t.is(read('a', 'Pushing', 1_000_512), 'Pushing 1 of 3 layers, 50%')
  t.is(read('a', 'Pushed'), 'Pushing 2 of 3 layers, 50%')
  t.is(read('d', 'Mounted from acme/base'), 'Pushing 3 of 4 layers, 50%')
  t.is(read('b', 'Pushed'), 'Pushing 4 of 4 layers, 100%')
  t.is(progress.summary(), 'Pushed 2 layers (2 were there already), 2.0 MB')
})

test('a registry that fails is told while the engine waits, with the percentage that is left', t => {
  const progress = pushProgress()
  progress.read({ status: 'Pushing', id: 'a', progressDetail: { current: 9, total: 10 } })
  t.is(
    progress.read({ status: 'Retrying in 5 seconds', id: 'a' }),
    'Pushing 0 of 1 layers, 0%, the registry failed and is tried again',
  )
  t.is(progress.read({ status: 'Retrying in 4 seconds', id: 'a' }), null)
  t.is(
    progress.read({ status: 'Pushing', id: 'a', progressDetail: { current: 1, total: 10 } }),
    'Pushing 0 of 1 layers, 10%',
  )
})

test('the digest is the one that the engine was told, and nothing else that looks like one', t => {
  const progress = pushProgress()
  const digest = `sha256:${'a'.repeat(64)}`
  progress.read({ status: `v1: digest: ${digest} size: 5` })
  progress.read({ aux: { Digest: 'sha256:12' } })
  progress.read({ aux: {} })
  t.is(progress.digest, null)
  progress.read({ aux: { Digest: digest } })
  t.is(progress.digest, digest)
})

test('an image whose layers were all there is told so', t => {
  const progress = pushProgress()
  progress.read({ status: 'Layer already exists', id: 'a' })
  t.is(progress.summary(), 'Nothing to push: every layer was there already')
})
