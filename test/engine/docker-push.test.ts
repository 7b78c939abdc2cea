// Pushing through the real engine to a real registry that demands a password.
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import type { PushRequest } from '../../src/domain/engine.ts'
import { formatImageReference } from '../../src/domain/image-reference.ts'
import { Problem, type ProblemCode } from '../../src/domain/problem.ts'
import { credential, listen } from '../support/build-fixtures.ts'
import { busyboxLayer } from '../support/busybox-layer.ts'
import { type DockerGround, dockerGround } from '../support/docker-ground.ts'
import { type EngineProxy, engineProxy } from '../support/engine-proxy.ts'
import { errorBody, startFakeRegistry } from '../support/fake-registry.ts'
import { engineGate, type Gate } from '../support/gate.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

/** Its login in JSON takes a '+' and a '/' in plain base64, which an engine does not read. */
const PASSWORD = 'ÿ>>>???~~~ pässword'
const { signal } = new AbortController()
let ground: DockerGround
let registry: TestRegistry
let proxy: EngineProxy
let gate: Gate

test.before(async () => {
  ground = await dockerGround()
  registry = await startRegistry({ password: PASSWORD })
  proxy = await engineProxy()
  gate = await engineGate()
})

test.after.always(async () => {
  await gate?.remove()
  await proxy?.die()
  await registry?.stop()
  await ground?.clear()
})

/** An image of its own under our tag, to be pushed. */
async function made(
  t: ExecutionContext,
): Promise<PushRequest & { readonly id: string; readonly name: string }> {
  const repository = `acme/${t.title.toLowerCase().replace(/\W+/g, '').slice(0, 40)}`
  const tag = `fairlead-${ground.gatewayId}/${repository}:op1`
  const id = await importImage(tag)
  const reference = { host: registry.host, repository, tag: 'v1', digest: null }
  const auth = credential(registry.host, registry.username, PASSWORD)
  return { tag, reference, auth, id, name: formatImageReference(reference) }
}

async function importImage(tag: string, changes: string[] = []): Promise<string> {
  const layer = await busyboxLayer({ '/etc/own': `${Math.random()}` })
  const [repo = '', name = ''] = tag.split(/:(?=[^:]*$)/)
  const said = await text(
    await ground.docker.importImage(Readable.from([layer]), { repo, tag: name, changes }),
  )
  return /"status":"(sha256:[0-9a-f]{64})"/.exec(said)?.[1] ?? ''
}

/** All names that the engine knows the image by. */
async function namesOf(id: string): Promise<string[]> {
  const { RepoTags, RepoDigests } = await ground.docker.getImage(id).inspect()
  return [...(RepoTags ?? []), ...(RepoDigests ?? [])]
}

async function refused(t: ExecutionContext, request: PushRequest, code: ProblemCode, words: RegExp) {
  const heard = listen()
  const thrown = await t.throwsAsync(ground.engine().push(request, heard, signal), { instanceOf: Problem })
  if (!(thrown instanceof Problem)) return
  t.is(thrown.code, code, `${thrown.headline} ${thrown.saw}`)
  t.regex(thrown.headline, words)
  t.regex(thrown.headline, /push/)
  t.false(JSON.stringify({ ...thrown, heard, cause: String(thrown.cause) }).includes(PASSWORD))
}

test('an image is pushed with progress, and nothing but its own tag stays on the engine', async t => {
  const request = await made(t)
  const heard = listen()
  const digest = await ground.engine().push(request, heard, signal)
  t.regex(digest, /^sha256:[0-9a-f]{64}$/)
  t.deepEqual(await namesOf(request.id), [request.tag])
  t.is(await ground.engine().findImage(request.name, signal), null)
  t.is(heard.lines.length, 1)
  t.regex(heard.lines[0] ?? '', /^ {7}Pushed 1 layer, [\d.]+ [kM]B$/)
  t.true(heard.progressed.length > 1)
  t.deepEqual(
    heard.progressed.filter(state => !/^ {7}Pushing [01] of 1 layers, \d+%$/.test(state)),
    [],
  )

  const { host, repository } = request.reference
  const login = Buffer.from(`${registry.username}:${PASSWORD}`).toString('base64')
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/v1`, {
    method: 'HEAD',
    headers: {
      authorization: `Basic ${login}`,
      accept: 'application/vnd.docker.distribution.manifest.v2+json',
    },
  })
  t.is(answer.headers.get('docker-content-digest'), digest)

  const again = listen()
  t.is(await ground.engine().push(request, again, signal), digest)
  t.deepEqual(again.lines, ['       Nothing to push: every layer was there already'])
})

test('what was pushed is pulled back by its digest', async t => {
  const request = await made(t)
  const digest = await ground.engine().push(request, listen(), signal)
  await ground.engine().removeTag(request.tag, signal)
  t.is(await ground.engine().findImage(request.id, signal), null)
  const pulled = await ground.engine().pull({ ...request, digest }, listen(), signal)
  t.is(pulled.id, request.id)
})

test('credentials travel in the header only', async t => {
  const request = await made(t)
  const engine = ground.engine(ground.gatewayId, proxy.address)
  await engine.push(request, listen(), signal)
  const push = proxy.requests.find(sent => sent.includes(`${request.reference.repository}/push`)) ?? ''
  t.regex(push, /^POST \/v1\.\d+\/images\/[^ ?]+\/push\?tag=v1 HTTP/)
  const header = /x-registry-auth: (\S+)/i.exec(push)?.[1] ?? ''
  t.regex(header, /[-_]/)
  t.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), {
    username: registry.username,
    password: PASSWORD,
    serveraddress: registry.host,
  })
  t.is(
    proxy.requests.filter(
      sent => /x-registry-auth/i.test(sent) && sent.includes(request.reference.repository),
    ).length,
    1,
  )
})

test('an identity token travels as one, and never as a password', async t => {
  const request = await made(t)
  const engine = ground.engine(ground.gatewayId, proxy.address)
  const auth = credential(registry.host, '<token>', 'refresh>>>???~~~')
  // A registry that knows passwords only is not sent it.
  const thrown = await t.throwsAsync(engine.push({ ...request, auth }, listen(), signal), {
    instanceOf: Problem,
  })
  t.is((thrown as Problem).code, 'registry-login-failed')
  t.is(
    (thrown as Problem).headline,
    `${registry.host} refuses the identity token for the push of ${request.name}`,
  )
  const push = proxy.requests.find(sent => sent.includes(`${request.reference.repository}/push`)) ?? ''
  const header = /x-registry-auth: (\S+)/i.exec(push)?.[1] ?? ''
  t.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), {
    identitytoken: 'refresh>>>???~~~',
    serveraddress: registry.host,
  })
})

test('a wrong password is told with the name it was tried for, and takes the name away again', async t => {
  const request = await made(t)
  const auth = credential(registry.host, 'robot', 'wrong')
  await refused(
    t,
    { ...request, auth },
    'registry-login-failed',
    /refuses the login of robot for the push of/,
  )
  t.deepEqual(await namesOf(request.id), [request.tag])
})

test('without a credential it says that one is needed', async t => {
  const request = { ...(await made(t)), auth: null }
  await refused(t, request, 'registry-login-required', /takes no push of .* without a login/)
})

test('a registry that is not there does not answer', async t => {
  const gone = await startRegistry({ anonymous: true })
  await gone.stop()
  const request = await made(t)
  const reference = { ...request.reference, host: gone.host }
  await refused(
    t,
    { ...request, reference, auth: null },
    'registry-unreachable',
    /does not answer the Docker engine/,
  )
  t.deepEqual(await namesOf(request.id), [request.tag])
})

/** What a registry that has every layer says to the manifest, as registries do. */
const ANSWERS: readonly [
  status: number,
  code: string,
  message: string,
  problem: ProblemCode,
  words: RegExp,
][] = [
  [
    403,
    'DENIED',
    'requested access to the resource is denied',
    'registry-denied',
    /does not let robot push to/,
  ],
  [401, 'UNAUTHORIZED', 'access to the requested resource is not authorized', 'registry-denied', /push to/],
  [429, 'TOOMANYREQUESTS', 'slow down', 'registry-rate-limited', /limits how often/],
  [500, 'UNKNOWN', 'unknown error', 'registry-failed', /failed by itself/],
  [400, 'TAG_INVALID', 'the tag is immutable', 'image-push-failed', /lets no push replace it/],
  [403, 'DENIED', 'storage quota exceeded', 'image-push-failed', /has no room for the push/],
  [413, 'UNKNOWN', 'request entity too large', 'image-push-failed', /has no room for the push/],
  [404, 'NAME_UNKNOWN', 'repository does not exist', 'image-not-found', /makes none for the push/],
  [400, 'UNSUPPORTED', 'something of its own', 'image-push-failed', /could not push/],
]

for (const [status, code, message, problem, words] of ANSWERS) {
  test(`a registry that answers ${status} ${message} is told as ${problem}`, async t => {
    const layer = { 'content-length': '5', 'docker-content-digest': `sha256:${'a'.repeat(64)}` }
    const fake = await startFakeRegistry(({ method, path }) => {
      if (path === '/v2/') return { status: 200, body: {} }
      if (method === 'HEAD') return { status: 200, headers: layer, body: '' }
      return { status, body: errorBody(code, message) }
    })
    t.teardown(fake.stop)
    const request = await made(t)
    const reference = { ...request.reference, host: fake.host }
    await refused(
      t,
      { ...request, reference, auth: credential(fake.host, 'robot', PASSWORD) },
      problem,
      words,
    )
    t.deepEqual(await namesOf(request.id), [request.tag])
  })
}

test('a credential for another host is not sent', async t => {
  const request = await made(t)
  const engine = ground.engine(ground.gatewayId, proxy.address)
  const auth = credential('registry.example', 'robot', PASSWORD)
  const thrown = await t.throwsAsync(engine.push({ ...request, auth }, listen(), signal), {
    instanceOf: Problem,
  })
  t.is((thrown as Problem).code, 'registry-host-mismatch')
  t.false(proxy.requests.some(sent => sent.includes(request.reference.repository)))
})

test('a name that was there before is put back, whatever it stands for', async t => {
  const request = await made(t)
  const [repo, tag] = request.name.split(/:(?=[^:]*$)/) as [string, string]
  const theirs = await importImage(request.name)
  await ground.engine().push(request, listen(), signal)
  t.deepEqual(await namesOf(theirs), [request.name])
  t.deepEqual(await namesOf(request.id), [request.tag])
  await refused(
    t,
    { ...request, auth: credential(registry.host, 'robot', 'wrong') },
    'registry-login-failed',
    /refuses/,
  )
  t.deepEqual(await namesOf(theirs), [request.name])

  // The same image under the name: that was there too.
  await ground.docker.getImage(request.id).tag({ repo, tag })
  await ground.engine().push(request, listen(), signal)
  t.deepEqual((await namesOf(request.id)).sort(), [request.name, request.tag].sort())
  for (const name of [request.name, theirs]) await ground.docker.getImage(name).remove()
})

test('a push that is broken off leaves no name', async t => {
  const request = await made(t)
  const engine = ground.engine(ground.gatewayId, { kind: 'unix', path: gate.path })
  const held = gate.hold(/^POST \S+brokenoff\S*\/push/)
  const leaving = new AbortController()
  const push = engine.push(request, listen(), leaving.signal)
  await held.reached
  t.deepEqual((await namesOf(request.id)).sort(), [request.name, request.tag].sort())
  leaving.abort(new Error('left'))
  await t.throwsAsync(push, { message: 'left' })
  held.release()
  t.deepEqual(await namesOf(request.id), [request.tag])
})

test('a name that somebody else gave away meanwhile stays theirs', async t => {
  const request = await made(t)
  const engine = ground.engine(ground.gatewayId, { kind: 'unix', path: gate.path })
  const held = gate.hold(/^POST \S+somebodyelse\S*\/push/)
  const leaving = new AbortController()
  const push = engine.push(request, listen(), leaving.signal)
  await held.reached
  const theirs = await importImage(request.name)
  t.teardown(() => ground.docker.getImage(theirs).remove())
  leaving.abort(new Error('left'))
  await t.throwsAsync(push, { message: 'left' })
  held.release()
  t.deepEqual(await namesOf(theirs), [request.name])
  t.deepEqual(await namesOf(request.id), [request.tag])
})

test('pushes to one repository take turns, and each has its own digest', async t => {
  const first = await made(t)
  const tag = first.tag.replace(/op1$/, 'op2')
  const reference = { ...first.reference, tag: 'v1.2' }
  const second = { ...first, tag, reference, id: await importImage(tag) }
  const engine = ground.engine(ground.gatewayId, proxy.address)
  const both = [first, second, first].map(request => engine.push(request, listen(), signal))
  const [a, b, again] = await Promise.all(both)
  t.not(a, b)
  t.is(again, a)
  const order = proxy.requests
    .filter(sent => sent.includes(first.reference.repository) && /^POST .*\/push|^DELETE .*:v1/.test(sent))
    .map(sent => sent.split(' ')[0])
  t.deepEqual(order, ['POST', 'DELETE', 'POST', 'DELETE', 'POST', 'DELETE'])
  t.deepEqual(await namesOf(first.id), [first.tag])
  t.deepEqual(await namesOf(second.id), [second.tag])
})

test('an image that is not there cannot be pushed', async t => {
  const request = await made(t)
  const thrown = await t.throwsAsync(
    ground.engine().push({ ...request, tag: `${request.tag}-not` }, listen(), signal),
    { instanceOf: Problem },
  )
  t.is((thrown as Problem).code, 'engine-failed')
})

test('only a tag of this gateway is pushed, and only to a name with a tag', async t => {
  const request = await made(t)
  const engine = ground.engine()
  await t.throwsAsync(engine.push({ ...request, tag: ground.image }, listen(), signal), {
    instanceOf: TypeError,
  })
  for (const changes of [{ tag: null }, { digest: `sha256:${'0'.repeat(64)}` }, { tag: 'v1?x=1' }]) {
    const reference = { ...request.reference, ...changes }
    await t.throwsAsync(async () => engine.push({ ...request, reference }, listen(), signal), {
      instanceOf: TypeError,
    })
  }
})

test('the name that a broken push left goes with its digest, and one that is not on an image of ours stays', async t => {
  const engine = ground.engine()
  const request = await made(t)
  const digest = await engine.push(request, listen(), signal)
  const { host, repository } = request.reference
  await ground.docker.getImage(request.id).tag({ repo: `${host}/${repository}`, tag: 'v1' })
  await engine.removeLeftName(request.reference, signal)
  t.deepEqual(
    (await namesOf(request.id)).sort(),
    [request.name, request.tag].sort(),
    'the image has no label of ours',
  )
  await ground.docker.getImage(request.name).remove()

  const tag = `${request.tag}-built`
  const built = await importImage(tag, [`LABEL fairlead.gateway=${ground.gatewayId}`])
  await ground.docker.getImage(built).tag({ repo: `${host}/${repository}`, tag: 'v1' })
  await ground.docker
    .getImage(request.name)
    .push({
      authconfig: { username: registry.username, password: PASSWORD, serveraddress: host },
    })
    .then(answer => text(answer))
  t.is((await namesOf(built)).length, 3, `its tag, its name, and its digest, which is not ${digest}`)
  await engine.removeLeftName(request.reference, signal)
  t.deepEqual(await namesOf(built), [tag])
  await engine.removeLeftName(request.reference, signal)
  await engine.removeTag(tag, signal)
})
