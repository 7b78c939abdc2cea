// The client against the real docker-registry that trusts the tokens of a login service.
import test from 'ava'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import { registryClient } from '../../../src/registry/client.ts'
import { AMD64, askFor, checkLogin, identityTokenFor, passwordFor } from '../../support/ask-registry.ts'
import { caughtProblem, withText } from '../../support/caught-problem.ts'
import { makeAuthority } from '../../support/certificate.ts'
import { startRegistry, type TestRegistry } from '../../support/registry.ts'
import { startTokenServer, type TestTokenServer } from '../../support/token-server.ts'

const PASSWORD = 'pässword: with "all" of it'
const TOKEN = 'identity+token/of=robot'
const USERS = {
  robot: { password: PASSWORD, identityTokens: [TOKEN], pull: ['acme/shop', 'acme/nothing'] },
  stranger: { password: 'other', identityTokens: ['identity-of-stranger'] },
}

let tokens: TestTokenServer
let registry: TestRegistry
let digest: string

test.before(async () => {
  tokens = await startTokenServer({ users: USERS, open: ['acme/open'] })
  registry = await startRegistry({ tokenServer: tokens })
  digest = await registry.push('acme/shop', 'v1', { platform: AMD64 })
  await registry.push('acme/secret', 'v1', { platform: AMD64 })
  await registry.push('acme/open', 'v1', { platform: AMD64 })
})
test.after.always(async () => {
  await registry?.stop()
  await tokens?.stop()
})

const image = (name: string) => `${registry.host}/${name}`
const robot = (password = PASSWORD) => passwordFor(registry.host, password, 'dockercfg.encrypted')
const robotToken = (token = TOKEN) => identityTokenFor(registry.host, token, 'dockercfg.encrypted')
const explain = (name: string) =>
  `\`fairlead registry:explain HOST/${name}\` shows which credential was offered to whom.`

async function problemOf(name: string, auth: Parameters<typeof askFor>[1]) {
  const problem = await caughtProblem(askFor(image(name), auth))
  return withText(withText(problem, registry.host, 'HOST'), tokens.host, 'TOKENS')
}

test.serial('a password is traded by GET for a token that may pull this repository', async t => {
  const before = tokens.requests.length
  t.is((await askFor(image('acme/shop:v1'), robot())).digest, digest)
  const asked = tokens.requests.slice(before)
  t.is(asked.length, 1)
  t.like(asked[0], { method: 'GET', path: '/token', body: '' })
  t.deepEqual(Object.fromEntries(asked[0]?.query ?? []), {
    service: 'registry.test',
    scope: 'repository:acme/shop:pull',
  })
  t.is(asked[0]?.authorization, `Basic ${Buffer.from(`robot:${PASSWORD}`).toString('base64')}`)
})

test.serial('an identity token is traded by POST, and stands nowhere but in the form', async t => {
  const before = tokens.requests.length
  t.is((await askFor(image('acme/shop:v1'), robotToken())).digest, digest)
  const asked = tokens.requests.slice(before)
  t.is(asked.length, 1)
  t.like(asked[0], { method: 'POST', path: '/token', authorization: null })
  t.is(asked[0]?.query.size, 0)
  t.deepEqual(Object.fromEntries(new URLSearchParams(asked[0]?.body)), {
    grant_type: 'refresh_token',
    client_id: 'fairlead',
    service: 'registry.test',
    scope: 'repository:acme/shop:pull',
    refresh_token: TOKEN,
  })
})

test('a repository that the user has no right to is denied', async t => {
  const denied = {
    code: 'registry-denied',
    headline: 'HOST does not let user robot read the image HOST/acme/secret:v1',
    saw: 'It answered 401 Unauthorized. Repository acme/secret was asked for as user robot (dockercfg.encrypted).',
    hint: `Let this user read acme/secret at HOST, mend the login at its source (dockercfg.encrypted), or store another with \`fairlead registry:login HOST --username USER --password-stdin\`. Some registries answer the same for a repository that does not exist: if the name is wrong, correct it with \`fairlead config:set APTIBLE_DOCKER_IMAGE=…\` (or the FROM line of the Dockerfile). ${explain('acme/secret:v1')}`,
  }
  t.deepEqual(await problemOf('acme/secret:v1', robot()), denied)
  t.like(await problemOf('acme/secret:v1', robotToken()), {
    code: 'registry-denied',
    headline: 'HOST does not let the identity token read the image HOST/acme/secret:v1',
    saw: 'It answered 401 Unauthorized. Repository acme/secret was asked for with an identity token (dockercfg.encrypted).',
  })
  t.is((await problemOf('acme/shop:v1', robotToken('identity-of-stranger'))).code, 'registry-denied')
})

test('a wrong password and a wrong identity token are failed logins', async t => {
  const hint = `Mend the login at its source (dockercfg.encrypted), or store another with \`fairlead registry:login HOST --username USER --password-stdin\`: it has to be one that \`docker login HOST\` accepts. ${explain('acme/shop:v1')}`
  t.deepEqual(await problemOf('acme/shop:v1', robot('wrong')), {
    code: 'registry-login-failed',
    headline: 'HOST refuses the login of user robot for the image HOST/acme/shop:v1',
    saw: 'Its login service TOKENS answered 401 Unauthorized, UNAUTHORIZED: incorrect username or password. Repository acme/shop was asked for as user robot (dockercfg.encrypted).',
    hint,
  })
  t.deepEqual(await problemOf('acme/shop:v1', robotToken('wrong')), {
    code: 'registry-login-failed',
    headline: 'HOST refuses the identity token for the image HOST/acme/shop:v1',
    saw: 'Its login service TOKENS answered 400 Bad Request, invalid_grant. Repository acme/shop was asked for with an identity token (dockercfg.encrypted).',
    hint,
  })
})

test('nobody may have what is open, and is asked to log in for the rest', async t => {
  t.regex((await askFor(image('acme/open:v1'), null)).digest, /^sha256:/)
  t.is((await problemOf('acme/shop:v1', null)).code, 'registry-login-required')
  t.is((await problemOf('acme/missing:v1', null)).code, 'registry-login-required')
})

test('with the right to it, a missing repository and a missing tag are told apart', async t => {
  t.is((await problemOf('acme/nothing:v1', robotToken())).code, 'image-not-found')
  t.is((await problemOf('acme/shop:v9', robotToken())).code, 'tag-not-found')
})

test('a login is checked without naming a repository', async t => {
  await t.notThrowsAsync(checkLogin(robot()))
  await t.notThrowsAsync(checkLogin(robotToken()))
  for (const auth of [robot('wrong'), robotToken('wrong')]) {
    t.is((await caughtProblem(checkLogin(auth))).code, 'registry-login-failed')
  }
  const unscoped = tokens.requests.filter(({ query, body }) => !query.has('scope') && !body.includes('scope'))
  t.is(unscoped.length, 4)
})

test('a login service that knows GET only is said to take no identity tokens', async t => {
  const older = await startTokenServer({ users: USERS, getOnly: true })
  t.teardown(() => older.stop())
  const at = await startRegistry({ tokenServer: older })
  t.teardown(() => at.stop())
  await t.notThrowsAsync(checkLogin(passwordFor(at.host, PASSWORD)))
  const refused = await caughtProblem(askFor(`${at.host}/acme/shop:v1`, identityTokenFor(at.host, TOKEN)))
  t.is(refused.code, 'registry-login-failed')
  t.is(
    withText(refused, at.host, 'HOST').headline,
    'HOST takes no identity tokens: the image HOST/acme/shop:v1 could not be asked for with one',
  )
})

test('registry and login service may both be behind an authority of the company, at another address', async t => {
  const [authority, unrelated] = [makeAuthority(), makeAuthority()]
  const service = await startTokenServer({ users: USERS, tls: authority.issue('IP:127.0.0.1') })
  t.teardown(() => service.stop())
  const address = '127.0.0.2'
  const at = await startRegistry({
    tokenServer: service,
    tls: authority.issue(`IP:${address}`),
    ca: authority.cert,
    address,
  })
  t.teardown(() => at.stop())
  t.regex(at.host, /^127\.0\.0\.2:\d+$/)
  const name = `${at.host}/acme/shop:v1`
  const there = await at.push('acme/shop', 'v1', { platform: AMD64 })
  const auth = identityTokenFor(at.host, TOKEN)
  for (const trustedCa of [
    authority.cert,
    unrelated.cert + authority.cert,
    authority.cert + unrelated.cert,
  ]) {
    t.is((await askFor(name, auth, { trustedCa })).digest, there)
  }
  for (const options of [{}, { trustedCa: unrelated.cert }]) {
    t.is((await caughtProblem(askFor(name, auth, options))).code, 'registry-tls')
  }
})

test('what one user was shown is not shown to the next', async t => {
  const client = registryClient()
  const { signal } = new AbortController()
  const reference = parseImageReference(image('acme/shop:v1'))
  await client.resolve(reference, robot(), AMD64, signal)
  const stranger = { ...passwordFor(registry.host, 'other'), username: 'stranger' }
  t.is((await caughtProblem(client.resolve(reference, stranger, AMD64, signal))).code, 'registry-denied')
  t.is((await caughtProblem(client.resolve(reference, null, AMD64, signal))).code, 'registry-login-required')
})
