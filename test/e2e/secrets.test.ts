// The registry's password is looked for everywhere that a push leaves traces, after the image and the Dockerfile way.
import { readFileSync } from 'node:fs'
import test from 'ava'
import Docker from 'dockerode'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { gatewayId } from '../support/on-engine.ts'
import { livePush } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { awkwardSecret, filesBelow, found, spellings, watched } from '../support/spellings.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const PASSWORD = awkwardSecret('fl')
const USERNAME = 'robot'
/** What the application itself is given, and nothing else may hold. */
const VALUE = `app'value "with" $quotes ${'ÿ'.repeat(3)}`

let gateway: TestGateway
let registry: TestRegistry
let id: string

test.before(async () => {
  ;[registry, gateway] = await Promise.all([
    startRegistry({ username: USERNAME, password: PASSWORD }),
    startGateway({ environment: { FAIRLEAD_LOG_LEVEL: 'trace' } }),
  ])
  id = gatewayId(gateway)
  await registry.push('acme/shop', '1', { files: { '/www/index.html': 'hello\n' } })
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

const NEEDLES = spellings(PASSWORD, USERNAME)

async function appWith(files: Record<string, string>, image: string): Promise<Checkout> {
  const app = await gateway.app(files)
  const set = await gateway.fairlead([
    'config:set',
    '--app',
    app.name,
    `APTIBLE_DOCKER_IMAGE=${image}`,
    `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${USERNAME}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${PASSWORD}`,
    `APP_VALUE=${VALUE}`,
  ])
  if (set.status !== 0) throw new Error(set.all)
  const got = await gateway.fairlead(['config:get', '--app', app.name, 'APTIBLE_PRIVATE_REGISTRY_PASSWORD'])
  if (got.stdout !== `${PASSWORD}\n`) throw new Error(`stored was ${got.stdout}`)
  return app
}

const WEB = 'web: env > /tmp/env; exec busybox httpd -f -p "$PORT" -h /www\n'

for (const [way, files] of [
  [
    'an image',
    () => ({ Procfile: WEB, '.aptible.yml': 'before_release: env | grep PRIVATE; env | cut -d= -f1\n' }),
  ],
  [
    'a Dockerfile',
    () => ({
      Procfile: WEB,
      Dockerfile: `FROM ${registry.host}/acme/shop:1\nARG APTIBLE_PRIVATE_REGISTRY_PASSWORD\nRUN env; cat /proc/self/environ > /environ\n`,
    }),
  ],
] as const) {
  test.serial(`deploying ${way}, the password of its registry is written down nowhere`, async t => {
    const app = await appWith(files(), way === 'an image' ? `${registry.host}/acme/shop:1` : '')
    const pushing = livePush(gateway, app)
    const {
      result: push,
      sightings,
      looks,
    } = await watched(
      pushing.then(({ ended }) => ended),
      NEEDLES,
    )
    t.is(push.status, 0, push.all)
    t.deepEqual(sightings, [])
    t.true(looks > 5)
    t.deepEqual(found(push.all, NEEDLES), [], 'what the pusher saw')

    const label = [`fairlead.gateway=${id}`, `fairlead.app=${app.app}`]
    const containers = await docker.listContainers({ all: true, filters: { label } })
    t.is(containers.length, 1)
    for (const { Id } of containers) {
      const container = docker.getContainer(Id)
      const inspected = JSON.stringify(await container.inspect())
      t.deepEqual(found(inspected, NEEDLES), [], 'the container')
      t.true(inspected.includes('APP_VALUE='), 'the app is given its own variables')
      t.deepEqual(
        found(await container.logs({ stdout: true, stderr: true, follow: false }), NEEDLES),
        [],
        'its log',
      )
    }
    const images = await docker.listImages({ filters: { reference: [`fairlead-${id}/${app.name}`] } })
    t.is(images.length, 1)
    for (const { Id } of images) {
      const image = docker.getImage(Id)
      const everything = JSON.stringify([await image.inspect(), await image.history()])
      t.deepEqual(found(everything, NEEDLES), [], 'the image')
      t.deepEqual(found(everything, spellings(VALUE)), [], 'a value of the app in the image')
    }
    const networks = await docker.listNetworks({ filters: { label: [`fairlead.gateway=${id}`] } })
    t.is(networks.length, 1)
    t.deepEqual(
      found(JSON.stringify(await docker.getNetwork(networks[0]?.Id ?? '').inspect()), NEEDLES),
      [],
      'network',
    )

    const listed = await gateway.fairlead(['operations', '--app', app.name, '--json'])
    t.deepEqual(found(listed.stdout, NEEDLES), [])
    for (const { operation } of JSON.parse(listed.stdout)) {
      const kept = await gateway.fairlead(['operation:logs', '--app', app.name, String(operation)])
      t.is(kept.status, 0)
      t.deepEqual(found(kept.all, NEEDLES), [], `transcript ${operation}`)
    }
    for (const secret of [NEEDLES, spellings(VALUE)]) {
      t.deepEqual(found(gateway.log(), secret), [], 'the log')
      for (const file of filesBelow(gateway.data)) t.deepEqual(found(readFileSync(file), secret), [], file)
    }
  })
}

test.serial('a refused push with a wrong password keeps that one to itself too', async t => {
  const app = await gateway.app({ Procfile: WEB })
  const wrong = PASSWORD.replace('fl', 'FL')
  const needles = spellings(wrong, USERNAME)
  await gateway.fairlead([
    'config:set',
    '--app',
    app.name,
    `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/shop:1`,
    `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${USERNAME}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${wrong}`,
  ])
  const push = await app.push()
  t.is(push.status, 1, push.all)
  t.regex(push.all, /registry-login-failed/)
  t.deepEqual(found(push.all, needles), [])
  t.deepEqual(found(gateway.log(), needles), [])
  for (const file of filesBelow(gateway.data)) t.deepEqual(found(readFileSync(file), needles), [], file)
})
