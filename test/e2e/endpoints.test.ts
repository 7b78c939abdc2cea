// From a hostname to a container, with the real HAProxy and the real engine: what users of an app see while it is
// deployed, goes down, comes back elsewhere, and while the gateway is gone.
import { request } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import Docker from 'dockerode'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { atRest, processes } from '../support/page.ts'
import { livePush, remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const procfile = (page: string, rest = '') =>
  `web: echo '${page}' > /www/index.html; exec busybox httpd -f -p "$PORT" -h /www\n${rest}`
const CGI = "printf 'Content-Type: text/plain\\r\\n\\r\\n'"
/** Begins to answer, and ends when it is told to. */
const SLOW = `${CGI}; echo begun; until [ -e /released ]; do busybox usleep 50000; done; cat /www/index.html`
const RELEASE = `${CGI}; : > /released`

let gateway: TestGateway
let registry: TestRegistry
let image: string

test.before(async () => {
  ;[registry, gateway] = await Promise.all([
    startRegistry({ anonymous: true }),
    startGateway({ stack: 'drain: 60s' }),
  ])
  await registry.push('acme/shell', 'latest', {
    files: {
      '/www/index.html': 'nothing\n',
      '/www/cgi-bin/slow': `#!/bin/sh\n${SLOW}\n`,
      '/www/cgi-bin/release': `#!/bin/sh\n${RELEASE}\n`,
    },
  })
  image = `${registry.host}/acme/shell`
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

async function fairlead(app: Checkout, ...words: string[]): Promise<string> {
  const done = await gateway.fairlead([...words, '--app', app.name])
  if (done.status !== 0) throw new Error(`${words.join(' ')}: ${done.all}`)
  return done.stdout
}

async function appWith(files: Record<string, string>, environment = 'my-env'): Promise<Checkout> {
  const app = await gateway.app(files, { environment })
  await fairlead(app, 'config:set', `APTIBLE_DOCKER_IMAGE=${image}`)
  return app
}

async function pushed(app: Checkout, files: Record<string, string>): Promise<string[]> {
  const push = await app.push(files)
  if (push.status !== 0) throw new Error(push.all)
  return remoteLines(push)
}

/** What a browser gets that was led here by the name. */
function ask(
  hostname: string,
  path = '/',
  begun: () => void = () => {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port: gateway.http, path, headers: { host: hostname }, agent: false },
      answer => {
        let body = ''
        answer.on('data', chunk => {
          body += chunk
          begun()
        })
        answer.on('error', reject)
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
      },
    )
    asking.on('error', reject)
    asking.end()
  })
}

const page = async (hostname: string) => (await ask(hostname)).body.trim()
const status = async (hostname: string) => (await ask(hostname)).status
const comes = (hostname: string, text: string) =>
  until(`${hostname} shows ${text}`, async () => (await page(hostname)) === text)
const defaultName = (app: Checkout) => `${app.app}.${app.environment}.localhost`

async function web(app: Checkout) {
  const found = (await processes(gateway, app.name)).find(row => row.process === 'web.1')
  if (!found) throw new Error('there is no web.1')
  return docker.getContainer(found.container)
}

/** Somebody else stands at its address while it is stopped. */
async function giveAway(t: ExecutionContext, { Image, NetworkSettings }: Docker.ContainerInspectInfo) {
  const [network = ''] = Object.keys(NetworkSettings.Networks)
  const address = NetworkSettings.Networks[network]?.IPAddress ?? ''
  const stranger = await docker.createContainer({
    Image,
    Cmd: ['/bin/sh', '-c', 'echo stranger > /www/index.html; exec busybox httpd -f -p 5000 -h /www'],
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } },
  })
  t.teardown(() => stranger.remove({ force: true }))
  await stranger.start()
  return { network, address }
}

test('an endpoint that is there before the first push answers as soon as a release is live, and follows the next', async t => {
  const app = await appWith({ Procfile: procfile('one') })
  const hostname = defaultName(app)
  t.is(
    await fairlead(app, 'endpoints:create'),
    `Endpoint http://${hostname}:${gateway.http}/ created for web.\nNothing answers there before the first push.\n`,
  )
  t.is(await status(hostname), 503)
  await pushed(app, {})
  // Not waited for: what is live is what answers.
  t.is(await page(hostname), 'one')
  await pushed(app, { Procfile: procfile('two') })
  t.is(await page(hostname), 'two')
  t.regex(await fairlead(app, 'endpoints'), new RegExp(`http://${hostname}:${gateway.http}/ +web`))
})

test('an endpoint for what runs already answers at once, at the port that it names', async t => {
  const app = await appWith({
    Procfile: procfile('web', 'admin: echo admin > /www/index.html; exec busybox httpd -f -p 7000 -h /www\n'),
  })
  await pushed(app, {})
  const name = `shop-${app.app}.test`
  t.regex(await fairlead(app, 'endpoints:create', name), /web\.1 answers there now, on port 5000\.\n$/)
  t.is(await page(name), 'web')
  const admin = `admin-${app.app}.test`
  const said = await fairlead(app, 'endpoints:create', admin, '--service', 'admin', '--port', '7000')
  t.regex(said, /admin\.1 answers there now, on port 7000\.\n$/)
  t.deepEqual([await page(admin), await page(name)], ['admin', 'web'])
})

test('a name that nobody has is answered with 404, and one that was destroyed again', async t => {
  const app = await appWith({ Procfile: procfile('here') })
  await pushed(app, {})
  const name = `gone-${app.app}.test`
  t.is(await status(name), 404)
  await fairlead(app, 'endpoints:create', name)
  t.is(await status(name), 200)
  await fairlead(app, 'endpoints:destroy', name)
  t.is(await status(name), 404)
  t.is((await fairlead(app, 'endpoints')).trim(), 'No endpoints yet: `fairlead endpoints:create` makes one.')
})

test('an app whose container stops is down, and is back with it, at whatever address', async t => {
  const app = await appWith({ Procfile: procfile('still me') }, 'alone')
  const name = defaultName(app)
  await fairlead(app, 'endpoints:create')
  await pushed(app, {})
  // The gateway starts what stops before it is kept running.
  await atRest(gateway, app.name)
  const container = await web(app)
  const before = await container.inspect()
  await container.stop({ t: 1 })
  await until('it is down', async () => (await status(name)) === 503)
  const { network, address } = await giveAway(t, before)
  await container.start()
  await comes(name, 'still me')
  t.not((await container.inspect()).NetworkSettings.Networks[network]?.IPAddress, address)
})

test('a restart and a scale switch the route to the containers that serve then', async t => {
  const serve = 'busybox hostname > /www/index.html; exec busybox httpd -f -p "$PORT" -h /www'
  const app = await appWith({ Procfile: `web: ${serve}\n` })
  const name = defaultName(app)
  await fairlead(app, 'endpoints:create')
  await pushed(app, {})
  const first = await page(name)
  await fairlead(app, 'restart')
  const second = await page(name)
  t.not(second, first)
  await fairlead(app, 'apps:scale', 'web=2')
  const seen = new Set<string>()
  await until('both were asked', async () => seen.add(await page(name)).size === 2)
  t.true(seen.has(second))
  await fairlead(app, 'apps:scale', 'web=0')
  t.is(await status(name), 503)
})

test('one that is replaced stop-first ends the answer that it has begun, and is stopped then', async t => {
  // Ends with the first SIGTERM, whatever it is at.
  const dying = (words: string) =>
    `web: echo '${words}' > /www/index.html; trap 'exit 0' TERM; busybox httpd -f -p "$PORT" -h /www & wait\n`
  const app = await appWith({ Procfile: dying('one') })
  const name = defaultName(app)
  await fairlead(app, 'endpoints:create')
  await pushed(app, {})
  await fairlead(app, 'services:settings', 'web', '--rollout', 'stop-first')
  const [old] = await processes(gateway, app.name)

  const begun = Promise.withResolvers<void>()
  const slow = ask(name, '/cgi-bin/slow', begun.resolve)
  await Promise.race([begun.promise, slow])
  const push = await livePush(gateway, app, { Procfile: dying('two') })
  await push.sees('No new requests for web.1: those under way have 60 s to end')
  await until('the app is down for others', async () => (await status(name)) === 503)
  t.is((await fetch(`http://${old?.address}:5000/cgi-bin/release`)).status, 200)
  t.deepEqual(await slow, { status: 200, body: 'begun\none\n' })
  const { status: pushStatus, all } = await push.ended
  t.is(pushStatus, 0, all)
  t.is(await page(name), 'two')

  const failed = await app.push({ Procfile: 'web: exit 3\n' })
  t.not(failed.status, 0, failed.all)
  t.regex(remoteLines(failed).join('\n'), /-----> Starting web\.1 of before again\n/)
  await comes(name, 'two')
})

test.serial(
  'requests are answered while the gateway is gone, and routes are right when it is back',
  async t => {
    const app = await appWith({ Procfile: procfile('before') })
    const name = defaultName(app)
    await fairlead(app, 'endpoints:create')
    await pushed(app, {})
    const container = await web(app)
    const before = await container.inspect()
    await gateway.crash()
    t.is(await page(name), 'before')
    await container.stop({ t: 1 })
    await giveAway(t, before)
    await comes(name, 'stranger')
    // What stopped meanwhile is started again by the gateway, and nobody tells it where.
    await gateway.restart()
    await comes(name, 'before')
    await pushed(app, { Procfile: procfile('after') })
    t.is(await page(name), 'after')
  },
)
