// An identity token is worth more than a password: nothing but the login service of its own registry may see it.
import { inspect } from 'node:util'
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import {
  askFor,
  BASIC_CHALLENGE,
  bearerChallenge,
  checkLogin,
  fakeRegistry,
  identityTokenFor,
} from '../../support/ask-registry.ts'
import { caughtProblem, withText } from '../../support/caught-problem.ts'
import { errorBody, type FakeAnswer, type FakeRegistry } from '../../support/fake-registry.ts'

const IMAGE = 'acme/shop:v1'
const FORMS = ['identity-7', Buffer.from('identity-7').toString('base64'), btoa('<token>:identity-7')]
const TOKEN: FakeAnswer = { status: 200, body: { access_token: 'short-lived', refresh_token: 'identity-8' } }
const redirect = (status: number, location: string): FakeAnswer => ({ status, headers: { location } })

const ask = (registry: FakeRegistry) =>
  caughtProblem(askFor(`${registry.host}/${IMAGE}`, identityTokenFor(registry.host)))

/** Everything that a server was sent. */
function received(server: FakeRegistry): string {
  const all = server.requests.map(it => [it.method, it.path, it.query.toString(), it.authorization, it.body])
  return JSON.stringify(all)
}

test('the login service gets it in a form, and the registry the short-lived token alone', async t => {
  const tokens = await fakeRegistry(t, () => TOKEN)
  const registry = await fakeRegistry(t, it =>
    it.authorization ? { status: 500 } : bearerChallenge(`${tokens.url}/token?keep=1`),
  )
  await ask(registry)
  const [asked] = tokens.requests
  t.is(tokens.requests.length, 1)
  t.like(asked, { method: 'POST', path: '/token', authorization: null })
  t.is(asked?.query.toString(), 'keep=1')
  t.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), {
    grant_type: 'refresh_token',
    client_id: 'fairlead',
    service: 'reg',
    scope: 'repository:acme/shop:pull',
    refresh_token: 'identity-7',
  })
  t.deepEqual(new Set(registry.authorizations()), new Set(['Bearer short-lived']))
  for (const form of FORMS) t.false(received(registry).includes(form))
})

for (const [source, cure] of [
  [
    'the environment my-env',
    'Store a username and password with `fairlead registry:login HOST --username USER --password-stdin`.',
  ],
  [
    'APTIBLE_PRIVATE_REGISTRY_*',
    'Run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…` with a username and password.',
  ],
] as const) {
  test(`a registry that knows Basic only does not get one of ${source}`, async t => {
    const registry = await fakeRegistry(t, () => BASIC_CHALLENGE)
    const auth = identityTokenFor(registry.host, 'identity-7', source)
    const problem = await caughtProblem(askFor(`${registry.host}/${IMAGE}`, auth))
    t.deepEqual(withText(problem, registry.host, 'HOST'), {
      code: 'registry-login-failed',
      headline: 'HOST takes no identity tokens: the image HOST/acme/shop:v1 could not be asked for with one',
      saw: `It answered 401 Unauthorized and asks for a username and password, so the token was sent nowhere. Repository acme/shop was asked for with an identity token (${source}).`,
      hint: `An identity token is of use only at the registry that gave it, and this one wants a username and password. ${cure} \`fairlead registry:explain HOST/acme/shop:v1\` shows which credential was offered to whom.`,
    })
    t.deepEqual(registry.authorizations(), [])
    for (const form of FORMS) t.false(received(registry).includes(form))
  })
}

test('a check of the login at a registry that knows Basic only does not send it either', async t => {
  const registry = await fakeRegistry(t, () => BASIC_CHALLENGE)
  const problem = await caughtProblem(checkLogin(identityTokenFor(registry.host)))
  t.is(problem.code, 'registry-login-failed')
  t.is(withText(problem, registry.host, 'HOST').headline, 'HOST takes no identity tokens')
  t.deepEqual(registry.authorizations(), [])
})

// 307 and 308 would have the form sent again, body and all.
for (const status of [302, 307, 308]) {
  test(`a login service that redirects with ${status} is not followed`, async t => {
    const other = await fakeRegistry(t, () => TOKEN)
    const tokens = await fakeRegistry(t, () => redirect(status, `${other.url}/token`))
    const registry = await fakeRegistry(t, () => bearerChallenge(`${tokens.url}/token`))
    t.is((await ask(registry)).code, 'registry-failed')
    t.is(tokens.requests.length, 1)
    t.deepEqual(other.requests, [])
  })
}

test('a registry that redirects after the login has neither token sent along', async t => {
  const other = await fakeRegistry(t, () => ({ status: 200 }))
  const tokens = await fakeRegistry(t, () => TOKEN)
  const registry = await fakeRegistry(t, it =>
    it.authorization ? redirect(307, `${other.url}/blob`) : bearerChallenge(`${tokens.url}/token`),
  )
  await ask(registry)
  t.true(other.requests.length > 0)
  t.deepEqual(other.authorizations(), [])
  for (const secret of [...FORMS, 'short-lived']) t.false(received(other).includes(secret))
})

test('a host that was redirected to cannot name a login service', async t => {
  const tokens = await fakeRegistry(t, () => TOKEN)
  const other = await fakeRegistry(t, () => bearerChallenge(`${tokens.url}/token`))
  const registry = await fakeRegistry(t, () => redirect(307, `${other.url}/v2/`))
  await ask(registry)
  t.true(other.requests.length > 0)
  t.deepEqual(tokens.requests, [])
})

for (const realm of ['http://login.example/token', 'https://a:b@login.example/', 'nonsense:']) {
  test(`a login service at ${realm} is not spoken to`, async t => {
    const registry = await fakeRegistry(t, () => bearerChallenge(realm))
    const problem = await ask(registry)
    t.is(problem.code, 'registry-failed')
    t.regex(problem.saw ?? '', /^It names \S+ as its login service\. No login was sent there\. /)
  })
}

test('it is for its own host: no other is asked with it', async t => {
  const registry = await fakeRegistry(t, () => bearerChallenge('https://login.example/'))
  const problem = await caughtProblem(askFor(`${registry.host}/${IMAGE}`, identityTokenFor('quay.io')))
  t.is(problem.code, 'registry-host-mismatch')
  t.deepEqual(registry.requests, [])
})

const refusals: [string, FakeAnswer, string, string][] = [
  [
    'takes it for wrong, as OAuth2 says it',
    { status: 400, body: { error: 'invalid_grant', error_description: 'it was revoked' } },
    'registry-login-failed',
    'answered 400 Bad Request, invalid_grant: it was revoked.',
  ],
  [
    'takes it for wrong, as a registry says it',
    { status: 401, body: errorBody('UNAUTHORIZED', 'no') },
    'registry-login-failed',
    'answered 401 Unauthorized, UNAUTHORIZED: no.',
  ],
  [
    'gives it no right to the repository',
    { status: 403, body: errorBody('DENIED', 'no') },
    'registry-denied',
    'answered 403 Forbidden, DENIED: no.',
  ],
  [
    'gives it no such scope',
    { status: 400, body: { error: 'invalid_scope' } },
    'registry-denied',
    'answered 400 Bad Request, invalid_scope.',
  ],
  [
    'does not know the question',
    { status: 400, body: { error: 'unsupported_grant_type' } },
    'registry-login-failed',
    'answered 400 Bad Request, unsupported_grant_type.',
  ],
  [
    'is a page for people',
    { status: 405, body: '' },
    'registry-login-failed',
    'answered 405 Method Not Allowed.',
  ],
  [
    'cannot read the question',
    { status: 400, body: { error: 'invalid_request' } },
    'registry-failed',
    'answered 400 Bad Request, invalid_request.',
  ],
  [
    'is asked too often',
    { status: 429, headers: { 'retry-after': '7' } },
    'registry-rate-limited',
    'answered 429 Too Many Requests. Retry-After: 7 s.',
  ],
  ['fails', { status: 500 }, 'registry-failed', 'answered 500 Internal Server Error.'],
]
for (const [what, answer, code, saw] of refusals) {
  test(`a login service that ${what} is told as ${code}`, async t => {
    const tokens = await fakeRegistry(t, () => answer)
    const registry = await fakeRegistry(t, () => bearerChallenge(`${tokens.url}/token`))
    const problem = await ask(registry)
    t.is(problem.code, code)
    t.true(problem.saw?.startsWith(`Its login service ${tokens.host} ${saw}`), problem.saw)
  })
}

test('a login service that repeats it does not get it shown', async t => {
  const tokens = await fakeRegistry(t, ({ body }) => ({ status: 500, body: errorBody('ECHO', body) }))
  const registry = await fakeRegistry(t, () => bearerChallenge(`${tokens.url}/token`))
  t.regex((await ask(registry)).saw ?? '', /refresh_token=\[redacted\]/)
})

test('the log names the login service, and holds neither token', async t => {
  const lines: string[] = []
  const log = { debug: (fields: object, message: string) => lines.push(JSON.stringify([fields, message])) }
  const tokens = await fakeRegistry(t, () => TOKEN)
  const registry = await fakeRegistry(t, it =>
    it.authorization ? { status: 500 } : bearerChallenge(`${tokens.url}/token`),
  )
  await caughtProblem(askFor(`${registry.host}/${IMAGE}`, identityTokenFor(registry.host), { log }))
  t.true(lines.some(line => line.includes('"POST"') && line.includes(tokens.host)))
  for (const secret of [...FORMS, 'short-lived', 'identity-8']) t.false(lines.join().includes(secret))
})

for (const cut of ['cut', 'cut-body'] as const) {
  test(`neither error, cause nor log holds it when the login service ends with ${cut}`, async t => {
    const tokens = await fakeRegistry(t, () => cut)
    const registry = await fakeRegistry(t, () => bearerChallenge(`${tokens.url}/token`))
    const lines: string[] = []
    const log = { debug: (fields: object, message: string) => lines.push(JSON.stringify([fields, message])) }
    const auth = identityTokenFor(registry.host)
    const error = await t.throwsAsync(askFor(`${registry.host}/${IMAGE}`, auth, { log }), {
      instanceOf: Problem,
    })
    t.is(error.code, 'registry-unreachable')
    t.true(error.saw?.startsWith(`${tokens.host} cut the connection (ECONNRESET). `), error.saw)
    t.true(lines.length > 0)
    const everything = inspect(error, { depth: 12, showHidden: true }) + lines.join()
    for (const form of FORMS) t.false(everything.includes(form))
  })
}
