// A hostile registry tries to have our login sent elsewhere. Every server here records each Authorization header it gets.
import test, { type ExecutionContext } from 'ava'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type RegistryClientOptions, registryClient } from '../../../src/registry/client.ts'
import { caughtProblem } from '../../support/caught-problem.ts'
import { makeCertificate, type TestCertificate } from '../../support/certificate.ts'
import { type FakeAnswer, type FakeRequest, startFakeRegistry } from '../../support/fake-registry.ts'

const INDEX = 'application/vnd.oci.image.index.v1+json'
const LOGIN = `Basic ${btoa('robot:hunter2')}`
const BASIC: FakeAnswer = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }

async function fake(
  t: ExecutionContext,
  script: (request: FakeRequest) => FakeAnswer,
  certificate?: TestCertificate,
) {
  const server = await startFakeRegistry(script, certificate)
  t.teardown(() => server.stop())
  return server
}

function ask(host: string, options: RegistryClientOptions = {}, authHost = host) {
  const auth: RegistryAuth = {
    host: authHost,
    path: '',
    kind: 'password',
    username: 'robot',
    password: new Secret('hunter2'),
    source: 'test',
  }
  const platform = { os: 'linux', architecture: 'amd64' }
  const { signal } = new AbortController()
  return registryClient(options).resolve(parseImageReference(`${host}/acme/shop:v1`), auth, platform, signal)
}

const image: FakeAnswer = {
  status: 200,
  headers: { 'content-type': INDEX },
  body: { mediaType: INDEX, manifests: [] },
}
const redirect = (location: string): FakeAnswer => ({ status: 307, headers: { location } })
const bearer = (realm: string): FakeAnswer => ({
  status: 401,
  headers: { 'www-authenticate': `Bearer realm="${realm}"` },
})

test('the login goes to the registry that asked for it', async t => {
  const registry = await fake(t, it => (it.authorization ? { status: 500 } : BASIC))
  await caughtProblem(ask(registry.host))
  t.true(registry.authorizations().length > 0)
  t.deepEqual(new Set(registry.authorizations()), new Set([LOGIN]))
})

test('nothing of a login goes out before it is asked for', async t => {
  const registry = await fake(t, () => ({ status: 500 }))
  await caughtProblem(ask(registry.host))
  t.true(registry.requests.length > 0)
  t.deepEqual(registry.authorizations(), [])
})

test('a redirect to another host carries no login, not even after one was given', async t => {
  const other = await fake(t, () => image)
  const registry = await fake(t, it => (it.authorization ? redirect(`${other.url}/steal`) : BASIC))
  await caughtProblem(ask(registry.host))
  t.true(other.requests.length > 0)
  t.deepEqual(other.authorizations(), [])
})

test('another host that was redirected to is not given a login when it asks for one', async t => {
  const other = await fake(t, () => BASIC)
  const registry = await fake(t, () => redirect(`${other.url}/v2/acme/shop/manifests/v1`))
  const problem = await caughtProblem(ask(registry.host))
  t.is(problem.code, 'registry-failed')
  t.true(problem.saw?.startsWith(`It redirects to ${other.url}. It answered 401 Unauthorized. `), problem.saw)
  t.deepEqual(other.authorizations(), [])
})

test('another host that was redirected to cannot name a login service either', async t => {
  const tokens = await fake(t, () => ({ status: 200, body: { token: 'x' } }))
  const other = await fake(t, () => bearer(`${tokens.url}/token`))
  const registry = await fake(t, () => redirect(`${other.url}/v2/acme/shop/manifests/v1`))
  await caughtProblem(ask(registry.host))
  t.true(other.requests.length > 0)
  t.deepEqual(tokens.requests, [])
})

test('a token does not follow a redirect to another host', async t => {
  const other = await fake(t, () => image)
  const tokens = await fake(t, () => ({ status: 200, body: { token: 'precious' } }))
  const registry = await fake(t, it =>
    it.authorization ? redirect(`${other.url}/steal`) : bearer(`${tokens.url}/token`),
  )
  await caughtProblem(ask(registry.host))
  t.true(other.requests.length > 0)
  t.deepEqual(other.authorizations(), [])
})

test('a redirect within the registry keeps the login', async t => {
  const registry = await fake(t, it => {
    if (it.path === '/moved') return it.authorization === LOGIN ? image : { status: 500 }
    return it.authorization ? redirect('/moved') : BASIC
  })
  t.is((await caughtProblem(ask(registry.host))).code, 'platform-mismatch')
})

test('a login service that redirects is not followed', async t => {
  const other = await fake(t, () => ({ status: 200, body: { token: 'x' } }))
  const tokens = await fake(t, () => redirect(`${other.url}/token`))
  const registry = await fake(t, () => bearer(`${tokens.url}/token`))
  const problem = await caughtProblem(ask(registry.host))
  t.is(problem.code, 'registry-failed')
  t.true(
    problem.saw?.startsWith(`Its login service ${tokens.host} answered 307 Temporary Redirect. `),
    problem.saw,
  )
  t.deepEqual(other.requests, [])
})

test('the token of a login service is all the registry gets', async t => {
  const tokens = await fake(t, () => ({ status: 200, body: { token: 'short-lived' } }))
  const registry = await fake(t, it => (it.authorization ? image : bearer(`${tokens.url}/token`)))
  await caughtProblem(ask(registry.host))
  t.deepEqual(new Set(registry.authorizations()), new Set(['Bearer short-lived']))
  t.deepEqual(tokens.authorizations(), [LOGIN])
})

for (const realm of [
  'http://login.example/token',
  'ftp://127.0.0.1/token',
  'https://a:b@login.example/',
  'nonsense:',
]) {
  test(`the login service ${realm} is not spoken to`, async t => {
    const registry = await fake(t, () => bearer(realm))
    const problem = await caughtProblem(ask(registry.host))
    t.is(problem.code, 'registry-failed')
    t.is(
      problem.headline,
      `${registry.host} cannot be asked for the image ${registry.host}/acme/shop:v1: it refers to an address that is not safe to use`,
    )
    t.regex(problem.saw ?? '', /^It names \S+ as its login service\. No login was sent there\. /)
    t.false(problem.saw?.includes('a:b'))
    t.is(
      problem.hint,
      `Ask whoever runs ${registry.host} to name addresses that begin with https://, or correct the host with \`fairlead config:set APTIBLE_DOCKER_IMAGE=…\` (or the FROM line of the Dockerfile).`,
    )
    t.deepEqual(registry.authorizations(), [])
  })
}

test('a registry with TLS cannot have the login sent over plain HTTP, not even on loopback', async t => {
  const certificate = makeCertificate('IP:127.0.0.1')
  const plain = await fake(t, () => ({ status: 200, body: { token: 'x' } }))
  const registry = await fake(t, () => bearer(`${plain.url}/token`), certificate)
  const problem = await caughtProblem(ask(registry.host, { trustedCa: certificate.cert }))
  t.is(problem.code, 'registry-failed')
  t.deepEqual(plain.requests, [])
})

test('a registry with TLS cannot redirect to plain HTTP', async t => {
  const certificate = makeCertificate('IP:127.0.0.1')
  const plain = await fake(t, () => image)
  const registry = await fake(t, it => (it.authorization ? redirect(plain.url) : BASIC), certificate)
  const problem = await caughtProblem(ask(registry.host, { trustedCa: certificate.cert }))
  t.true(problem.saw?.startsWith(`It redirects to ${plain.url}. No login was sent there. `), problem.saw)
  t.deepEqual(plain.requests, [])
})

test('a registry that redirects for ever is given up', async t => {
  const registry = await fake(t, () => redirect('/again'))
  const problem = await caughtProblem(ask(registry.host))
  t.true(problem.saw?.startsWith('It redirects more than 3 times. '), problem.saw)
  t.is(registry.requests.length, 4)
})

test('a credential for another host is refused before anything is sent', async t => {
  const registry = await fake(t, () => BASIC)
  t.is((await caughtProblem(ask(registry.host, {}, 'quay.io'))).code, 'registry-host-mismatch')
  t.deepEqual(registry.requests, [])
})

test('the log never holds a login or a token', async t => {
  const lines: string[] = []
  const tokens = await fake(t, () => ({ status: 200, body: { token: 'precious' } }))
  const registry = await fake(t, it => (it.authorization ? image : bearer(`${tokens.url}/token`)))
  const log = { debug: (fields: object, message: string) => lines.push(JSON.stringify([fields, message])) }
  await caughtProblem(ask(registry.host, { log }))
  t.true(lines.length > 2)
  for (const secret of ['hunter2', btoa('robot:hunter2'), 'precious']) t.false(lines.join().includes(secret))
})
