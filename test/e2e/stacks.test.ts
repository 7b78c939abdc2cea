// Stacks as an operator works with them while the gateway runs: added, broken, mended, and of every kind.
import { randomInt } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import {
  type Certificates,
  type EngineProxy,
  makeCertificates,
  tlsEngineProxy,
} from '../support/engine-proxy.ts'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { page } from '../support/page.ts'
import { NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const WEB = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'
const UNIX = 'engine:\n  unix: /var/run/docker.sock\n'

let gateway: TestGateway
let open: TestRegistry
let locked: TestRegistry
let certificates: Certificates
let proxy: EngineProxy & { port: number }

test.before(async () => {
  certificates = makeCertificates()
  ;[open, locked, proxy, gateway] = await Promise.all([
    startRegistry({ anonymous: true }),
    startRegistry(),
    tlsEngineProxy(certificates),
    startGateway(),
  ])
  for (const registry of [open, locked]) {
    await registry.push('acme/shop', 'latest', { files: { '/www/index.html': 'hello\n' } })
  }
})
test.after.always(async () => {
  await gateway?.dispose()
  await Promise.all([open?.stop(), locked?.stop(), proxy?.die()])
  if (certificates) rmSync(certificates.directory, { recursive: true, force: true })
})

interface StackRow {
  readonly stack: string
  readonly version: number | null
  readonly engine: string | null
  readonly state: string
}

async function stacks(): Promise<StackRow[]> {
  const listed = await gateway.fairlead(['stacks', '--json'])
  if (listed.status !== 0) throw new Error(listed.all)
  return JSON.parse(listed.stdout)
}

function write(name: string, text: string): void {
  const network = `network:\n  pool: 10.${randomInt(64, 124)}.0.0/16\n  size: 28\n`
  writeFileSync(join(gateway.stacks, `${name}.yml`), `${text}${network}settle: 1s\ngrace: 1s\n`)
}

/** Adds or replaces a stack's file, and waits until the running gateway has noticed by itself. */
async function noticed(name: string, text: string, state: RegExp = /^good$/): Promise<StackRow> {
  write(name, text)
  for (;;) {
    const row = (await stacks()).find(each => each.stack === name)
    if (row !== undefined && state.test(row.state)) return row
    await delay(50)
  }
}

async function appOn(stack: string, environment: string, files: Record<string, string>): Promise<Checkout> {
  await gateway.fairlead(['environment:create', environment, '--stack', stack])
  return gateway.app(files, { environment })
}

async function set(app: Checkout, ...variables: string[]): Promise<void> {
  const done = await gateway.fairlead(['config:set', '--app', app.name, ...variables])
  if (done.status !== 0) throw new Error(done.all)
}

test.serial(
  'a file that is added is a stack at once; one of version 1 refuses all that is private and takes what is public',
  async t => {
    const row = await noticed('old', `version: 1\n${UNIX}`)
    t.deepEqual(row, { stack: 'old', version: 1, engine: '/var/run/docker.sock', state: 'good' })

    const app = await appOn('old', 'old-env', { Procfile: WEB })
    const privately = (image: string) =>
      problemText({
        headline: `${image} is private, and the stack old may not use private registries (stack-private-refused)`,
        saw: 'The stack old is of version 1. Its engine is shared with stacks that do not ask a registry at every deploy, so that a private image pulled to it would be open to all of them.',
        runs: NO_RELEASE,
        todo: 'Ask an operator for an environment on a stack of version 2, or use a public image and unset APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD.',
      })
    const image = `${locked.host}/acme/shop:latest`
    const login = [
      `APTIBLE_PRIVATE_REGISTRY_HOST=${locked.host}`,
      `APTIBLE_PRIVATE_REGISTRY_USERNAME=${locked.username}`,
      `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${locked.password}`,
    ]
    await set(app, `APTIBLE_DOCKER_IMAGE=${image}`, ...login)
    const withLogin = await app.push()
    t.is(withLogin.status, 1, withLogin.all)
    t.deepEqual(refusal(withLogin), privately(image))

    await gateway.fairlead([
      'config:unset',
      '--app',
      app.name,
      ...login.map(variable => variable.split('=')[0] ?? ''),
    ])
    const without = await app.push()
    t.is(without.status, 1, without.all)
    t.deepEqual(refusal(without), privately(image))

    const built = await appOn('old', 'old-env', {
      Procfile: WEB,
      Dockerfile: `FROM ${locked.host}/acme/shop\n`,
    })
    await set(built, ...login)
    const from = await built.push()
    t.is(from.status, 1, from.all)
    t.deepEqual(refusal(from), privately(`${locked.host}/acme/shop`))

    await set(app, `APTIBLE_DOCKER_IMAGE=${open.host}/acme/shop`)
    const publicly = await app.push()
    t.is(publicly.status, 0, publicly.all)
    t.is(await page(gateway, app.name), 'hello\n')
  },
)

test.serial('a broken file is named with line and key, exits 1, and takes no stack away', async t => {
  await noticed('fragile', `version: 2\n${UNIX}`)
  const fragile = await appOn('fragile', 'fragile-env', { Procfile: WEB })
  await set(fragile, `APTIBLE_DOCKER_IMAGE=${open.host}/acme/shop`)
  await noticed('fragile', `version: 3\n${UNIX}limits:\n  memroy: 1GiB\n`, /^broken/)

  const check = await gateway.fairlead(['stacks:check'])
  t.is(check.status, 1, check.all)
  t.regex(
    check.stdout,
    /^local: good\. Docker \S+ \(API 1\.\d+, linux\/\w+, buildkit\) at \/var\/run\/docker\.sock$/m,
  )
  t.regex(check.stdout, /^fragile: broken$/m)
  t.true(check.stdout.includes('fragile.yml:1: version: 3 is no choice: write 1, 2'), check.stdout)
  t.true(
    check.stdout.includes('fragile.yml:5: limits.memroy: is no key of a stack file; did you mean memory?'),
    check.stdout,
  )
  t.is((await gateway.fairlead(['stacks:check', 'local'])).status, 0)
  t.is((await gateway.fairlead(['stacks:check', 'fragile'])).status, 1)

  // What was read last stays in force.
  const push = await fragile.push()
  t.is(push.status, 0, push.all)

  write('fragile', `version: 2\n${UNIX}`)
  const reload = await gateway.fairlead(['stacks:reload'])
  t.is(reload.status, 0, reload.all)
  t.regex(reload.stdout, /^(\d+) of \1 stacks are good\.$/m)
  write('fragile', `version: 2\nengine: {}\n`)
  const broken = await gateway.fairlead(['stacks:reload'])
  t.is(broken.status, 1, broken.all)
  t.regex(broken.stdout, /fragile\.yml:2: engine: is missing: give it unix or tcp/)
  write('fragile', `version: 2\n${UNIX}`)
  t.is((await gateway.fairlead(['stacks:reload'])).status, 0)
})

test.serial('a stack over TCP with mutual TLS deploys an image and builds a Dockerfile', async t => {
  const { ca, client } = certificates
  const engine = `engine:\n  tcp: 127.0.0.1:${proxy.port}\n  ca: ${ca}\n  cert: ${client.cert}\n  key: ${client.key}\n`
  const row = await noticed('remote', `version: 2\n${engine}`)
  t.is(row.engine, `127.0.0.1:${proxy.port} (mutual TLS)`)
  const check = await gateway.fairlead(['stacks:check', 'remote'])
  t.is(check.status, 0, check.all)
  const seen = proxy.requests.length

  const app = await appOn('remote', 'remote-env', {
    Procfile: WEB,
    Dockerfile: `FROM ${locked.host}/acme/shop\nRUN echo built > /www/index.html\n`,
  })
  await set(
    app,
    `APTIBLE_PRIVATE_REGISTRY_HOST=${locked.host}`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${locked.username}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${locked.password}`,
  )
  const built = await app.push()
  t.is(built.status, 0, built.all)
  t.true(remoteLines(built).includes('-----> Building the Dockerfile'), built.all)
  t.is(await page(gateway, app.name), 'built\n')

  const deploy = await gateway.fairlead([
    'deploy',
    '--app',
    app.name,
    `APTIBLE_DOCKER_IMAGE=${locked.host}/acme/shop`,
  ])
  t.is(deploy.status, 0, deploy.all)
  t.is(await page(gateway, app.name), 'hello\n')
  const paths = proxy.requests.slice(seen).map(request => request.split(' ')[1] ?? '')
  for (const path of ['/build?', '/session', '/images/create?', '/containers/create?', '/start']) {
    t.true(
      paths.some(each => each.includes(path)),
      `${path} went another way`,
    )
  }
})

test.serial('an engine that does not take the gateway’s certificate is not spoken to', async t => {
  const { ca, stranger } = certificates
  const engine = `engine:\n  tcp: 127.0.0.1:${proxy.port}\n  ca: ${ca}\n  cert: ${stranger.cert}\n  key: ${stranger.key}\n`
  await noticed('stranger', `version: 2\n${engine}`)
  const check = await gateway.fairlead(['stacks:check', 'stranger'])
  t.is(check.status, 1, check.all)
  t.regex(check.stdout, /\(engine-unreachable\)/)

  const app = await appOn('stranger', 'stranger-env', { Procfile: WEB })
  await set(app, `APTIBLE_DOCKER_IMAGE=${open.host}/acme/shop`)
  const push = await app.push()
  t.is(push.status, 1, push.all)
  const lines = refusal(push)
  t.regex(lines[0] ?? '', /^ ! {5}The Docker engine of stack stranger .*\(engine-unreachable\)$/)
  t.true(lines.includes(`       What runs now: ${NO_RELEASE}`))
})
