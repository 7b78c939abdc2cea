// Nine causes that look alike in other systems are kept apart, whatever dialect the registry speaks.
import test, { type ExecutionContext } from 'ava'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import {
  AMD64,
  askFor,
  BASIC_CHALLENGE,
  bearerChallenge,
  fakeRegistry,
  identityTokenFor,
  passwordFor,
} from '../../support/ask-registry.ts'
import { caughtProblem, withText } from '../../support/caught-problem.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { errorBody, type FakeAnswer, type FakeRequest } from '../../support/fake-registry.ts'

type Script = (request: FakeRequest) => FakeAnswer
type Login = (host: string) => RegistryAuth | null

const INDEX = 'application/vnd.oci.image.index.v1+json'
const robot: Login = host => passwordFor(host)
const nobody: Login = () => null

async function problemFor(t: ExecutionContext, script: Script, login: Login = robot, tls = false) {
  const { host } = await fakeRegistry(t, script, tls ? makeCertificate('IP:127.0.0.1') : undefined)
  return withText(await caughtProblem(askFor(`${host}/acme/shop:v1`, login(host))), host, 'HOST')
}

const afterLogin =
  (answer: FakeAnswer): Script =>
  it =>
    it.authorization ? answer : BASIC_CHALLENGE
const missing = (code: string): FakeAnswer => ({ status: 404, body: errorBody(code, 'unknown') })
const otherPlatform: FakeAnswer = {
  status: 200,
  headers: { 'content-type': INDEX },
  body: { mediaType: INDEX, manifests: [{ platform: { ...AMD64, architecture: 'riscv64' } }] },
}

const CAUSES: readonly [code: string, headline: string, script: Script, login?: Login, tls?: boolean][] = [
  ['registry-unreachable', 'HOST could not be asked for the image HOST/acme/shop:v1', () => 'cut'],
  [
    'registry-tls',
    'No safe connection to HOST for the image HOST/acme/shop:v1: its certificate is self-signed',
    () => BASIC_CHALLENGE,
    robot,
    true,
  ],
  [
    'registry-login-failed',
    'HOST refuses the login of user robot for the image HOST/acme/shop:v1',
    () => BASIC_CHALLENGE,
  ],
  [
    'registry-denied',
    'HOST does not let user robot read the image HOST/acme/shop:v1',
    afterLogin({ status: 403, body: errorBody('DENIED', 'no') }),
  ],
  [
    'image-not-found',
    'HOST has no repository acme/shop, or hides it from user robot (image HOST/acme/shop:v1)',
    afterLogin(missing('NAME_UNKNOWN')),
  ],
  [
    'registry-login-required',
    'HOST wants a login before it shows the image HOST/acme/shop:v1',
    () => BASIC_CHALLENGE,
    nobody,
  ],
  [
    'tag-not-found',
    'The repository acme/shop at HOST has no tag v1',
    afterLogin(missing('MANIFEST_UNKNOWN')),
  ],
  [
    'platform-mismatch',
    "The image HOST/acme/shop:v1 is not made for linux/amd64, the platform of this stack's engine",
    () => otherPlatform,
  ],
  [
    'registry-rate-limited',
    'HOST limits how often it may be asked, and does not answer for the image HOST/acme/shop:v1 now',
    () => ({ status: 429 }),
  ],
]
for (const [code, headline, script, login, tls] of CAUSES) {
  test(`${code} has a sentence of its own`, async t => {
    t.like(await problemFor(t, script, login, tls), { code, headline })
  })
}

test('every refusal about access ends with the command that explains it, and no other one does', async t => {
  const accessCodes = new Set<string>()
  for (const [code, , script, login, tls] of CAUSES) {
    const { hint } = await problemFor(t, script, login, tls)
    const explain =
      ' `fairlead registry:explain HOST/acme/shop:v1` shows which credential was offered to whom.'
    if (hint.endsWith(explain)) accessCodes.add(code)
    else t.false(hint.includes('registry:explain'), hint)
  }
  t.deepEqual(
    accessCodes,
    new Set(['registry-login-failed', 'registry-denied', 'image-not-found', 'registry-login-required']),
  )
})

/** A registry with a login service: what the service says, and what the registry says to its token. */
async function withTokens(t: ExecutionContext, service: Script, registry: Script, login: Login) {
  const tokens = await fakeRegistry(t, service)
  const script: Script = it => (it.authorization ? registry(it) : bearerChallenge(`${tokens.url}/token`))
  return withText(await problemFor(t, script, login), tokens.host, 'TOKENS')
}

const token: FakeAnswer = { status: 200, body: { token: 'good-for-nothing' } }
const refusedToken = (more = ''): FakeAnswer => ({
  ...(bearerChallenge('https://login.example/', more) as object),
  status: 401,
  body: errorBody('UNAUTHORIZED', 'authentication required'),
})

const DIALECTS: readonly [what: string, service: Script, registry: Script, login: Login, code: string][] = [
  [
    'Docker Hub hides a repository from somebody',
    () => token,
    () => refusedToken(',error="insufficient_scope"'),
    robot,
    'registry-denied',
  ],
  [
    'Docker Hub hides a repository from nobody in particular',
    () => token,
    () => refusedToken(',error="insufficient_scope"'),
    nobody,
    'registry-login-required',
  ],
  ['Quay hides a repository from somebody', () => token, () => refusedToken(), robot, 'registry-denied'],
  [
    'Quay hides a repository from nobody in particular',
    () => token,
    () => refusedToken(),
    nobody,
    'registry-login-required',
  ],
  [
    'GitHub gives somebody no token for a repository',
    () => ({ status: 403, body: errorBody('DENIED', 'requested access to the resource is denied') }),
    () => token,
    robot,
    'registry-denied',
  ],
  [
    'GitHub gives nobody in particular no token for a repository',
    () => ({ status: 403, body: errorBody('DENIED', 'requested access to the resource is denied') }),
    () => token,
    nobody,
    'registry-login-required',
  ],
  [
    'GitLab refuses a password at its login service',
    () => ({ status: 401, body: errorBody('UNAUTHORIZED', 'HTTP Basic: Access denied') }),
    () => token,
    robot,
    'registry-login-failed',
  ],
  [
    'Docker Hub refuses a password at its login service',
    () => ({ status: 401, body: { details: 'incorrect username or password' } }),
    () => token,
    robot,
    'registry-login-failed',
  ],
  [
    'Harbor hides a repository with 404 from somebody',
    () => token,
    () => missing('NAME_UNKNOWN'),
    robot,
    'image-not-found',
  ],
  [
    'Harbor hides a repository with 404 from nobody in particular',
    () => token,
    () => missing('NAME_UNKNOWN'),
    nobody,
    'registry-login-required',
  ],
]
for (const [what, service, registry, login, code] of DIALECTS) {
  test(`${what}: ${code}`, async t => {
    t.is((await withTokens(t, service, registry, login)).code, code)
  })
}

test('a 403 of a login service is said to be perhaps a wrong password', async t => {
  const forbidden: FakeAnswer = { status: 403, body: errorBody('DENIED', 'denied') }
  const problem = await withTokens(
    t,
    () => forbidden,
    () => token,
    robot,
  )
  t.deepEqual(problem, {
    code: 'registry-denied',
    headline: 'HOST does not let user robot read the image HOST/acme/shop:v1',
    saw: 'Its login service TOKENS answered 403 Forbidden, DENIED: denied. Repository acme/shop was asked for as user robot (test).',
    hint: 'Let this user read acme/shop at HOST, mend the login at its source (test), or store another with `fairlead registry:login HOST --username USER --password-stdin`. Some registries answer the same for a wrong password, and for a repository that does not exist: if the name is wrong, correct it with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or the FROM line of the Dockerfile). `fairlead registry:explain HOST/acme/shop:v1` shows which credential was offered to whom.',
  })
})

test('a registry that does not know the tokens of its own login service has failed, for everybody', async t => {
  for (const login of [robot, nobody, (host: string) => identityTokenFor(host)]) {
    const problem = await withTokens(
      t,
      () => token,
      () => refusedToken(',error="invalid_token"'),
      login,
    )
    t.is(problem.code, 'registry-failed')
    t.regex(problem.saw ?? '', /, to the token that its own login service had just given\. /)
  }
})

test('an Amazon password that has ended is a failed login, though the registry says 403', async t => {
  const ended = errorBody('DENIED', 'Your authorization token has expired. Reauthenticate and try again.')
  t.is((await problemFor(t, afterLogin({ status: 403, body: ended }))).code, 'registry-login-failed')
})

test('the time to wait may be a date', async t => {
  const date = new Date(Date.now() + 90_000).toUTCString()
  const problem = await problemFor(t, () => ({ status: 429, headers: { 'retry-after': date } }))
  t.regex(problem.hint, /^Push again in (?:8[5-9]|90) s\. /)
  t.regex(problem.saw ?? '', / Retry-After: (?:8[5-9]|90) s\. /)
})

for (const junk of [
  'soon',
  '-5',
  '1e3',
  '86401',
  'Sat, 01 Jan 2000 00:00:00 GMT',
  'Fri, 01 Jan 2100 00:00:00 GMT',
]) {
  test(`a time to wait of ${JSON.stringify(junk)} is not believed`, async t => {
    const problem = await problemFor(t, () => ({ status: 429, headers: { 'retry-after': junk } }))
    t.regex(problem.hint, /^Push again later\. /)
    t.false(problem.saw?.includes('Retry-After'))
  })
}

test('who has a login from elsewhere than the variables is not sent to the variables', async t => {
  const problem = await problemFor(t, () => ({ status: 429 }))
  t.is(
    problem.hint,
    'Push again later. To ask as another user, run `fairlead registry:login HOST --username USER --password-stdin`.',
  )
})
