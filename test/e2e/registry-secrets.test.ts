// Every source of credentials is used once well and once in vain, all of it at once and watched; then each test looks
// for what is secret in one of the places where it could have been left.
import { spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import Docker from 'dockerode'
import { makeCertificate } from '../support/certificate.ts'
import {
  errorBody,
  type FakeRegistry,
  type FakeRequest,
  startFakeRegistry,
} from '../support/fake-registry.ts'
import { type Checkout, type Finished, startGateway, type TestGateway } from '../support/gateway.ts'
import { gatewayId, onEngine } from '../support/on-engine.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { awkwardSecret, filesBelow, found, type Sighting, spellings, watched } from '../support/spellings.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const WEB = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'
const USERNAME = 'robot'
const PASSWORD = awkwardSecret('rs')
/** What signs an address. Without a ', which ssh would be handed in another spelling. */
const QUERY = awkwardSecret('qs').replaceAll("'", '')
/** What a generator is given. It has no ' for the env file. */
const API_KEY = awkwardSecret('ak').replaceAll("'", '')
const LOGIN = Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')
const NEEDLES = new Map(
  Object.entries({
    password: spellings(PASSWORD, USERNAME),
    query: spellings(QUERY),
    key: spellings(API_KEY),
  }).flatMap(([what, forms]) => [...forms].map(([form, bytes]) => [`${what}, ${form}`, bytes] as const)),
)
const ENV_FILE = `LOGIN='${LOGIN}'\nAPI_KEY='${API_KEY}'\n`

let directory: string
let gateway: TestGateway
let registry: TestRegistry
/** For images of generators: no source has to be used to have them. */
let open: TestRegistry
/** Refuses every login, and repeats it. */
let echo: FakeRegistry
let files: FakeRegistry
/** What everybody read, by command. */
const said: [command: string, text: string][] = []
let sightings: readonly Sighting[]
let looks = 0
/** Of the engine, while all was going on: what it told everybody, and each container of the gateway as it was made. */
let events = ''
const inspected: { generator: boolean; text: string }[] = []
const seenInTemporaryFiles: string[] = []

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const CONFIG = JSON.stringify({
  os: 'linux',
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  // Of this run: what an earlier one fetched would not be fetched again.
  config: { Labels: { run: randomUUID() } },
  rootfs: { type: 'layers', diff_ids: [digestOf('no layer')] },
})
const LATE = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
  config: {
    mediaType: 'application/vnd.docker.container.image.v1+json',
    size: CONFIG.length,
    digest: digestOf(CONFIG),
  },
  layers: [
    { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', size: 9, digest: digestOf('no layer') },
  ],
})

/** `acme/late` shows its manifest; without its configuration the engine alone is at a loss. */
function echoes({ method, path, authorization }: FakeRequest) {
  if (authorization === null) return { status: 401, headers: { 'www-authenticate': 'Basic realm="echo"' } }
  const type = 'application/vnd.docker.distribution.manifest.v2+json'
  const digest = digestOf(LATE)
  if (path === '/v2/') return { status: 200 }
  if (method !== 'POST' && path.startsWith('/v2/acme/late/manifests/')) {
    return { status: 200, headers: { 'content-type': type, 'docker-content-digest': digest }, body: LATE }
  }
  const login = Buffer.from(authorization.slice('Basic '.length), 'base64').toString()
  const words = `${login} is refused, sent as ${authorization}, or ${encodeURIComponent(login.slice(6))}`
  return { status: 403, body: errorBody('DENIED', words) }
}

async function say(words: readonly string[], stdin?: string): Promise<Finished> {
  const answer = await gateway.fairlead(words, stdin === undefined ? {} : { stdin })
  said.push([words.join(' ').replace(/\?.*/, '?…'), answer.all])
  return answer
}

async function well(words: readonly string[], stdin?: string): Promise<Finished> {
  const answer = await say(words, stdin)
  if (answer.status !== 0) throw new Error(answer.all)
  return answer
}

async function push(app: Checkout, code: string | null, written: Record<string, string> = {}): Promise<void> {
  const pushed = await app.push(written)
  said.push([`git push of ${app.app}, ${code ?? 'well'}`, pushed.all])
  const isAsMeant = code === null ? pushed.status === 0 : pushed.all.includes(` (${code})`)
  if (!isAsMeant) throw new Error(`not ${code ?? 'well'}: ${pushed.all}`)
}

/** How each source is set for an app, and how it is when it is of no use. */
const SOURCES: Record<string, (app: Checkout, file: string) => Promise<void>> = {
  async variables(app) {
    const login = [
      `APTIBLE_PRIVATE_REGISTRY_USERNAME=${USERNAME}`,
      `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${PASSWORD}`,
    ]
    const host = (name: string) => `APTIBLE_PRIVATE_REGISTRY_HOST=${name}`
    await well(['config:set', '--app', app.name, host(echo.host), ...login])
    await inVain(app)
    await well(['config:set', '--app', app.name, host(registry.host)])
  },
  async encrypted(app, file) {
    const { stdout } = await well(['registry:encrypt', file, '--app', app.name])
    app.write({ 'dockercfg.encrypted': stdout })
    await inVain(app)
  },
  async stored(app, file) {
    const login = ['--username', USERNAME, '--password-stdin', '--app', app.name]
    await say(['registry:login', echo.host, ...login], PASSWORD)
    await well(['registry:login', echo.host, ...login, '--no-check'], PASSWORD)
    await well(['registry:login', registry.host, ...login], PASSWORD)
    await well(['registry:import', file, '--app', app.name])
    // First of all without a build, which would know the secret by another way.
    await well(['config:set', '--app', app.name, `APTIBLE_DOCKER_IMAGE=${echo.host}/acme/late:1`])
    await push(app, 'registry-denied')
    await well(['config:unset', '--app', app.name, 'APTIBLE_DOCKER_IMAGE'])
    await inVain(app)
    await push(app, 'registry-denied', { Dockerfile: `FROM ${echo.host}/acme/late:1\nRUN true\n` })
    const push_ = `push:\n  image_name: ${echo.host}/acme/pushed\n`
    await push(app, 'registry-denied', {
      Dockerfile: `FROM ${registry.host}/acme/shop:1\n`,
      '.fairlead.yml': push_,
    })
    app.write({ '.fairlead.yml': `push:\n  image_name: ${registry.host}/acme/pushed\n` })
  },
  async uri(app) {
    const address = (name: string) => `${files.url}/${name}?${encodeURIComponent(QUERY)}`
    await well(['registry:uri', address('gone.json'), '--app', app.name])
    await push(app, 'registry-uri-failed', { Dockerfile: `FROM ${registry.host}/acme/shop:1\n` })
    await well(['registry:uri', address('config.json'), '--app', app.name])
    await inVain(app)
  },
  async secret(app, file) {
    await say(['secrets:create', 'team/broken', '--value-file', `${file}.broken`])
    await well(['secrets:create', 'team/pull', '--value-file', file])
    await well(['registry:use', '--secret', 'team/pull', '--app', app.name])
    await inVain(app)
  },
  async generator(app) {
    const set = (tag: string) =>
      well(
        [
          'registry:generator',
          'gen',
          '--image',
          `${open.host}/acme/gen:${tag}`,
          '--env-file',
          '-',
          '--app',
          app.name,
        ],
        ENV_FILE,
      )
    for (const tag of ['fails', 'rubbish']) {
      await set(tag)
      await push(app, 'generator-failed', { Dockerfile: `FROM ${registry.host}/acme/shop:1\n` })
    }
    await set('works')
    await inVain(app)
  },
}

/** The registry refuses, and repeats what it was sent. */
async function inVain(app: Checkout): Promise<void> {
  await push(app, 'registry-denied', { Dockerfile: `FROM ${echo.host}/acme/refused:1\n` })
  await say(['registry:explain', `${echo.host}/acme/refused:1`, '--app', app.name])
}

async function use(source: string, file: string): Promise<void> {
  const app = await gateway.app({ Procfile: WEB }, { app: source })
  await SOURCES[source]?.(app, file)
  await push(app, null, { Dockerfile: `FROM ${registry.host}/acme/shop:1\nRUN env > /built\n` })
  await well(['registry:explain', `${registry.host}/acme/shop:1`, '--app', app.name])
}

function generatorImage(end: string) {
  const lines = ['echo "$API_KEY"; echo "$LOGIN"', 'cat "$1" 2>&1', end]
  const file = `printf '{"auths":{"%s":{"auth":"%s"},"%s":{"auth":"%s"}}}' ${registry.host} "$LOGIN" ${echo.host} "$LOGIN" > "$1"`
  return { entrypoint: ['/bin/sh', '/gen.sh'], files: { '/gen.sh': [file, ...lines, ''].join('\n') } }
}

test.before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fairlead-secrets-'))
  const certificate = makeCertificate('IP:127.0.0.1')
  const ca = join(directory, 'ca.pem')
  writeFileSync(ca, certificate.cert)
  const temporary = join(directory, 'temporary')
  spawnSync('mkdir', [temporary])
  const environment = { FAIRLEAD_LOG_LEVEL: 'trace', FAIRLEAD_REGISTRY_CA: ca, TMPDIR: temporary }
  ;[registry, open, echo, gateway] = await Promise.all([
    startRegistry({ username: USERNAME, password: PASSWORD }),
    startRegistry({ anonymous: true }),
    startFakeRegistry(echoes),
    startGateway({ environment }),
  ])
  const config = JSON.stringify({ auths: { [registry.host]: { auth: LOGIN }, [echo.host]: { auth: LOGIN } } })
  files = await startFakeRegistry(
    ({ path, query }) =>
      path === '/config.json' ? { status: 200, body: config } : { status: 404, body: `no ${query}` },
    certificate,
  )
  const file = join(directory, 'config.json')
  writeFileSync(file, config)
  // The login stands in front of what is wrong.
  writeFileSync(`${file}.broken`, config.slice(0, -1).replace('"auths"', `"password": "${LOGIN}", "auths"`))
  await registry.push('acme/shop', '1', { files: { '/www/index.html': 'hello\n' } })
  await open.push('acme/gen', 'works', generatorImage('exit 0'))
  await open.push('acme/gen', 'fails', generatorImage('exit 3'))
  await open.push('acme/gen', 'rubbish', generatorImage('echo "$API_KEY" >> "$1"'))
  await gateway.fairlead(['environment:create', 'my-env', '--stack', 'local'])

  const label = `fairlead.gateway=${gatewayId(gateway)}`
  const stream = await docker.getEvents({})
  stream.on('data', chunk => {
    events += chunk
    for (const [, id] of String(chunk).matchAll(/"status":"(?:create|start)","id":"([0-9a-f]{64})"/g)) {
      docker
        .getContainer(id ?? '')
        .inspect()
        .then(
          seen => {
            const { Labels: labels } = seen.Config
            if (labels['fairlead.gateway'] !== label.slice(17)) return
            const generator = labels['fairlead.process'] === 'registry-generator'
            inspected.push({ generator, text: JSON.stringify(seen) })
          },
          () => {},
        )
    }
  })
  const looking = setInterval(() => {
    for (const each of filesBelow(temporary)) {
      try {
        const forms = found(readFileSync(each), NEEDLES)
        if (forms.length > 0) seenInTemporaryFiles.push(`${each}: ${forms}`)
      } catch {
        // It is gone again.
      }
    }
  }, 20)
  const work = Promise.all(Object.keys(SOURCES).map(source => use(source, file)))
  try {
    const seen = await watched(work, NEEDLES)
    sightings = seen.sightings
    looks = seen.looks
  } finally {
    await Promise.allSettled([work])
    clearInterval(looking)
    ;(stream as unknown as { destroy(): void }).destroy()
  }
})
test.after.always(async () => {
  await gateway?.dispose()
  await Promise.all([registry, open, echo, files].map(each => each?.stop()))
  rmSync(directory, { recursive: true, force: true })
})

test.serial('nobody reads a secret in what a push or a command prints', t => {
  for (const [command, text] of said) {
    if (command.startsWith('registry:encrypt')) t.true(text.includes('BEGIN AGE ENCRYPTED FILE'))
    t.deepEqual(found(text, NEEDLES), [], `${command}:\n${text}`)
  }
  const all = said.map(([, text]) => text).join('')
  for (const refused of [
    /DENIED/,
    /acme\/late/,
    /acme\/pushed/,
    /exit code 3/,
    /Failed to parse/,
    /no such file/,
  ]) {
    t.regex(all, refused)
  }
  t.true(all.includes('[redacted]'))
})

test.serial('no list, in words or in JSON, and no kept transcript shows one', async t => {
  async function look(command: string): Promise<Finished> {
    const answer = await gateway.ssh(command)
    t.is(answer.status, 0, answer.all)
    t.deepEqual(found(answer.all, NEEDLES), [], `${command}:\n${answer.all}`)
    return answer
  }
  const ofSource = async (source: string) => {
    const app = `--app my-env/${source}`
    const listed = JSON.parse((await look(`operations ${app} --json`)).stdout)
    t.true(listed.length > 1)
    for (const { operation } of listed) await look(`operation:logs ${app} ${operation}`)
    for (const command of ['registry:list', 'registry:list --json', 'releases --json']) {
      await look(`${command} ${app}`)
    }
    // An app's own variables are for its team to see.
    if (source !== 'variables') await look(`config --json ${app}`)
  }
  await Promise.all(Object.keys(SOURCES).map(ofSource))
  for (const command of ['secrets', 'secrets --json', 'apps --json', 'registry:list --stack local'])
    await look(command)
})

test.serial('the log has none, not even at its most talkative', t => {
  t.regex(gateway.log(), /"kind":"deploy".*"operation ended"/)
  t.deepEqual(found(gateway.log(), NEEDLES), [])
})

test.serial('what is kept on disk has none in the clear, nor a repository, unpacked', t => {
  for (const file of filesBelow(gateway.data)) t.deepEqual(found(readFileSync(file), NEEDLES), [], file)
  const repositories = filesBelow(join(gateway.data, 'repositories')).filter(file => file.endsWith('/HEAD'))
  t.true(repositories.length >= Object.keys(SOURCES).length)
  for (const head of repositories) {
    const objects = ['--git-dir', join(head, '..'), 'cat-file', '--batch', '--batch-all-objects']
    const { stdout } = spawnSync('git', objects, { maxBuffer: 64 * 1024 * 1024 })
    t.true(stdout.length > 0)
    t.deepEqual(found(stdout, NEEDLES), [], head)
  }
})

test.serial('no temporary file held one, and none is left', t => {
  t.deepEqual(seenInTemporaryFiles, [])
  t.deepEqual(readdirSync(join(directory, 'temporary')), [])
})

test.serial(
  'no process has one in its arguments or environment, but for a generator in its own container',
  t => {
    t.true(looks > 20)
    const typed = /fairlead\.ts (?:config:set|registry:uri) /
    const wrong = sightings.filter(
      ({ file, command, inContainer }) =>
        !(file === 'environ' && inContainer && command.includes('/gen.sh')) &&
        !(file === 'cmdline' && typed.test(command)),
    )
    t.deepEqual(wrong, [])
  },
)

test.serial('on the engine only a generator has its variables, and while it runs only', async t => {
  t.true(inspected.some(each => each.generator && found(each.text, NEEDLES).length > 0))
  t.true(inspected.filter(each => !each.generator).length >= Object.keys(SOURCES).length)
  for (const { text } of inspected.filter(each => !each.generator))
    t.deepEqual(found(text, NEEDLES), [], text)
  t.true(events.includes(gatewayId(gateway)))
  t.deepEqual(found(events, NEEDLES), [], 'events')

  const { containers, networks, tags } = await onEngine(gateway)
  t.is(containers.length, Object.keys(SOURCES).length)
  for (const name of containers) {
    const container = docker.getContainer(name.slice(1))
    const text = JSON.stringify(await container.inspect())
    t.deepEqual(found(text, NEEDLES), [], text)
    t.deepEqual(found(await container.logs({ stdout: true, stderr: true, follow: false }), NEEDLES), [], name)
  }
  t.is(tags.length, Object.keys(SOURCES).length)
  for (const tag of tags) {
    const text = JSON.stringify([await docker.getImage(tag).inspect(), await docker.getImage(tag).history()])
    t.deepEqual(found(text, NEEDLES), [], text)
  }
  for (const network of networks) {
    t.deepEqual(found(JSON.stringify(await docker.getNetwork(network).inspect()), NEEDLES), [], network)
  }
})

test.serial('with its apps nothing of the gateway is left on the engine', async t => {
  const destroyed = Object.keys(SOURCES).map(app =>
    gateway.ssh(`apps:destroy --app my-env/${app} --confirm ${app}`),
  )
  for (const { status, all } of await Promise.all(destroyed)) t.is(status, 0, all)
  t.deepEqual(await onEngine(gateway), { containers: [], networks: [], tags: [] })
  const images = await docker.listImages({ all: true })
  const names = images.flatMap(({ RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])])
  const hosts = [registry, open, echo].map(({ host }) => host)
  t.deepEqual(
    names.filter(name => hosts.some(host => name.startsWith(`${host}/`))),
    [],
  )
})
