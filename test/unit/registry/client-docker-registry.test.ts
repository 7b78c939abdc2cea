// The client against the real docker-registry with a password, and one without.
import test from 'ava'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { registryClient } from '../../../src/registry/client.ts'
import { caughtProblem, withText } from '../../support/caught-problem.ts'
import { startRegistry, type TestRegistry } from '../../support/registry.ts'

const AMD64 = { os: 'linux', architecture: 'amd64' }
const ARM64 = { os: 'linux', architecture: 'arm64' }
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
const PASSWORD = 'pässword: with "all" of it'

let registry: TestRegistry
let open: TestRegistry
let single: string
let list: string

test.before(async () => {
  registry = await startRegistry({ username: 'robot', password: PASSWORD })
  open = await startRegistry({ anonymous: true })
  single = await registry.push('acme/shop', 'v1', { platform: AMD64 })
  list = await registry.pushList('acme/shop', 'both', [{ platform: AMD64 }, { platform: ARM64 }])
  await registry.push('acme/shop', 'arm', { platform: ARM64 })
  await open.push('tools', 'latest', { platform: AMD64 })
})
test.after.always(async () => {
  await registry?.stop()
  await open?.stop()
})

function login(password = PASSWORD): RegistryAuth {
  const secret = new Secret(password)
  return {
    host: registry.host,
    path: '',
    kind: 'password',
    username: 'robot',
    password: secret,
    source: 'APTIBLE_PRIVATE_REGISTRY_*',
  }
}

function ask(image: string, auth: RegistryAuth | null, platform = AMD64, at = registry) {
  const { signal } = new AbortController()
  return registryClient().resolve(parseImageReference(`${at.host}/${image}`), auth, platform, signal)
}

async function problemOf(image: string, auth: RegistryAuth | null, platform = AMD64, at = registry) {
  return withText(await caughtProblem(ask(image, auth, platform, at)), at.host, 'HOST')
}

const OTHER_IMAGE = '`fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or the FROM line of the Dockerfile)'

test('the right password gets the digest of the tag', async t => {
  t.deepEqual(await ask('acme/shop:v1', login()), { digest: single, mediaType: DOCKER_MANIFEST })
})

test('a digest is resolved to itself', async t => {
  t.deepEqual(await ask(`acme/shop@${single}`, login()), { digest: single, mediaType: DOCKER_MANIFEST })
})

test('a manifest list gets the digest of the list when it has the platform', async t => {
  t.deepEqual(await ask('acme/shop:both', login()), { digest: list, mediaType: DOCKER_LIST })
  t.deepEqual(await ask('acme/shop:both', login(), ARM64), { digest: list, mediaType: DOCKER_LIST })
})

test('an open registry needs no credential', async t => {
  t.regex((await ask('tools', null, AMD64, open)).digest, /^sha256:[0-9a-f]{64}$/)
})

test('a registry that asks for no login gets none', async t => {
  const auth = { ...login(), host: open.host }
  t.regex((await ask('tools', auth, AMD64, open)).digest, /^sha256:[0-9a-f]{64}$/)
})

test('what was allowed with a password is not remembered for who has none', async t => {
  const client = registryClient()
  const { signal } = new AbortController()
  const reference = parseImageReference(`${registry.host}/acme/shop:v1`)
  await client.resolve(reference, login(), AMD64, signal)
  await client.resolve(reference, login(), AMD64, signal)
  t.is((await caughtProblem(client.resolve(reference, null, AMD64, signal))).code, 'registry-login-required')
  t.is(
    (await caughtProblem(client.resolve(reference, login('no'), AMD64, signal))).code,
    'registry-login-failed',
  )
  t.is((await caughtProblem(client.resolve(reference, login(), ARM64, signal))).code, 'platform-mismatch')
})

test('a wrong password is a failed login', async t => {
  t.deepEqual(await problemOf('acme/shop:v1', login('wrong')), {
    code: 'registry-login-failed',
    headline: 'HOST refuses the login of user robot for the image HOST/acme/shop:v1',
    saw: 'It answered 401 Unauthorized. Repository acme/shop was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
    hint: 'Run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…` with a username and password that `docker login HOST` accepts. `fairlead registry:explain HOST/acme/shop:v1` shows which credential was offered to whom.',
  })
})

test('no password is a login that is required', async t => {
  t.deepEqual(await problemOf('acme/shop:v1', null), {
    code: 'registry-login-required',
    headline: 'HOST wants a login before it shows the image HOST/acme/shop:v1',
    saw: 'It answered 401 Unauthorized. Repository acme/shop was asked for without a login.',
    hint: `Store a login with \`fairlead registry:login HOST --username USER --password-stdin\`, or set APTIBLE_PRIVATE_REGISTRY_HOST=HOST, APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD with \`fairlead config:set\`. Registries answer the same for a repository that does not exist: if acme/shop is wrong, correct it with ${OTHER_IMAGE}. \`fairlead registry:explain HOST/acme/shop:v1\` shows which credential was offered to whom.`,
  })
})

test('a missing repository is told apart from a missing tag', async t => {
  t.deepEqual(await problemOf('acme/nope:v1', login()), {
    code: 'image-not-found',
    headline: 'HOST has no repository acme/nope, or hides it from user robot (image HOST/acme/nope:v1)',
    saw: 'It answered 404 Not Found, NAME_UNKNOWN: repository name not known to registry. It was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
    hint: `Push the image there, let this user read it, or correct its name with ${OTHER_IMAGE}. \`fairlead registry:explain HOST/acme/nope:v1\` shows which credential was offered to whom.`,
  })
  const nobody = await problemOf('nope', null, AMD64, open)
  t.is(nobody.code, 'image-not-found')
  t.is(nobody.headline, 'HOST has no repository nope (image HOST/nope:latest)')
  t.true(nobody.saw?.endsWith('It was asked for without a login.'), nobody.saw)
})

test('a missing tag is named with the tags there are', async t => {
  const problem = await problemOf('acme/shop:v9', login())
  t.is(problem.code, 'tag-not-found')
  t.is(problem.headline, 'The repository acme/shop at HOST has no tag v9')
  const [answer, tags = ''] = (problem.saw ?? '').split('\n')
  t.is(
    answer,
    'It answered 404 Not Found, MANIFEST_UNKNOWN: manifest unknown. It was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
  )
  t.regex(tags, /^Tags it has: (?:(?:v1|both|arm)(?:, |\.$)){3}/)
  t.regex(
    problem.hint,
    /^Push it, or name another: `fairlead config:set APTIBLE_DOCKER_IMAGE=HOST\/acme\/shop:(?:v1|both|arm)` \(or in the FROM line of the Dockerfile\)\.$/,
  )
})

test('where no tag was written, the message says that latest was asked for', async t => {
  t.is(
    (await problemOf('acme/shop', login())).headline,
    'The repository acme/shop at HOST has no tag latest (asked for because the name has no tag)',
  )
})

test('a missing digest is named', async t => {
  const digest = `sha256:${'a'.repeat(64)}`
  const problem = await problemOf(`acme/shop@${digest}`, login())
  t.is(problem.code, 'tag-not-found')
  t.is(problem.headline, `The repository acme/shop at HOST has no manifest ${digest}`)
})

test('a single image for another platform is refused with the platform it is for', async t => {
  t.deepEqual(await problemOf('acme/shop:arm', login()), {
    code: 'platform-mismatch',
    headline: "The image HOST/acme/shop:arm is not made for linux/amd64, the platform of this stack's engine",
    saw: 'Platforms it has at HOST: linux/arm64. It was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
    hint: `Build and push it for linux/amd64, for example with \`docker buildx build --platform linux/amd64 --push -t HOST/acme/shop:arm .\`, or name another image with ${OTHER_IMAGE}.`,
  })
})

test('a manifest list without the platform is refused with the platforms it has', async t => {
  const problem = await problemOf('acme/shop:both', login(), { os: 'linux', architecture: 's390x' })
  t.is(problem.code, 'platform-mismatch')
  t.is(
    problem.saw,
    'Platforms it has at HOST: linux/amd64, linux/arm64. It was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
  )
})

test('no Problem holds the password', async t => {
  for (const image of ['acme/shop:v9', 'acme/nope', 'acme/shop:arm']) {
    t.false(JSON.stringify(await problemOf(image, login())).includes('pässword'))
  }
})
