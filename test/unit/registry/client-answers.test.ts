// The client against a scripted registry: everything that the real one does not say.
import { createHash } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type RegistryClientOptions, registryClient } from '../../../src/registry/client.ts'
import { caughtProblem, withText } from '../../support/caught-problem.ts'
import { makeCertificate, type TestCertificate } from '../../support/certificate.ts'
import {
  errorBody,
  type FakeAnswer,
  type FakeRequest,
  startFakeRegistry,
} from '../../support/fake-registry.ts'

const AMD64 = { os: 'linux', architecture: 'amd64' }
const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const OTHER_IMAGE = '`fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or the FROM line of the Dockerfile)'
const ASKED = 'Repository acme/shop was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).'

type Script = (request: FakeRequest) => FakeAnswer

async function fake(t: ExecutionContext, script: Script, certificate?: TestCertificate) {
  const server = await startFakeRegistry(script, certificate)
  t.teardown(() => server.stop())
  return server
}

function login(host: string): RegistryAuth {
  return {
    host,
    path: '',
    kind: 'password',
    username: 'robot',
    password: new Secret('hunter2'),
    source: 'APTIBLE_PRIVATE_REGISTRY_*',
  }
}

/** Asks for acme/shop:v1, with a login unless told otherwise. */
function ask(
  host: string,
  options: RegistryClientOptions & { anonymous?: boolean; image?: string; signal?: AbortSignal } = {},
) {
  const reference = parseImageReference(`${host}/${options.image ?? 'acme/shop:v1'}`)
  const auth = options.anonymous ? null : login(host)
  const signal = options.signal ?? new AbortController().signal
  return registryClient(options).resolve(reference, auth, AMD64, signal)
}

async function problemFor(
  t: ExecutionContext,
  script: Script,
  options: Parameters<typeof ask>[1] = {},
  certificate?: TestCertificate,
) {
  const { host } = await fake(t, script, certificate)
  return withText(await caughtProblem(ask(host, options)), host, 'HOST')
}

const sha256 = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

function manifestAnswer(content: Buffer, type = INDEX): FakeAnswer {
  return {
    status: 200,
    headers: { 'content-type': type, 'docker-content-digest': sha256(content) },
    body: content,
  }
}

function indexOf(...platforms: object[]): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: platforms.map(platform => ({ digest: `sha256:${'a'.repeat(64)}`, size: 1, platform })),
  })
}

const unauthorised: FakeAnswer = {
  status: 401,
  headers: { 'www-authenticate': 'Basic realm="fake"' },
  body: errorBody('UNAUTHORIZED', 'log in'),
}

test('a forbidden repository is denied to this user', async t => {
  const script: Script = it =>
    it.authorization ? { status: 403, body: errorBody('DENIED', 'requested access is denied') } : unauthorised
  t.deepEqual(await problemFor(t, script), {
    code: 'registry-denied',
    headline: 'HOST does not let user robot read the image HOST/acme/shop:v1',
    saw: `It answered 403 Forbidden, DENIED: requested access is denied. ${ASKED}`,
    hint: `Let this user read acme/shop at HOST, or set another with \`fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…\`. Some registries answer the same for a repository that does not exist: if the name is wrong, correct it with ${OTHER_IMAGE}. \`fairlead registry:explain HOST/acme/shop:v1\` shows which credential was offered to whom.`,
  })
})

test('what is forbidden to nobody in particular wants a login', async t => {
  const script: Script = () => ({ status: 403, body: errorBody('DENIED', 'no') })
  t.is((await problemFor(t, script, { anonymous: true })).code, 'registry-login-required')
})

test('a refusal that came before any login is not blamed on the user', async t => {
  const script: Script = () => ({ status: 403, body: errorBody('DENIED', 'no') })
  const problem = await problemFor(t, script)
  t.is(problem.code, 'registry-failed')
  t.is(problem.saw, `It answered 403 Forbidden, DENIED: no, and does not say how to log in. ${ASKED}`)
})

test('a rate limit is named with the seconds to wait, and the registry is left alone', async t => {
  const limit: FakeAnswer = {
    status: 429,
    headers: { 'retry-after': '120' },
    body: errorBody('TOOMANYREQUESTS', 'x'),
  }
  const server = await fake(t, () => limit)
  t.deepEqual(withText(await caughtProblem(ask(server.host)), server.host, 'HOST'), {
    code: 'registry-rate-limited',
    headline:
      'HOST limits how often it may be asked, and does not answer for the image HOST/acme/shop:v1 now',
    saw: `It answered 429 Too Many Requests. Retry-After: 120 s. ${ASKED}`,
    hint: 'Push again in 120 s. To ask as another user, run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`.',
  })
  t.is(server.requests.length, 1)
})

test('who asks without a login is told that a login raises the limit', async t => {
  const problem = await problemFor(t, () => ({ status: 429 }), { anonymous: true })
  t.is(problem.code, 'registry-rate-limited')
  t.is(
    problem.hint,
    'Push again later. Registries let known users ask more often: store a login with `fairlead registry:login HOST --username USER --password-stdin`, or set APTIBLE_PRIVATE_REGISTRY_HOST=HOST, APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD with `fairlead config:set`.',
  )
})

test('a registry that fails is said to have failed', async t => {
  const script: Script = () => ({ status: 503, body: errorBody('UNAVAILABLE', 'storage is away') })
  t.deepEqual(await problemFor(t, script), {
    code: 'registry-failed',
    headline: 'HOST failed when it was asked for the image HOST/acme/shop:v1',
    saw: `It answered 503 Service Unavailable, UNAVAILABLE: storage is away. ${ASKED}`,
    hint: 'Push again later; if it stays, ask whoever runs HOST.',
  })
})

for (const status of [200, 404]) {
  test(`a web page with status ${status} does not look like a registry, and is not repeated`, async t => {
    const script: Script = () => ({
      status,
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: '<html>Welcome to the intranet</html>',
    })
    t.deepEqual(await problemFor(t, script), {
      code: 'registry-failed',
      headline:
        'HOST does not look like a registry: asked for the image HOST/acme/shop:v1, it answered something else',
      saw: `It answered ${status} ${status === 200 ? 'OK' : 'Not Found'}, a page of text/html. ${ASKED}`,
      hint: `Check the host in the name of the image, and correct it with ${OTHER_IMAGE}.`,
    })
  })
}

test('a registry’s words cannot steer the terminal or fill it', async t => {
  const message = `\x1b[2J\u202eevil\r\nremote: done${'x'.repeat(5000)}`
  const problem = await problemFor(t, () => ({ status: 500, body: errorBody('UNKNOWN', message) }))
  t.true(problem.saw?.startsWith('It answered 500 Internal Server Error, UNKNOWN: ?[2J?evil remote: donexxx'))
  t.true((problem.saw?.length ?? 0) < 500)
})

test('a registry that repeats the login does not get it shown', async t => {
  const script: Script = it =>
    it.authorization ? { status: 500, body: errorBody('ECHO', `${it.authorization} hunter2`) } : unauthorised
  t.is(
    (await problemFor(t, script)).saw,
    `It answered 500 Internal Server Error, ECHO: Basic [redacted] [redacted]. ${ASKED}`,
  )
})

test('a hidden repository that nobody may see wants a login', async t => {
  const tokens = await fake(t, () => ({ status: 200, body: { token: 'for-nobody' } }))
  const script: Script = it =>
    it.authorization
      ? { status: 404, body: errorBody('NAME_UNKNOWN', 'no such thing') }
      : { status: 401, headers: { 'www-authenticate': `Bearer realm="${tokens.url}/token"` } }
  t.is((await problemFor(t, script, { anonymous: true })).code, 'registry-login-required')
})

test('a token is fetched for this repository and this one only, and used', async t => {
  const index = indexOf(AMD64)
  const tokens = await fake(t, () => ({ status: 200, body: { access_token: 'the-token' } }))
  const challenge = `Bearer realm="${tokens.url}/token?x=1",service="reg",scope="repository:acme/shop:pull,push,delete"`
  const registry = await fake(t, it =>
    it.authorization === 'Bearer the-token'
      ? manifestAnswer(index)
      : { status: 401, headers: { 'www-authenticate': challenge } },
  )
  t.deepEqual(await ask(registry.host), { digest: sha256(index), mediaType: INDEX })
  const [request] = tokens.requests
  t.deepEqual(Object.fromEntries(request?.query ?? []), {
    x: '1',
    service: 'reg',
    scope: 'repository:acme/shop:pull',
  })
  t.is(request?.authorization, `Basic ${btoa('robot:hunter2')}`)
  t.is(tokens.requests.length, 1)
})

const fromLoginService: [string, FakeAnswer, string, string][] = [
  [
    'refuses the password',
    { status: 401, body: { details: 'incorrect username or password' } },
    'registry-login-failed',
    'answered 401 Unauthorized, incorrect username or password.',
  ],
  [
    'gives this user nothing',
    { status: 403, body: errorBody('DENIED', 'denied') },
    'registry-denied',
    'answered 403 Forbidden, DENIED: denied.',
  ],
  [
    'is asked too often',
    { status: 429, headers: { 'retry-after': '7' } },
    'registry-rate-limited',
    'answered 429 Too Many Requests. Retry-After: 7 s.',
  ],
  ['fails', { status: 500 }, 'registry-failed', 'answered 500 Internal Server Error.'],
  ['gives no token', { status: 200, body: {} }, 'registry-failed', 'gave no token.'],
  [
    'gives a token that would split the header',
    { status: 200, body: { token: 'a\r\nX: b' } },
    'registry-failed',
    'gave no token.',
  ],
]
for (const [what, answer, code, saw] of fromLoginService) {
  test(`a login service that ${what} is told as ${code}`, async t => {
    const tokens = await fake(t, () => answer)
    const challenge = { 'www-authenticate': `Bearer realm="${tokens.url}/token"` }
    const problem = await problemFor(t, () => ({ status: 401, headers: challenge }))
    t.is(problem.code, code)
    t.true(problem.saw?.startsWith(`Its login service ${tokens.host} ${saw}`), problem.saw)
  })
}

test('a token that does not reach far enough is a denial', async t => {
  const tokens = await fake(t, () => ({ status: 200, body: { token: 'weak' } }))
  const challenge = { 'www-authenticate': `Bearer realm="${tokens.url}/token",error="insufficient_scope"` }
  t.is((await problemFor(t, () => ({ status: 401, headers: challenge }))).code, 'registry-denied')
})

test('a connection that is cut is an unreachable registry', async t => {
  t.deepEqual(await problemFor(t, () => 'cut'), {
    code: 'registry-unreachable',
    headline: 'HOST could not be asked for the image HOST/acme/shop:v1',
    saw: 'HOST cut the connection (ECONNRESET). It was asked at http://HOST for repository acme/shop as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
    hint: 'Push again when HOST answers; if that is not its name, correct the host with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or in the FROM line of the Dockerfile).',
  })
})

test('a manifest that is cut in its middle is an unreachable registry', async t => {
  const index = indexOf(AMD64)
  const problem = await problemFor(t, it => (it.method === 'HEAD' ? manifestAnswer(index) : 'cut-body'))
  t.is(problem.code, 'registry-unreachable')
  t.true(problem.saw?.startsWith('HOST cut the connection'), problem.saw)
})

test('nobody on that port is an unreachable registry', async t => {
  const server = await startFakeRegistry(() => 'hang')
  await server.stop()
  const problem = await caughtProblem(ask(server.host))
  t.is(problem.code, 'registry-unreachable')
  t.true(problem.saw?.startsWith(`${server.host} refuses the connection (ECONNREFUSED).`), problem.saw)
})

test('a host name that does not exist is an unreachable registry', async t => {
  const problem = await caughtProblem(ask('registry.invalid'))
  t.is(problem.code, 'registry-unreachable')
  t.regex(
    problem.saw ?? '',
    /^The name registry\.invalid (?:is not known \(ENOTFOUND\)|could not be looked up \(EAI_AGAIN\))\. /,
  )
})

test('a registry that never answers is unreachable when the deadline is over', async t => {
  const problem = await problemFor(t, () => 'hang', { deadline: 300 })
  t.is(problem.code, 'registry-unreachable')
  t.true(problem.saw?.startsWith('HOST gave no answer within 0.3 s. '), problem.saw)
})

test('an abort ends the question at once, with its own reason', async t => {
  const abort = new AbortController()
  const reason = new Error('the pusher left')
  const { host } = await fake(t, () => {
    abort.abort(reason)
    return 'hang'
  })
  t.is(await t.throwsAsync(ask(host, { signal: abort.signal })), reason)
  t.is(await t.throwsAsync(ask(host, { signal: abort.signal })), reason)
})

test('something that does not speak HTTP does not look like a registry', async t => {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.end('SSH-2.0-OpenSSH_9.2\r\n')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const problem = await caughtProblem(ask(host))
  t.is(problem.code, 'registry-failed')
  t.true(problem.saw?.startsWith(`${host} does not answer in HTTP (HPE_`), problem.saw)
})

test('a certificate that nobody vouches for is a Problem of TLS, and the login stays here', async t => {
  const registry = await fake(t, () => unauthorised, makeCertificate('IP:127.0.0.1'))
  t.deepEqual(withText(await caughtProblem(ask(registry.host)), registry.host, 'HOST'), {
    code: 'registry-tls',
    headline: 'No safe connection to HOST for the image HOST/acme/shop:v1: its certificate is self-signed',
    saw: 'TLS with HOST failed (DEPTH_ZERO_SELF_SIGNED_CERT). It was asked at https://HOST for repository acme/shop as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
    hint: 'Ask whoever runs HOST for a certificate that is trusted everywhere, or an operator of the gateway to trust its authority; if that is not its name, correct the host with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or in the FROM line of the Dockerfile).',
  })
  t.is(registry.requests.length, 0)
})

test('a certificate for another name is a Problem of TLS', async t => {
  const certificate = makeCertificate('DNS:other.example')
  const problem = await problemFor(t, () => unauthorised, { trustedCa: certificate.cert }, certificate)
  t.is(problem.code, 'registry-tls')
  t.true(problem.headline.endsWith('its certificate is for another name'), problem.headline)
})

test('an authority that the operator trusts is trusted', async t => {
  const certificate = makeCertificate('IP:127.0.0.1')
  const index = indexOf(AMD64)
  const registry = await fake(t, () => manifestAnswer(index), certificate)
  const resolved = await ask(registry.host, { trustedCa: certificate.cert })
  t.is(resolved.digest, sha256(index))
})

test('attestations in an index are no platform, and variants do not matter', async t => {
  const index = indexOf(
    { os: 'unknown', architecture: 'unknown' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
    { os: 'windows', architecture: 'amd64' },
  )
  const problem = await problemFor(t, () => manifestAnswer(index))
  t.is(problem.code, 'platform-mismatch')
  t.true(problem.saw?.startsWith('Platforms it has at HOST: linux/arm/v7, windows/amd64. '), problem.saw)

  const variant = indexOf({ os: 'linux', architecture: 'amd64', variant: 'v2' })
  const { host } = await fake(t, () => manifestAnswer(variant))
  t.is((await ask(host)).digest, sha256(variant))
})

test('an index that does not name its platforms, or names them with junk, is left to the engine', async t => {
  for (const platform of [{}, { os: 'linux', architecture: '\x1b[31m' }]) {
    const index = indexOf(platform)
    const { host } = await fake(t, () => manifestAnswer(index))
    t.is((await ask(host)).digest, sha256(index))
  }
})

test('a configuration that is not what its digest says counts for nothing', async t => {
  const config = json({ os: 'linux', architecture: 'arm64' })
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { digest: sha256(config), size: 10 },
  })
  const honest: Script = it =>
    it.path.includes('/blobs/') ? { status: 200, body: config } : manifestAnswer(manifest, MANIFEST)
  const lying: Script = it =>
    it.path.includes('/blobs/')
      ? { status: 200, body: json({ os: 'linux', architecture: 'mips' }) }
      : manifestAnswer(manifest, MANIFEST)
  t.is((await problemFor(t, honest)).code, 'platform-mismatch')
  const { host } = await fake(t, lying)
  t.is((await ask(host)).digest, sha256(manifest))
})

test('a manifest that is not what its digest says is refused', async t => {
  const digest = sha256(indexOf(AMD64))
  const script: Script = () => ({
    status: 200,
    headers: { 'content-type': INDEX, 'docker-content-digest': digest },
    body: indexOf({ os: 'linux', architecture: 'evil' }),
  })
  const problem = await problemFor(t, script)
  t.is(problem.code, 'registry-failed')
  t.true(problem.saw?.startsWith('It sent a manifest that is not the one its digest names (sha256:'))
})

test('a pinned digest is never answered by another', async t => {
  const script: Script = () => manifestAnswer(indexOf(AMD64))
  const problem = await problemFor(t, script, { image: `acme/shop@sha256:${'b'.repeat(64)}` })
  t.is(problem.code, 'registry-failed')
  t.regex(
    problem.saw ?? '',
    /^It answered with sha256:[0-9a-f]{64}, which is not the digest that was asked for\. /,
  )
})

test('a digest that is none is not believed: the content is hashed', async t => {
  const index = indexOf(AMD64)
  const script: Script = () => ({
    status: 200,
    headers: { 'content-type': INDEX, 'docker-content-digest': 'sha256:../../etc' },
    body: index,
  })
  const { host } = await fake(t, script)
  t.is((await ask(host)).digest, sha256(index))
})

test('a tag that moves while it is asked about is answered with one manifest, not a mixture', async t => {
  const [before, after] = [indexOf(AMD64), indexOf({ os: 'linux', architecture: 'arm64' })]
  const script: Script = it => {
    if (it.method === 'HEAD') return manifestAnswer(before)
    return manifestAnswer(it.path.endsWith(sha256(before)) ? before : after)
  }
  const { host } = await fake(t, script)
  t.is((await ask(host)).digest, sha256(before))
})

test('a client that knows one image still looks at the platforms of the next', async t => {
  const [good, bad] = [indexOf(AMD64), indexOf({ os: 'linux', architecture: 'arm64' })]
  const { host } = await fake(t, it =>
    manifestAnswer(it.path.includes('/bad/') || it.path.endsWith(sha256(bad)) ? bad : good),
  )
  const client = registryClient()
  const resolve = (image: string) =>
    client.resolve(parseImageReference(`${host}/${image}`), null, AMD64, new AbortController().signal)
  t.is((await resolve('acme/good')).digest, sha256(good))
  t.is((await caughtProblem(resolve('acme/bad/shop'))).code, 'platform-mismatch')
})

test('a manifest without end is not read to its end', async t => {
  const head = manifestAnswer(indexOf(AMD64))
  const script: Script = it =>
    it.method === 'HEAD'
      ? head
      : { status: 200, headers: { 'content-type': INDEX }, body: Buffer.alloc(5 * 1024 * 1024, ' ') }
  const problem = await problemFor(t, script)
  t.is(problem.code, 'registry-failed')
  t.true(problem.saw?.startsWith('Its manifest is larger than 4194304 bytes. '), problem.saw)
})

test('a registry without HEAD is asked with GET', async t => {
  const index = indexOf(AMD64)
  const { host } = await fake(t, it => (it.method === 'HEAD' ? { status: 405 } : manifestAnswer(index)))
  t.is((await ask(host)).digest, sha256(index))
})

test('many tags are cut short, and junk among them is left out', async t => {
  const tags = ['\x1b[31mred', 7, ...Array.from({ length: 30 }, (_, i) => `v${i}`)]
  const script: Script = it =>
    it.path.endsWith('/tags/list')
      ? { status: 200, body: { name: 'acme/shop', tags } }
      : { status: 404, body: errorBody('MANIFEST_UNKNOWN', 'unknown') }
  const problem = await problemFor(t, script, { image: 'acme/shop:w' })
  t.is(problem.saw?.split('\n')[1], 'Tags it has: v0, v1, v2, v3, v4, v5, v6, v7 and 22 more.')
})

test('a registry that does not list its tags still says which one is missing', async t => {
  const script: Script = it =>
    it.path.endsWith('/tags/list')
      ? { status: 401, body: errorBody('UNAUTHORIZED', 'no listing') }
      : { status: 404, body: errorBody('MANIFEST_UNKNOWN', 'unknown') }
  const problem = await problemFor(t, script)
  t.is(problem.code, 'tag-not-found')
  t.true(problem.hint.includes('APTIBLE_DOCKER_IMAGE=HOST/acme/shop:TAG`'), problem.hint)
})
