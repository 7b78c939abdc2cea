// A login is checked at the door of its registry, and no image is named in what is said about it.
import test, { type ExecutionContext } from 'ava'
import { registryClient } from '../../../src/registry/client.ts'
import {
  BASIC_CHALLENGE,
  bearerChallenge,
  checkLogin,
  fakeRegistry,
  passwordFor,
} from '../../support/ask-registry.ts'
import { caughtProblem, withText } from '../../support/caught-problem.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { errorBody, type FakeAnswer, type FakeRequest } from '../../support/fake-registry.ts'
import { startRegistry } from '../../support/registry.ts'

const LOGIN = `Basic ${btoa('robot:hunter2')}`
const ASKED = 'It was asked as user robot (test).'

async function problemFor(
  t: ExecutionContext,
  script: (request: FakeRequest) => FakeAnswer,
  deadline = 30_000,
) {
  const registry = await fakeRegistry(t, script)
  const problem = await caughtProblem(checkLogin(passwordFor(registry.host), { deadline }))
  return withText(problem, registry.host, 'HOST')
}

/** Wants Basic, then gives this answer. */
const afterLogin = (answer: FakeAnswer) => (it: FakeRequest) => (it.authorization ? answer : BASIC_CHALLENGE)

test('the real registry accepts the right password and refuses a wrong one', async t => {
  const registry = await startRegistry({ username: 'robot', password: 'hunter2' })
  t.teardown(() => registry.stop())
  await t.notThrowsAsync(checkLogin(passwordFor(registry.host)))
  const problem = await caughtProblem(checkLogin(passwordFor(registry.host, 'wrong')))
  t.deepEqual(withText(problem, registry.host, 'HOST'), {
    code: 'registry-login-failed',
    headline: 'HOST refuses the login of user robot',
    saw: `It answered 401 Unauthorized, UNAUTHORIZED: authentication required. ${ASKED}`,
    hint: 'Give a username and password that `docker login HOST` accepts.',
  })
})

test('only /v2/ is asked for, and the login goes out when it is asked for', async t => {
  const registry = await fakeRegistry(t, afterLogin({ status: 200, body: {} }))
  await checkLogin(passwordFor(registry.host))
  t.deepEqual(
    registry.requests.map(({ method, path, authorization }) => [method, path, authorization]),
    [
      ['GET', '/v2/', null],
      ['GET', '/v2/', LOGIN],
    ],
  )
})

test('a token is asked for without scope', async t => {
  const tokens = await fakeRegistry(t, () => ({ status: 200, body: { token: 'short-lived' } }))
  const registry = await fakeRegistry(t, it =>
    it.authorization
      ? { status: 200, body: {} }
      : bearerChallenge(`${tokens.url}/token`, ',scope="repository:acme/shop:pull,push"'),
  )
  await checkLogin(passwordFor(registry.host))
  const [asked] = tokens.requests
  t.like(asked, { method: 'GET', path: '/token', authorization: LOGIN })
  t.is(asked?.query.toString(), 'service=reg')
  t.deepEqual(registry.authorizations(), ['Bearer short-lived'])
})

test('a registry that lets everybody in accepts it unseen', async t => {
  const registry = await fakeRegistry(t, () => ({ status: 200, body: {} }))
  await checkLogin(passwordFor(registry.host))
  t.deepEqual(registry.authorizations(), [])
})

test('a login that is known and not let in is denied', async t => {
  const forbidden = { status: 403, body: errorBody('DENIED', 'suspended') }
  t.deepEqual(await problemFor(t, afterLogin(forbidden)), {
    code: 'registry-denied',
    headline: 'HOST knows the login of user robot, but does not let it in',
    saw: `It answered 403 Forbidden, DENIED: suspended. ${ASKED}`,
    hint: 'Ask whoever runs HOST what user robot may do there, or give the login of another user.',
  })
})

test('a password that has ended is a failed login', async t => {
  const ended = { status: 403, body: errorBody('DENIED', 'Your authorization token has expired.') }
  t.is((await problemFor(t, afterLogin(ended))).code, 'registry-login-failed')
})

for (const status of [401, 403]) {
  test(`a login service that says ${status}, asked for nothing else, refuses the login`, async t => {
    const tokens = await fakeRegistry(t, () => ({ status, body: errorBody('DENIED', 'no') }))
    const problem = await problemFor(t, () => bearerChallenge(`${tokens.url}/token`))
    t.is(problem.code, 'registry-login-failed')
    t.is(problem.headline, 'HOST refuses the login of user robot')
  })
}

test('a rate limit names the time to wait and offers no other login', async t => {
  t.deepEqual(await problemFor(t, () => ({ status: 429, headers: { 'retry-after': '60' } })), {
    code: 'registry-rate-limited',
    headline: 'HOST limits how often it may be asked, and does not answer about the login of user robot now',
    saw: `It answered 429 Too Many Requests. Retry-After: 60 s. ${ASKED}`,
    hint: 'Try again in 60 s.',
  })
})

test('a registry that fails has failed, and the login is not blamed', async t => {
  t.deepEqual(await problemFor(t, () => ({ status: 500 })), {
    code: 'registry-failed',
    headline: 'HOST failed when it was asked about the login of user robot',
    saw: `It answered 500 Internal Server Error. ${ASKED}`,
    hint: 'Try again later; if it stays, ask whoever runs HOST.',
  })
})

for (const [status, words] of [
  [404, '404 Not Found'],
  [200, '200 OK'],
] as const) {
  test(`a web page with ${status} is no registry`, async t => {
    const page = { status, headers: { 'content-type': 'text/html' }, body: '<html>' }
    t.deepEqual(await problemFor(t, () => page), {
      code: 'registry-failed',
      headline:
        'HOST does not look like a registry: asked about the login of user robot, it answered something else',
      saw: `It answered ${words}, a page of text/html. ${ASKED}`,
      hint: 'Check the host: it has to be the one that stands in the names of images, for example quay.io.',
    })
  })
}

test('a registry that cuts the connection, or never answers, is unreachable', async t => {
  t.deepEqual(await problemFor(t, () => 'cut'), {
    code: 'registry-unreachable',
    headline: 'HOST could not be asked about the login of user robot',
    saw: 'HOST cut the connection (ECONNRESET). It was asked at http://HOST as user robot (test).',
    hint: 'Try again when HOST answers; if that is not its name, correct it.',
  })
  const silent = await problemFor(t, () => 'hang', 300)
  t.is(silent.code, 'registry-unreachable')
  t.true(silent.saw?.startsWith('HOST gave no answer within 0.3 s. '), silent.saw)
})

test('a certificate that nobody vouches for keeps the login here', async t => {
  const registry = await fakeRegistry(t, () => BASIC_CHALLENGE, makeCertificate('IP:127.0.0.1'))
  const problem = await caughtProblem(checkLogin(passwordFor(registry.host)))
  t.deepEqual(withText(problem, registry.host, 'HOST'), {
    code: 'registry-tls',
    headline: 'No safe connection to HOST: its certificate is self-signed',
    saw: 'TLS with HOST failed (DEPTH_ZERO_SELF_SIGNED_CERT). It was asked at https://HOST as user robot (test).',
    hint: 'Ask whoever runs HOST for a certificate that is trusted everywhere, or an operator of the gateway to trust its authority; if that is not its name, correct it.',
  })
  t.deepEqual(registry.requests, [])
})

test('a login service at an unsafe address is not spoken to', async t => {
  t.deepEqual(await problemFor(t, () => bearerChallenge('http://login.example/')), {
    code: 'registry-failed',
    headline:
      'HOST cannot be asked about the login of user robot: it refers to an address that is not safe to use',
    saw: `It names http://login.example as its login service. No login was sent there. ${ASKED}`,
    hint: 'Ask whoever runs HOST to name addresses that begin with https://, or check the host.',
  })
})

test('a redirect to another host carries no login', async t => {
  const other = await fakeRegistry(t, () => BASIC_CHALLENGE)
  const problem = await problemFor(t, it =>
    it.authorization ? { status: 307, headers: { location: other.url } } : BASIC_CHALLENGE,
  )
  t.is(problem.code, 'registry-failed')
  t.true(other.requests.length > 0)
  t.deepEqual(other.authorizations(), [])
})

test('an abort ends the check at once, with its own reason', async t => {
  const abort = new AbortController()
  const reason = new Error('the member left')
  const registry = await fakeRegistry(t, () => {
    abort.abort(reason)
    return 'hang'
  })
  const check = () => registryClient().checkLogin(passwordFor(registry.host), abort.signal)
  t.is(await t.throwsAsync(check()), reason)
  t.is(await t.throwsAsync(check()), reason)
  t.is(registry.requests.length, 1)
})
