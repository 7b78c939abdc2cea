// Identity tokens and rights of the real engine before a real registry with a token server.
import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { Engine, PushRequest } from '../../src/domain/engine.ts'
import { Problem } from '../../src/domain/problem.ts'
import { buildImage } from '../../src/engines/build/build.ts'
import { contextOf, credential, listen, removeImages, requestOf } from '../support/build-fixtures.ts'
import { type DockerGround, dockerGround } from '../support/docker-ground.ts'
import { startFakeRegistry } from '../support/fake-registry.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { startTokenServer, type TestTokenServer } from '../support/token-server.ts'

/** Its JSON takes a '+' and a '/' in plain base64. */
const TOKEN = 'refresh>>>???~~~þÿ'
const OURS = ['pulled', 'pushed', 'buildkit', 'classic'].map(name => `acme/${name}`)
const { signal } = new AbortController()
let ground: DockerGround
let tokens: TestTokenServer
let registry: TestRegistry

test.before(async () => {
  ground = await dockerGround()
  const users = {
    robot: { identityTokens: [TOKEN], pull: OURS, push: OURS },
    reader: { password: 'sesame', pull: OURS },
  }
  tokens = await startTokenServer({ users })
  registry = await startRegistry({ tokenServer: tokens })
})

test.after.always(async () => {
  await registry?.stop()
  await tokens?.stop()
  if (registry !== undefined) await removeImages(registry.host)
  await ground?.clear()
})

/** One for all: its pushes take turns. */
const engine = () => (known ??= ground.engine())
let known: Engine | undefined

const identity = (token = TOKEN) => credential(registry.host, '<token>', token)

async function pushRequest(repository: string): Promise<PushRequest> {
  const tag = `fairlead-${ground.gatewayId}/${repository}:op1`
  const [repo = '', name = ''] = tag.split(':')
  await ground.docker.getImage(ground.image).tag({ repo, tag: name })
  const reference = { host: registry.host, repository, tag: 'v1', digest: null }
  return { tag, reference, auth: identity() }
}

test('a pull trades an identity token', async t => {
  const digest = await registry.push('acme/pulled', 'v1', { cmd: ['serve'] })
  const reference = { host: registry.host, repository: 'acme/pulled', tag: 'v1', digest: null }
  const tag = `fairlead-${ground.gatewayId}/acme/pulled:op1`
  const request = { reference, digest, tag, auth: identity() }
  t.deepEqual((await engine().pull(request, listen(), signal)).command, ['serve'])
})

test('a push trades an identity token', async t => {
  t.regex(await engine().push(await pushRequest('acme/pushed'), listen(), signal), /^sha256:/)
})

for (const builder of ['buildkit', 'classic'] as const) {
  test(`a build by ${builder} trades an identity token for its base`, async t => {
    const repository = `acme/${builder}`
    await registry.push(repository, '1', { files: { '/mine': randomUUID() } })
    const context = contextOf({ Dockerfile: `FROM ${registry.host}/${repository}:1\nRUN cat /mine\n` })
    const request = requestOf(builder, context, [identity()])
    t.teardown(() => ground.docker.getImage(request.tag).remove())
    await buildImage(ground.docker, request, { labels: {}, timeoutSeconds: 60 }, listen(), signal)
    const bodies = tokens.requests.map(({ body }) => new URLSearchParams(body))
    const traded = bodies.filter(form => form.get('scope')?.includes(`repository:${repository}:`))
    t.true(traded.length > 0)
    t.true(traded.every(form => form.get('grant_type') === 'refresh_token'))
  })

  test(`a build by ${builder} with an identity token that is not valid is a refused login`, async t => {
    const base = `${registry.host}/acme/refused:1`
    const request = requestOf(builder, contextOf({ Dockerfile: `FROM ${base}\n` }), [identity('outdated')])
    const building = buildImage(ground.docker, request, { labels: {}, timeoutSeconds: 60 }, listen(), signal)
    const thrown = await t.throwsAsync(building, { instanceOf: Problem })
    t.is((thrown as Problem).code, 'registry-login-failed', (thrown as Problem).saw)
    t.is(
      (thrown as Problem).headline,
      `The registry ${registry.host} refuses the identity token for ${base}, which the Dockerfile builds on`,
    )
  })
}

test('a registry that asks for a password is not sent an identity token', async t => {
  const challenge = { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' }, body: {} }
  const asks = await startFakeRegistry(() => challenge)
  t.teardown(asks.stop)
  const auth = credential(asks.host, '<token>', TOKEN)
  const pushing = await pushRequest('acme/basic')
  const reference = { ...pushing.reference, host: asks.host }
  const build = (builder: 'buildkit' | 'classic') => {
    const context = contextOf({ Dockerfile: `FROM ${asks.host}/acme/${builder}:1\n` })
    const request = requestOf(builder, context, [auth])
    return buildImage(ground.docker, request, { labels: {}, timeoutSeconds: 60 }, listen(), signal)
  }
  const digest = `sha256:${'0'.repeat(64)}`
  const calls = [
    engine().push({ ...pushing, reference, auth }, listen(), signal),
    engine().pull({ ...pushing, reference, auth, digest }, listen(), signal),
    build('buildkit'),
    build('classic'),
  ]
  for (const outcome of await Promise.allSettled(calls)) {
    t.is(outcome.status, 'rejected')
    if (outcome.status === 'rejected') t.is(outcome.reason.code, 'registry-login-failed', outcome.reason.saw)
  }
  t.true(asks.requests.length >= calls.length)
  t.deepEqual(
    asks.requests.filter(({ authorization }) => authorization !== null),
    [],
  )
})

test('a login that may only read is told that it may not push', async t => {
  const request = await pushRequest('acme/pulled')
  const auth = { ...credential(registry.host, 'reader', 'sesame'), source: 'the environment my-env' }
  const refusal = engine().push({ ...request, auth }, listen(), signal)
  const thrown = await t.throwsAsync(refusal, { instanceOf: Problem })
  const name = `${registry.host}/acme/pulled:v1`
  t.like(thrown, {
    code: 'registry-denied',
    headline: `${registry.host} does not let reader push to acme/pulled`,
    hint: `Give reader the right to push (write) there: to pull is another right. Mend the login at its source (the environment my-env), or store another with \`fairlead registry:login ${registry.host} --username USER --password-stdin\`. \`fairlead registry:explain ${name}\` shows which credential was offered to whom.`,
  })
})

test('an identity token that is not valid is told to be one', async t => {
  const request = { ...(await pushRequest('acme/pushed')), auth: identity('outdated') }
  const thrown = await t.throwsAsync(engine().push(request, listen(), signal), { instanceOf: Problem })
  t.like(thrown, {
    code: 'registry-login-failed',
    headline: `${registry.host} refuses the identity token for the push of ${registry.host}/acme/pushed:v1`,
  })
})
