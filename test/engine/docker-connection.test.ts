// How the Docker driver reaches an engine, and what people read when it does not.
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { ContainerSpec } from '../../src/domain/container.ts'
import type { Engine } from '../../src/domain/engine.ts'
import { Problem } from '../../src/domain/problem.ts'
import type { EngineAddress } from '../../src/domain/stack.ts'
import { dockerEngine } from '../../src/engines/docker/engine.ts'
import { type DockerGround, dockerGround, shellProgram, stackAt } from '../support/docker-ground.ts'
import { type Certificates, engineProxy, makeCertificates, tlsEngineProxy } from '../support/engine-proxy.ts'
import { engineGate } from '../support/gate.ts'
import { until } from '../support/until.ts'

const { signal } = new AbortController()
let certificates: Certificates
let ground: DockerGround

test.before(async () => {
  certificates = makeCertificates()
  ground = await dockerGround()
})

test.after.always(async () => {
  rmSync(certificates.directory, { recursive: true, force: true })
  await ground?.clear()
})

function engineAt(address: EngineAddress) {
  return dockerEngine({ stack: stackAt(address), gatewayId: 'gateway' })
}

async function refusal(t: ExecutionContext, call: Promise<unknown>): Promise<Problem> {
  const thrown = await t.throwsAsync(call, { instanceOf: Problem })
  if (!(thrown instanceof Problem)) throw new Error('the call succeeded')
  return thrown
}

test('an engine behind mutual TLS is reached with the certificate of the stack', async t => {
  const proxy = await tlsEngineProxy(certificates)
  t.teardown(proxy.die)
  t.is((await engineAt(proxy.address).facts(signal)).platform.os, 'linux')
  t.true(proxy.requests.length >= 2)
})

test('an engine that does not know our certificate lets no request through', async t => {
  const proxy = await tlsEngineProxy(certificates)
  t.teardown(proxy.die)
  const address = {
    kind: 'tls',
    host: '127.0.0.1',
    port: proxy.port,
    ca: certificates.ca,
    ...certificates.stranger,
  } as const
  const problem = await refusal(t, engineAt(address).facts(signal))
  t.is(problem.code, 'engine-unreachable')
  t.deepEqual(proxy.requests, [])
})

test('an engine that another authority vouches for gets no request', async t => {
  const proxy = await tlsEngineProxy(certificates)
  t.teardown(proxy.die)
  const { stranger, client } = certificates
  const address = { kind: 'tls', host: '127.0.0.1', port: proxy.port, ca: stranger.cert, ...client } as const
  const problem = await refusal(t, engineAt(address).facts(signal))
  t.is(problem.code, 'engine-unreachable')
  t.regex(problem.hint, /check ca, cert, key and host in the stack file/)
  t.deepEqual(proxy.requests, [])
})

test('a certificate file that is not there is named', async t => {
  const address = {
    kind: 'tls',
    host: '127.0.0.1',
    port: 1,
    ca: '/nowhere/ca.pem',
    ...certificates.client,
  } as const
  const problem = await refusal(t, engineAt(address).facts(signal))
  t.is(problem.code, 'stack-invalid')
  t.regex(problem.hint, /\/nowhere\/ca\.pem/)
})

test('an engine that is not there is a Problem', async t => {
  const problem = await refusal(t, engineAt({ kind: 'unix', path: '/nowhere/docker.sock' }).list({}, signal))
  t.is(problem.code, 'engine-unreachable')
  t.is(problem.headline, 'The Docker engine of stack local does not answer')
  t.regex(problem.saw ?? '', /ENOENT.*\/nowhere\/docker\.sock/)
  t.regex(problem.hint, /check that the engine runs/)
})

test('a TCP engine that refuses connections is a Problem', async t => {
  const proxy = await tlsEngineProxy(certificates)
  await proxy.die()
  const problem = await refusal(t, engineAt(proxy.address).facts(signal))
  t.is(problem.code, 'engine-unreachable')
  t.regex(problem.saw ?? '', /ECONNREFUSED/)
})

test('what the environment says of Docker hosts does not matter', async t => {
  const before = process.env.DOCKER_HOST
  process.env.DOCKER_HOST = 'tcp://127.0.0.1:1'
  t.teardown(() => {
    if (before === undefined) delete process.env.DOCKER_HOST
    else process.env.DOCKER_HOST = before
  })
  await t.notThrowsAsync(engineAt({ kind: 'unix', path: '/var/run/docker.sock' }).facts(signal))
})

test('an engine that dies while a container is watched and its log followed ends both with a Problem', async t => {
  const proxy = await engineProxy()
  t.teardown(proxy.die)
  const { gatewayId } = ground
  const network = `fairlead-${gatewayId}.env`
  const engine = ground.engine(gatewayId, proxy.address)
  await engine.ensureNetwork(network, 'env', [ground.subnet(0)], signal)
  const labels = { environment: 'env', app: 'a', release: 1, process: 'web', index: 1, oneOff: true }
  const limits = { memory: 32 * 1024 * 1024, cpus: 0.5, pids: 32 }
  const command = shellProgram({ prints: ['ready'] })
  const name = `fairlead-${gatewayId}.env.a.v1.web.1`
  const { image } = ground
  const spec = { name, labels, image, entrypoint: [], command, env: new Map(), network, limits, grace: 1 }
  const id = await engine.create(spec, signal)
  const exit = engine.nextExit(id, signal)
  await engine.start(id, signal)
  const ready = Promise.withResolvers<void>()
  const log = engine.logs(id, { follow: true, lines: 'all' }, () => ready.resolve(), signal)
  await ready.promise
  await proxy.die()
  t.is((await refusal(t, log)).code, 'engine-unreachable')
  t.is((await refusal(t, exit)).headline, 'The Docker engine broke off in the middle of its answer')
  t.is((await refusal(t, engine.list({}, signal))).code, 'engine-unreachable')
})

/** All that an engine answers within seconds, asked of a container that is not there. */
const AT_ONCE: readonly (readonly [string, (engine: Engine, id: string) => Promise<unknown>])[] = [
  ['tell where it keeps images', engine => engine.diskSpace(signal)],
  ['tell the time', engine => engine.now(signal)],
  ['look at an image', engine => engine.findImage('x:y', signal)],
  ['remove a tag', engine => engine.removeTag('fairlead-gateway/x:y', signal)],
  ['list images', engine => engine.tags(null, signal)],
  ['make a network', engine => engine.ensureNetwork('fairlead-gateway.env', 'env', ['10.64.0.0/28'], signal)],
  ['list networks', engine => engine.networks(signal)],
  ['remove a network', engine => engine.removeNetwork('fairlead-gateway.env', signal)],
  ['create a container', engine => engine.create(SPEC, signal)],
  ['start a container', (engine, id) => engine.start(id, signal)],
  ['keep a container running', (engine, id) => engine.keepRunning(id, signal)],
  ['look at a container', (engine, id) => engine.inspect(id, signal)],
  ['look at a container', (engine, id) => engine.condition(id, signal)],
  ['see where a container listens', (engine, id) => engine.listening(id, signal)],
  ['measure a container', (engine, id) => engine.usage(id, signal)],
  ['read a file in a container', (engine, id) => engine.readFile(id, '/x', 1, signal)],
  ['remove a container', (engine, id) => engine.remove(id, signal)],
  ['resize a terminal', (engine, id) => engine.resize(id, { columns: 80, rows: 24 }, signal)],
  ['list containers', engine => engine.list({}, signal)],
]
const SPEC: ContainerSpec = {
  name: 'fairlead-gateway.env.a.v1.web.1',
  labels: { environment: 'env', app: 'a', release: 1, process: 'web', index: 1, oneOff: false },
  image: 'x:y',
  command: [],
  env: new Map(),
  network: 'fairlead-gateway.env',
  limits: { memory: 32 * 1024 * 1024, cpus: 0.5, pids: 32 },
  grace: 1,
}

test('an engine that hangs is given up, whatever it was asked for, and what takes its time is not', async t => {
  const gate = await engineGate()
  t.teardown(gate.remove)
  const stack = stackAt({ kind: 'unix', path: gate.path })
  const engine = dockerEngine({ stack, gatewayId: 'gateway', patience: 500 })
  // It knows the engine by then.
  await dockerEngine({ stack, gatewayId: 'gateway' }).list({}, signal)
  await until('it has answered in time', () =>
    engine.list({}, signal).then(
      () => true,
      () => false,
    ),
  )
  const held = gate.hold(/./)
  const id = 'a'.repeat(64)
  const leaving = new AbortController()
  const exit = engine.nextExit(id, leaving.signal)
  await held.reached
  for (const [doing, problem] of await Promise.all(
    AT_ONCE.map(async ([doing, call]) => [doing, await refusal(t, call(engine, id))] as const),
  )) {
    t.is(problem.code, 'engine-unreachable')
    t.is(problem.headline, 'The Docker engine of stack local hangs')
    t.is(problem.saw, `It was asked to ${doing}, and has not answered within 0.5 seconds`)
    t.regex(problem.hint, /restart it if it stays so/)
  }
  const { saw } = await refusal(t, engine.stop(id, 1, signal))
  t.is(saw, 'It was asked to stop a container, and has not answered within 1.5 seconds')
  leaving.abort(new Error('left'))
  await t.throwsAsync(exit, { message: 'left' })
})

test('an engine older than 20.10 is refused with both ranges', async t => {
  const { address } = await talkingEngine(t, () => ({ newest: '1.40', oldest: '1.12' }))
  const problem = await refusal(t, engineAt(address).facts(signal))
  t.is(problem.code, 'engine-failed')
  t.regex(problem.saw ?? '', /speaks 1\.12 to 1\.40, the gateway 1\.41 to 1\.47/)
})

test('an engine so new that it speaks none of our versions is refused', async t => {
  const { address } = await talkingEngine(t, () => ({ newest: '1.60', oldest: '1.50' }))
  t.regex((await refusal(t, engineAt(address).facts(signal))).saw ?? '', /speaks 1\.50 to 1\.60/)
})

test('the newest version that both speak is used, and agreed upon again when the engine is replaced', async t => {
  let newest = '1.60'
  const { address, paths } = await talkingEngine(t, () => ({ newest, oldest: '1.40' }))
  const engine = engineAt(address)
  await engine.list({}, signal)
  t.regex(paths.at(-1) ?? '', /^\/v1\.47\/containers\/json/)
  newest = '1.41'
  t.deepEqual(await engine.list({}, signal), [])
  t.regex(paths.at(-1) ?? '', /^\/v1\.41\/containers\/json/)
  t.is((await engine.facts(signal)).apiVersion, '1.41')
})

test('a full disk is told as such, whatever was asked for', async t => {
  const words = 'mkdir /var/lib/docker/overlay2/x: no space left on device'
  const { address } = await talkingEngine(t, () => ({ newest: '1.41', oldest: '1.12', fails: words }))
  const problem = await refusal(t, engineAt(address).list({}, signal))
  t.is(problem.code, 'engine-disk-full')
  t.is(problem.saw, words)
})

test('an error in the middle of a pull that began well is a Problem', async t => {
  const digest = `sha256:${'a'.repeat(64)}`
  const reference = { host: 'quay.io', repository: 'acme/shop', tag: 'v1', digest: null }
  const lines = [
    { status: 'Pulling fs layer', id: 'aa' },
    { errorDetail: { message: 'toomanyrequests: slow down' }, error: 'toomanyrequests: slow down' },
  ]
  const { address } = await talkingEngine(t, () => ({ newest: '1.41', oldest: '1.12', pull: lines }))
  const transcript = { line: () => {}, progress: () => {} }
  const problem = await refusal(
    t,
    engineAt(address).pull(
      { reference, digest, auth: null, tag: 'fairlead-gateway/a/b:op1' },
      transcript,
      signal,
    ),
  )
  t.is(problem.code, 'registry-rate-limited')
  t.is(problem.saw, 'toomanyrequests: slow down')
})

/** A program that talks like an engine of these versions: for engines that no machine has. */
async function talkingEngine(
  t: ExecutionContext,
  now: () => { newest: string; oldest: string; fails?: string; pull?: object[] },
) {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-talking-'))
  const path = join(directory, 'engine.sock')
  const paths: string[] = []
  const server = http.createServer((request, response) => {
    const { newest, oldest, fails, pull } = now()
    paths.push(request.url ?? '')
    const asked = /^\/v1\.(\d+)\//.exec(request.url ?? '')?.[1]
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify(body)}\n`)
    }
    if (asked === undefined) {
      answer(200, { Version: '99.0', ApiVersion: newest, MinAPIVersion: oldest, Os: 'linux', Arch: 'amd64' })
    } else if (Number(asked) > Number(newest.slice(2))) {
      const message = `client version 1.${asked} is too new. Maximum supported API version is ${newest}`
      answer(400, { message })
    } else if (request.url?.includes('/images/quay.io')) {
      answer(404, { message: 'No such image' })
    } else if (pull !== undefined) response.end(pull.map(line => `${JSON.stringify(line)}\r\n`).join(''))
    else if (fails !== undefined) answer(500, { message: fails })
    else answer(200, [])
  })
  await new Promise<void>(resolve => server.listen(path, resolve))
  t.teardown(() => {
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { address: { kind: 'unix', path } as const, paths }
}
