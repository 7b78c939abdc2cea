// Every way in which a registry says no, as the pusher reads it: what failed, what we saw, what runs now, what to do.
import test, { type ExecutionContext } from 'ava'
import {
  errorBody,
  type FakeAnswer,
  type FakeRegistry,
  type FakeRequest,
  startFakeRegistry,
} from '../support/fake-registry.ts'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { freePort } from '../support/haproxy.ts'
import { page } from '../support/page.ts'
import { NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const WRONG = 'wr0ng+pass/word'
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch
const OTHER_IMAGE = '`fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or the FROM line of the Dockerfile)'

let gateway: TestGateway
let registry: TestRegistry
let open: TestRegistry
/** Answers by repository: what no real registry does on demand. */
let fake: FakeRegistry
/** Never deployed, so that its variables can change at no cost. */
let app: Checkout

test.before(async () => {
  ;[registry, open, fake, gateway] = await Promise.all([
    startRegistry(),
    startRegistry({ anonymous: true }),
    startFakeRegistry(scripted),
    startGateway(),
  ])
  const foreign = { os: 'linux', architecture: ARCHITECTURE === 'arm64' ? 'amd64' : 'arm64' }
  const files = { '/www/index.html': 'hello\n' }
  await registry.push('acme/shop', 'v1', { files })
  await registry.push('acme/foreign', 'latest', { platform: foreign })
  await open.push('acme/shop', 'latest', { files })
  app = await gateway.app({ Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n' })
})
test.after.always(async () => {
  await gateway?.dispose()
  await Promise.all([registry?.stop(), open?.stop(), fake?.stop()])
})

function scripted({ path, authorization }: FakeRequest): FakeAnswer {
  if (path.startsWith('/v2/acme/limited/')) {
    return { status: 429, headers: { 'retry-after': '60' }, body: errorBody('TOOMANYREQUESTS', 'slow down') }
  }
  if (path.startsWith('/v2/acme/broken/')) {
    return { status: 503, body: errorBody('UNAVAILABLE', 'the database is gone') }
  }
  if (authorization === null) return { status: 401, headers: { 'www-authenticate': 'Basic realm="fake"' } }
  return { status: 403, body: errorBody('DENIED', `not for ${authorization}`) }
}

interface Variables {
  readonly image: string
  readonly host?: string
  readonly username?: string
  readonly password?: string
}

/** An empty value counts as unset. */
async function configure(to: Checkout, { image, host = '', username = '', password = '' }: Variables) {
  const set = await gateway.fairlead([
    'config:set',
    '--app',
    to.name,
    `APTIBLE_DOCKER_IMAGE=${image}`,
    `APTIBLE_PRIVATE_REGISTRY_HOST=${host}`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${username}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${password}`,
  ])
  if (set.status !== 0) throw new Error(set.all)
}

/** @returns the Problem's lines, with the registry's address written HOST */
async function refused(t: ExecutionContext, variables: Variables, host = registry.host): Promise<string[]> {
  await configure(app, variables)
  const push = await app.push()
  t.is(push.status, 1, push.all)
  t.regex(push.stderr, /\[remote rejected\] HEAD -> master/)
  for (const secret of [registry.password, variables.password].filter(Boolean) as string[]) {
    t.false(push.all.includes(secret), push.all)
    t.false(push.all.includes(Buffer.from(secret).toString('base64')), push.all)
  }
  return refusal(push).map(line => line.replaceAll(host, 'HOST'))
}

const login = () => ({ host: registry.host, username: registry.username, password: registry.password })

test.serial('a wrong password names host, repository, user and the variables to change', async t => {
  t.deepEqual(
    await refused(t, { image: `${registry.host}/acme/shop:v1`, ...login(), password: WRONG }),
    problemText({
      headline:
        'HOST refuses the login of user robot for the image HOST/acme/shop:v1 (registry-login-failed)',
      saw: 'It answered 401 Unauthorized. Repository acme/shop was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
      runs: NO_RELEASE,
      todo: 'Run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…` with a username and password that `docker login HOST` accepts. `fairlead registry:explain HOST/acme/shop:v1` shows which credential was offered to whom.',
    }),
  )
})

test.serial('a private image without credentials names the three variables to set', async t => {
  t.deepEqual(
    await refused(t, { image: `${registry.host}/acme/shop:v1` }),
    problemText({
      headline: 'HOST wants a login before it shows the image HOST/acme/shop:v1 (registry-login-required)',
      saw: 'It answered 401 Unauthorized. Repository acme/shop was asked for without a login.',
      runs: NO_RELEASE,
      todo: `Store a login with \`fairlead registry:login HOST --username USER --password-stdin\`, or set APTIBLE_PRIVATE_REGISTRY_HOST=HOST, APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD with \`fairlead config:set\`. Registries answer the same for a repository that does not exist: if acme/shop is wrong, correct it with ${OTHER_IMAGE}. \`fairlead registry:explain HOST/acme/shop:v1\` shows which credential was offered to whom.`,
    }),
  )
})

test.serial('a username without a password is refused before anything is asked', async t => {
  t.deepEqual(
    await refused(t, { image: `${registry.host}/acme/shop:v1`, ...login(), password: '' }),
    problemText({
      headline:
        'APTIBLE_PRIVATE_REGISTRY_USERNAME is set, but APTIBLE_PRIVATE_REGISTRY_PASSWORD is not (config-invalid)',
      runs: NO_RELEASE,
      todo: 'Set the other one with `fairlead config:set APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`, or remove this one with `fairlead config:unset APTIBLE_PRIVATE_REGISTRY_USERNAME`.',
    }),
  )
})

test.serial('credentials for another host than the image’s travel nowhere', async t => {
  const asked = fake.requests.length
  const lines = await refused(
    t,
    { image: `${fake.host}/acme/shop:v1`, ...login(), host: 'quay.io' },
    fake.host,
  )
  t.deepEqual(
    lines,
    problemText({
      headline:
        'The image HOST/acme/shop:v1 is at HOST, but APTIBLE_PRIVATE_REGISTRY_HOST is quay.io (registry-host-mismatch)',
      saw: 'The username robot and its password are for quay.io only. They were sent nowhere.',
      runs: NO_RELEASE,
      todo: 'If the credentials are for HOST, run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=HOST`. If the image is at quay.io, run `fairlead config:set APTIBLE_DOCKER_IMAGE=quay.io/acme/shop:v1`.',
    }),
  )
  t.is(fake.requests.length, asked)
})

test.serial('credentials without a host travel nowhere when the image is not at docker.io', async t => {
  const asked = fake.requests.length
  const lines = await refused(t, { image: `${fake.host}/acme/shop:v1`, ...login(), host: '' }, fake.host)
  t.deepEqual(
    lines,
    problemText({
      headline:
        'The image HOST/acme/shop:v1 is at HOST, but APTIBLE_PRIVATE_REGISTRY_HOST is not set (registry-host-unset)',
      saw: 'Without APTIBLE_PRIVATE_REGISTRY_HOST the username robot and its password are for docker.io. They were sent nowhere.',
      runs: NO_RELEASE,
      todo: 'If they are for HOST, run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=HOST`. If the image is public, run `fairlead config:unset APTIBLE_PRIVATE_REGISTRY_USERNAME APTIBLE_PRIVATE_REGISTRY_PASSWORD`.',
    }),
  )
  t.is(fake.requests.length, asked)
})

test.serial('a FROM at another host than the credentials’ is asked for without them', async t => {
  const other = await gateway.app({ Dockerfile: `FROM ${fake.host}/acme/shop:v1\n` })
  await configure(other, { image: '', ...login() })
  const asked = fake.requests.length
  const push = await other.push()
  t.is(push.status, 1, push.all)
  t.true(fake.requests.length > asked)
  t.deepEqual(
    fake.requests.slice(asked).map(request => request.authorization),
    fake.requests.slice(asked).map(() => null),
  )
})

test.serial('an image that the registry does not have', async t => {
  t.deepEqual(
    await refused(t, { image: `${registry.host}/acme/shoe:v1`, ...login() }),
    problemText({
      headline:
        'HOST has no repository acme/shoe, or hides it from user robot (image HOST/acme/shoe:v1) (image-not-found)',
      saw: 'It answered 404 Not Found, NAME_UNKNOWN: repository name not known to registry. It was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
      runs: NO_RELEASE,
      todo: `Push the image there, let this user read it, or correct its name with ${OTHER_IMAGE}. \`fairlead registry:explain HOST/acme/shoe:v1\` shows which credential was offered to whom.`,
    }),
  )
})

test.serial('a tag that the repository does not have, with those it has', async t => {
  t.deepEqual(
    await refused(t, { image: `${registry.host}/acme/shop`, ...login() }),
    problemText({
      headline: 'The repository acme/shop at HOST has no tag latest (tag-not-found)',
      saw: [
        'It answered 404 Not Found, MANIFEST_UNKNOWN: manifest unknown. It was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
        'Tags it has: v1.',
      ],
      runs: NO_RELEASE,
      todo: 'Push it, or name another: `fairlead config:set APTIBLE_DOCKER_IMAGE=HOST/acme/shop:v1` (or in the FROM line of the Dockerfile).',
    }),
  )
})

test.serial('an image for another platform than the engine’s, with the platforms it has', async t => {
  const wanted = `linux/${ARCHITECTURE}`
  const offered = `linux/${ARCHITECTURE === 'arm64' ? 'amd64' : 'arm64'}`
  t.deepEqual(
    await refused(t, { image: `${registry.host}/acme/foreign`, ...login() }),
    problemText({
      headline: `The image HOST/acme/foreign:latest is not made for ${wanted}, the platform of this stack's engine (platform-mismatch)`,
      saw: `Platforms it has at HOST: ${offered}. It was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).`,
      runs: NO_RELEASE,
      todo: `Build and push it for ${wanted}, for example with \`docker buildx build --platform ${wanted} --push -t HOST/acme/foreign:latest .\`, or name another image with ${OTHER_IMAGE}.`,
    }),
  )
})

test.serial('a registry that is down', async t => {
  const dead = { host: `127.0.0.1:${await freePort()}` }
  t.deepEqual(
    await refused(t, { image: `${dead.host}/acme/shop:v1`, ...login(), host: dead.host }, dead.host),
    problemText({
      headline: 'HOST could not be asked for the image HOST/acme/shop:v1 (registry-unreachable)',
      saw: 'HOST refuses the connection (ECONNREFUSED). It was asked at http://HOST for repository acme/shop as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
      runs: NO_RELEASE,
      todo: 'Push again when HOST answers; if that is not its name, correct the host with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or in the FROM line of the Dockerfile).',
    }),
  )
})

test.serial('a registry that limits how often it may be asked, with the time it names', async t => {
  t.deepEqual(
    await refused(t, { image: `${fake.host}/acme/limited:v1`, ...login(), host: fake.host }, fake.host),
    problemText({
      headline:
        'HOST limits how often it may be asked, and does not answer for the image HOST/acme/limited:v1 now (registry-rate-limited)',
      saw: 'It answered 429 Too Many Requests. Retry-After: 60 s. Repository acme/limited was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
      runs: NO_RELEASE,
      todo: 'Push again in 60 s. To ask as another user, run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`.',
    }),
  )
})

test.serial('a registry that fails by itself, with its own words', async t => {
  t.deepEqual(
    await refused(t, { image: `${fake.host}/acme/broken:v1`, ...login(), host: fake.host }, fake.host),
    problemText({
      headline: 'HOST failed when it was asked for the image HOST/acme/broken:v1 (registry-failed)',
      saw: 'It answered 503 Service Unavailable, UNAVAILABLE: the database is gone. Repository acme/broken was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
      runs: NO_RELEASE,
      todo: 'Push again later; if it stays, ask whoever runs HOST.',
    }),
  )
})

test.serial(
  'a user who may not read the repository; what the registry repeats of the login is hidden',
  async t => {
    const lines = await refused(
      t,
      { image: `${fake.host}/acme/secret:v1`, ...login(), host: fake.host },
      fake.host,
    )
    t.deepEqual(
      lines,
      problemText({
        headline: 'HOST does not let user robot read the image HOST/acme/secret:v1 (registry-denied)',
        saw: 'It answered 403 Forbidden, DENIED: not for Basic [redacted]. Repository acme/secret was asked for as user robot (APTIBLE_PRIVATE_REGISTRY_*).',
        runs: NO_RELEASE,
        todo: `Let this user read acme/secret at HOST, or set another with \`fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…\`. Some registries answer the same for a repository that does not exist: if the name is wrong, correct it with ${OTHER_IMAGE}. \`fairlead registry:explain HOST/acme/secret:v1\` shows which credential was offered to whom.`,
      }),
    )
  },
)

test.serial('an image name that cannot be read', async t => {
  t.deepEqual(
    await refused(t, { image: `https://robot:${registry.password.slice(0, 3)}@quay.io/acme/shop` }),
    problemText({
      headline:
        '"…@quay.io/acme/shop" is not an image name: it begins like a web address; leave the scheme out (image-reference-invalid)',
      runs: NO_RELEASE,
      todo: 'Write it as host/repository:tag, for example quay.io/acme/shop:v1; without a host it is at docker.io. Set it with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or in the FROM line of the Dockerfile).',
    }),
  )
})

test.serial(
  'an image that lies on the engine for another app is no way in, and what runs goes on',
  async t => {
    const rich = await gateway.app({ Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n' })
    await configure(rich, { image: `${registry.host}/acme/shop:v1`, ...login() })
    const first = await rich.push()
    t.is(first.status, 0, first.all)

    const poor = await refused(t, { image: `${registry.host}/acme/shop:v1` })
    t.regex(poor[0] ?? '', /wants a login .*\(registry-login-required\)$/)
    // The digest is no secret: whoever knows it may still not have the image.
    const digest = /digest (sha256:[0-9a-f]{64})/.exec(first.stderr)?.[1]
    const pinned = await refused(t, { image: `${registry.host}/acme/shop@${digest}` })
    t.regex(pinned[0] ?? '', /wants a login .*\(registry-login-required\)$/)

    // With the variables in the same operation: on an app that runs, setting them alone would be a release.
    await rich.commit()
    const deploy = await gateway.fairlead([
      'deploy',
      '--app',
      rich.name,
      `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${WRONG}`,
    ])
    t.is(deploy.status, 1, deploy.all)
    t.regex(deploy.stderr, /refuses the login of user robot/)
    t.regex(deploy.stderr, /What runs now: Release v1 \(web\), as before\./)
    t.is(await page(gateway, rich.name), 'hello\n')
  },
)

test.serial(
  'a public image needs no credentials, its tag is latest, and its Dockerfile is ignored',
  async t => {
    const open1 = await gateway.app({
      Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n',
      Dockerfile: 'NOT even a Dockerfile\n',
    })
    await configure(open1, { image: `${open.host}/acme/shop` })
    const push = await open1.push()
    t.is(push.status, 0, push.all)
    const lines = remoteLines(push)
    t.true(lines.includes('-----> APTIBLE_DOCKER_IMAGE is set: the Dockerfile is ignored'), push.all)
    t.true(lines.includes(`-----> Pulling ${open.host}/acme/shop:latest`), push.all)
    t.is(await page(gateway, open1.name), 'hello\n')
  },
)

test.serial('a digest says exactly which image is deployed', async t => {
  const old = await open.push('acme/pinned', 'latest', { files: { '/www/index.html': 'the old one\n' } })
  await open.push('acme/pinned', 'latest', { files: { '/www/index.html': 'the new one\n' } })
  const pinned = await gateway.app({ Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n' })
  await configure(pinned, { image: `${open.host}/acme/pinned@${old}` })
  const push = await pinned.push()
  t.is(push.status, 0, push.all)
  t.true(remoteLines(push).includes(`       digest ${old}`), push.all)
  t.is(await page(gateway, pinned.name), 'the old one\n')
})
