// Pulling through the real engine from a real registry that demands a password.
import test, { type ExecutionContext } from 'ava'
import type { PullRequest } from '../../src/domain/engine.ts'
import { Problem, type ProblemCode } from '../../src/domain/problem.ts'
import type { RegistryAuth } from '../../src/domain/registry-auth.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { Transcript } from '../../src/domain/transcript.ts'
import { credential } from '../support/build-fixtures.ts'
import { type DockerGround, dockerGround } from '../support/docker-ground.ts'
import { type EngineProxy, engineProxy } from '../support/engine-proxy.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const { signal } = new AbortController()
let ground: DockerGround
let registry: TestRegistry
let proxy: EngineProxy
const pulled = new Set<string>()

test.before(async () => {
  ground = await dockerGround()
  registry = await startRegistry()
  proxy = await engineProxy()
})

test.after.always(async () => {
  for (const name of pulled)
    await ground.docker
      .getImage(name)
      .remove({ force: true })
      .catch(() => {})
  await proxy?.die()
  await registry?.stop()
  await ground?.clear()
})

function login(changes: Partial<RegistryAuth> = {}): RegistryAuth {
  const { host, username, password } = registry
  return { ...credential(host, username, password), ...changes }
}

/** Pushes an image with a layer of its own. */
async function publish(
  t: ExecutionContext,
  platform?: { os: string; architecture: string },
): Promise<PullRequest> {
  const repository = `acme/${t.title.toLowerCase().replace(/\W+/g, '').slice(0, 40)}`
  const files = { '/etc/own': `${t.title} ${Math.random()}` }
  const digest = await registry.push(repository, 'v1', {
    files,
    cmd: ['serve'],
    ...(platform && { platform }),
  })
  pulled.add(`${registry.host}/${repository}@${digest}`)
  const tag = `fairlead-${ground.gatewayId}/${repository}:op1`
  return {
    reference: { host: registry.host, repository, tag: 'v1', digest: null },
    digest,
    auth: login(),
    tag,
  }
}

function listener() {
  const lines: string[] = []
  const states: string[] = []
  const transcript: Transcript = { line: text => lines.push(text), progress: text => states.push(text) }
  return { transcript, lines, states }
}

async function refused(t: ExecutionContext, request: PullRequest, code: ProblemCode, words: RegExp) {
  const { transcript, lines } = listener()
  const thrown = await t.throwsAsync(ground.engine().pull(request, transcript, signal), {
    instanceOf: Problem,
  })
  if (!(thrown instanceof Problem)) return
  t.is(thrown.code, code, thrown.saw)
  t.regex(thrown.headline, words)
  t.false(JSON.stringify({ ...thrown, lines, cause: String(thrown.cause) }).includes(registry.password))
  t.true(thrown.headline.includes(request.reference.host))
}

test('an image is pulled by digest, with progress and what it weighs', async t => {
  const request = await publish(t)
  const { host, repository } = request.reference
  const { transcript, lines, states } = listener()
  const image = await ground.engine().pull(request, transcript, signal)
  t.deepEqual(image.command, ['serve'])
  t.deepEqual(await ground.engine().findImage(request.tag, signal), image)
  t.is(await ground.engine().findImage(`${host}/${repository}@${request.digest}`, signal), null)
  t.regex(lines[0] ?? '', /^ {7}Pulled \d layers?(, [\d.]+ [kM]B)?$/)
  t.is(lines.length, 1)
  t.true(states.length > 0)
  t.true(
    states.every(state => /^ {7}(Downloading \d of \d layers, \d+%|Unpacking \d of \d layers)$/.test(state)),
  )
  t.is(new Set(states).size, states.length)
})

test('an image that lies there already is not pulled again', async t => {
  const request = await publish(t)
  const { host, repository } = request.reference
  const credentials = { username: registry.username, password: registry.password, serveraddress: host }
  const options = { _query: { fromImage: `${host}/${repository}`, tag: request.digest }, _body: {} }
  const byOthers = await ground.docker.createImage(credentials, options)
  await new Promise(resolve => byOthers.on('end', resolve).resume())
  const { transcript, lines } = listener()
  const image = await ground.engine().pull({ ...request, auth: null }, transcript, signal)
  t.deepEqual(lines, ['       Already on the engine'])
  // What somebody else has pulled stays theirs.
  await ground.engine().removeTag(request.tag, signal)
  t.deepEqual(await ground.engine().findImage(`${host}/${repository}@${request.digest}`, signal), image)
})

test('the name of a pull that was broken off is taken away, and of one that lay there nobody hears', async t => {
  const request = await publish(t)
  const { host, repository } = request.reference
  const pinned = { host, repository, tag: null, digest: request.digest }
  const name = `${host}/${repository}@${request.digest}`
  const leaving = new AbortController()
  const heard: string[] = []
  const hear = { named: () => heard.push('named'), unnamed: () => heard.push('unnamed') }
  const named = () => {
    hear.named()
    leaving.abort(new Error('left'))
  }
  const engine = ground.engine()
  const broken = engine.pull({ ...request, ...hear, named }, listener().transcript, leaving.signal)
  await t.throwsAsync(broken, { message: 'left' })
  t.deepEqual(heard, ['named'])

  // As a gateway leaves it that is killed behind the end of the pull.
  const credentials = { username: registry.username, password: registry.password, serveraddress: host }
  const options = { _query: { fromImage: `${host}/${repository}`, tag: request.digest }, _body: {} }
  const left = await ground.docker.createImage(credentials, options)
  await new Promise(resolve => left.on('end', resolve).resume())
  await engine.pull({ ...request, ...hear }, listener().transcript, signal)
  t.deepEqual(heard, ['named'])
  const image = await engine.findImage(request.tag, signal)
  await engine.removeLeftName(pinned, signal)
  t.is(await engine.findImage(name, signal), null)
  t.deepEqual(await engine.findImage(request.tag, signal), image, 'our own tag stays')
  await engine.removeTag(request.tag, signal)
  t.is(await engine.findImage(image?.id ?? '', signal), null)
  await engine.removeLeftName(pinned, signal)
})

test('credentials travel in the header only', async t => {
  const request = await publish(t)
  await ground.engine(ground.gatewayId, proxy.address).pull(request, listener().transcript, signal)
  const pull = proxy.requests.find(text => text.includes(encodeURIComponent(request.digest)))
  t.regex(pull ?? '', /^POST \/v1\.\d+\/images\/create\?fromImage=[^ ]+&tag=sha256%3A[0-9a-f]{64} HTTP/)
  const header = /x-registry-auth: (\S+)/i.exec(pull ?? '')?.[1] ?? ''
  t.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), {
    username: registry.username,
    password: registry.password,
    serveraddress: registry.host,
  })
})

test('a wrong password is told with the name it was tried for', async t => {
  const auth = login({ password: new Secret('wrong') })
  await refused(t, { ...(await publish(t)), auth }, 'registry-login-failed', /refuses the login of robot/)
})

test('a private image without a credential says what to set', async t => {
  await refused(t, { ...(await publish(t)), auth: null }, 'registry-login-required', /is private/)
})

test('a digest that is gone is told apart from a repository that is not there', async t => {
  const request = { ...(await publish(t)), digest: `sha256:${'0'.repeat(64)}` }
  await refused(t, request, 'tag-not-found', /does not have acme\/.* with the digest/)
})

test('a registry that is not there does not answer', async t => {
  const gone = await startRegistry({ anonymous: true })
  await gone.stop()
  const reference = { host: gone.host, repository: 'a/b', tag: 'v1', digest: null }
  const tag = `fairlead-${ground.gatewayId}/a/b:op1`
  const request = { reference, digest: `sha256:${'0'.repeat(64)}`, auth: null, tag }
  await refused(t, request, 'registry-unreachable', /does not answer the Docker engine/)
})

test('an image for another platform is refused, although the engine pulls it', async t => {
  await refused(
    t,
    await publish(t, { os: 'linux', architecture: 's390x' }),
    'platform-mismatch',
    /is not made for the platform of the engine/,
  )
})

test('a credential for another host is not sent', async t => {
  const engine = ground.engine(ground.gatewayId, proxy.address)
  const request = { ...(await publish(t)), auth: login({ host: 'registry.example' }) }
  const thrown = await t.throwsAsync(engine.pull(request, listener().transcript, signal), {
    instanceOf: Problem,
  })
  t.is(thrown instanceof Problem ? thrown.code : '', 'registry-host-mismatch')
  t.false(
    proxy.requests.some(text => text.includes('/images/create') && text.includes(request.digest.slice(7))),
  )
})

test('many apps that pull one image at once all get it, and nothing but their tags stays', async t => {
  const request = await publish(t)
  const { host, repository } = request.reference
  const engine = ground.engine(ground.gatewayId, proxy.address)
  const tags = Array.from({ length: 6 }, (_, i) => request.tag.replace(/op1$/, `op${i + 1}`))
  const images = await Promise.all(
    tags.map(tag => engine.pull({ ...request, tag }, listener().transcript, signal)),
  )
  t.is(new Set(images.map(image => image.id)).size, 1)
  // The name that one pull takes away is never one that another has just pulled.
  const sent = proxy.requests.filter(text => text.includes(request.digest.slice(7)))
  const changes = sent.map(text => text.split(' ')[0]).filter(method => method !== 'GET')
  t.deepEqual(
    changes,
    tags.flatMap(() => ['POST', 'DELETE']),
  )
  for (const tag of tags) t.deepEqual(await engine.findImage(tag, signal), images[0])
  t.is(await engine.findImage(`${host}/${repository}@${request.digest}`, signal), null)
})

test('a pull that waits for another of the same image can be broken off', async t => {
  const request = await publish(t)
  const engine = ground.engine()
  const leaving = new AbortController()
  const first = engine.pull(request, listener().transcript, signal)
  const second = engine.pull(request, listener().transcript, leaving.signal)
  const third = engine.pull(request, listener().transcript, signal)
  leaving.abort(new Error('left'))
  await t.throwsAsync(second, { message: 'left' })
  t.deepEqual(await third, await first)
})
