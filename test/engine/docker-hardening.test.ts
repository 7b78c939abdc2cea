// What the Docker driver asks of the real engine for every container, and what it keeps out of sight.
import test from 'ava'
import type { ContainerSpec } from '../../src/domain/container.ts'
import { Problem } from '../../src/domain/problem.ts'
import { Secret } from '../../src/domain/secret.ts'
import { type DockerGround, dockerGround, shellProgram } from '../support/docker-ground.ts'
import { ENGINE_SOCKET, type EngineProxy, engineProxy } from '../support/engine-proxy.ts'
import { importBusybox } from '../support/images.ts'

let ground: DockerGround
let proxy: EngineProxy
let network: string
const { signal } = new AbortController()

test.before(async () => {
  ground = await dockerGround()
  proxy = await engineProxy()
  network = `fairlead-${ground.gatewayId}.env`
  await ground.engine().ensureNetwork(network, 'env', [ground.subnet(0)], signal)
})

test.after.always(async () => {
  await proxy?.die()
  await ground?.clear()
})

let made = 0
function spec(changes: Partial<ContainerSpec> = {}): ContainerSpec {
  made += 1
  return {
    name: `fairlead-${ground.gatewayId}.env.app.v1.web.${made}`,
    labels: { environment: 'env', app: 'app', release: 1, process: 'web', index: made, oneOff: false },
    image: ground.image,
    entrypoint: [],
    command: shellProgram({}),
    env: new Map(),
    network,
    limits: { memory: 32 * 1024 * 1024, cpus: 0.5, pids: 32 },
    grace: 7,
    ...changes,
  }
}

async function inspectCreated(changes: Partial<ContainerSpec> = {}) {
  const id = await ground.engine().create(spec(changes), signal)
  return ground.docker.getContainer(id).inspect()
}

test('every hardening setting reaches the engine', async t => {
  const { HostConfig, Config, NetworkSettings } = await inspectCreated()
  t.like(HostConfig, {
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    SecurityOpt: ['no-new-privileges:true'],
    CapDrop: ['ALL'],
    CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'KILL', 'NET_BIND_SERVICE'],
    Privileged: false,
    PublishAllPorts: false,
    PidsLimit: 32,
    Memory: 32 * 1024 * 1024,
    NanoCpus: 5e8,
    Init: true,
    Binds: null,
    NetworkMode: network,
  })
  t.is(HostConfig.Mounts, undefined)
  t.is((Config as { StopTimeout?: number }).StopTimeout, 7)
  t.deepEqual(Object.keys(NetworkSettings.Networks), [network])
})

test('a container that is kept running comes back with the engine, also with one that was killed', async t => {
  const id = await ground.engine().create(spec(), signal)
  await ground.engine().keepRunning(id, signal)
  const { HostConfig } = await ground.docker.getContainer(id).inspect()
  t.is(HostConfig.RestartPolicy?.Name, 'always')
})

test('inside, the capabilities are dropped and no new privileges can be had', async t => {
  const command = ['/bin/sh', '-c', 'grep -E "CapEff|CapBnd|NoNewPrivs" /proc/self/status']
  const seen = await output({ command })
  // chown 0, dac_override 1, fowner 3, kill 5, setgid 6, setuid 7, net_bind_service 10
  const kept = [0, 1, 3, 5, 6, 7, 10].reduce((mask, bit) => mask | (1 << bit), 0)
  t.deepEqual(
    seen.map(line => line.replace(/\s+/, ' ')),
    [
      `CapEff: ${kept.toString(16).padStart(16, '0')}`,
      `CapBnd: ${kept.toString(16).padStart(16, '0')}`,
      'NoNewPrivs: 1',
    ],
  )
})

test('values of the config reach the container as they are, and no request line or header', async t => {
  const value = 'hunter2 =&?%"\'\n€ zwei'
  const engine = ground.engine(ground.gatewayId, proxy.address)
  const env = new Map([
    ['DB_PASSWORD', new Secret(value)],
    ['COLOR', new Secret('red')],
  ])
  const id = await engine.create(spec({ env }), signal)
  const { Config } = await ground.docker.getContainer(id).inspect()
  t.true(Config.Env.includes(`DB_PASSWORD=${value}`))
  t.true(Config.Env.includes('COLOR=red'))
  const creation = proxy.requests.filter(request => request.includes('/containers/create'))
  t.is(creation.length, 1)
  t.regex(creation[0] ?? '', /^POST \/v1\.\d+\/containers\/create\?name=fairlead-[\w.-]+ HTTP/)
  t.false(proxy.requests.some(request => /hunter2|DB_PASSWORD/.test(request)))
})

test('half a megabyte of config is no problem', async t => {
  const env = new Map(
    Array.from({ length: 8 }, (_, i) => [`BIG_${i}`, new Secret('%'.repeat(65_000))] as const),
  )
  const { Config } = await inspectCreated({ env })
  t.is(Config.Env.filter(line => line.startsWith('BIG_')).length, 8)
})

test("without words of its own a container gets the image's ENTRYPOINT and CMD", async t => {
  const { entrypoint: _, command: __, ...bare } = spec()
  const id = await ground.engine().create(bare, signal)
  const { Config } = await ground.docker.getContainer(id).inspect()
  t.deepEqual(Config.Entrypoint, ['/bin/entry'])
  t.deepEqual(Config.Cmd, ['web'])
})

test("a command alone keeps the image's ENTRYPOINT", async t => {
  const { entrypoint: _, ...bare } = spec({ command: ['worker', '-v'] })
  const id = await ground.engine().create(bare, signal)
  const { Config } = await ground.docker.getContainer(id).inspect()
  t.deepEqual(Config.Entrypoint, ['/bin/entry'])
  t.deepEqual(Config.Cmd, ['worker', '-v'])
})

test('any user of an image may write in the directory that was made, without a bind or a volume', async t => {
  const image = `fairlead-test-${ground.gatewayId}:nobody`
  await importBusybox(ground.docker, image, { user: 'nobody' })
  t.teardown(() => ground.docker.getImage(image).remove({ force: true }))
  const directory = '/var/new/run-7'
  const script = `id -u; echo yes > ${directory}/out && cat ${directory}/out; ls -A ${directory}; stat -c %a:%u:%g /var /var/new ${directory}; touch /var/new/no 2>/dev/null || echo refused`
  const changes = { image, command: ['/bin/sh', '-c', script], writableDirectory: directory }
  t.deepEqual(await output(changes), [
    '65534',
    'yes',
    'out',
    // What the image had stays as it was; what is made on the way is nobody's but root's.
    '755:0:0',
    '755:0:0',
    '1777:0:0',
    'refused',
  ])
  const id = await ground.engine().create(spec(changes), signal)
  const { HostConfig, Mounts } = await ground.docker.getContainer(id).inspect()
  t.falsy(HostConfig.Binds)
  t.is(HostConfig.Mounts, undefined)
  t.deepEqual(Mounts, [])
})

test('a directory that cannot be made leaves no container behind', async t => {
  const wanted = spec({ writableDirectory: '/etc/passwd/below-a-file' })
  await t.throwsAsync(ground.engine().create(wanted, signal), { instanceOf: Problem })
  const all = await ground.docker.listContainers({ all: true, filters: { name: [wanted.name] } })
  t.deepEqual(all, [])
})

test("the engine's socket is the only thing that is ever bound, and only where it is asked for", async t => {
  const command = ['/bin/sh', '-c', '[ -S /var/run/docker.sock ] && echo there || echo none']
  t.deepEqual(await output({ command }), ['none'])
  t.deepEqual(await output({ command, engineSocket: false }), ['none'])
  t.deepEqual(await output({ command, engineSocket: true }), ['there'])

  const { HostConfig, Mounts } = await inspectCreated({ engineSocket: true })
  t.falsy(HostConfig.Binds)
  t.is(HostConfig.Privileged, false)
  t.deepEqual(
    Mounts.map(({ Type, Source, Destination }) => [Type, Source, Destination]),
    [['bind', ENGINE_SOCKET, '/var/run/docker.sock']],
  )
})

test('labels say whose container it is, and hold no values', async t => {
  const { Config } = await inspectCreated({ env: new Map([['KEY', new Secret('sesame')]]) })
  t.deepEqual(Object.keys(Config.Labels).sort(), [
    'fairlead.app',
    'fairlead.environment',
    'fairlead.gateway',
    'fairlead.index',
    'fairlead.one-off',
    'fairlead.process',
    'fairlead.release',
  ])
  t.is(Config.Labels['fairlead.gateway'], ground.gatewayId)
  t.false(JSON.stringify(Config.Labels).includes('sesame'))
})

test('names that would leave their place in a request are refused before anything is sent', async t => {
  const engine = ground.engine(ground.gatewayId, proxy.address)
  const before = proxy.requests.length
  await engine.facts(signal)
  const known = proxy.requests.length
  for (const name of ['../images/x', 'a/b', 'a?force=1', 'a b', 'a\r\nx: y', '', '-a', '.']) {
    await t.throwsAsync(engine.remove(name, signal), { instanceOf: TypeError })
    await t.throwsAsync(engine.removeNetwork(name, signal), { instanceOf: TypeError })
    await t.throwsAsync(async () => engine.inspect(name, signal), { instanceOf: TypeError })
    await t.throwsAsync(async () => engine.nextExit(name, signal), { instanceOf: TypeError })
  }
  for (const name of ['../x', 'a?b', 'a b', '', 'a//b', 'a@sha256:12']) {
    await t.throwsAsync(engine.findImage(name, signal), { instanceOf: TypeError })
  }
  t.true(known > before)
})

async function output(changes: Partial<ContainerSpec>): Promise<string[]> {
  const engine = ground.engine()
  const id = await engine.create(spec({ ...changes, labels: { ...spec().labels, oneOff: true } }), signal)
  const exit = engine.nextExit(id, signal)
  await engine.start(id, signal)
  await exit
  const lines: string[] = []
  await engine.logs(id, { follow: false, lines: 'all' }, line => lines.push(line), signal)
  return lines
}
