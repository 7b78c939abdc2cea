// The registry's password is looked for everywhere that a push leaves traces, after the image and the Dockerfile way.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import Docker from 'dockerode'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { gatewayId } from '../support/on-engine.ts'
import { livePush } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
/** In base64 it has '+' and '/', in URLs it is escaped, and every shell and format string would trip over it. */
const PASSWORD = `fl>>>???~~~þÿ "it's" %s %41 $HOME \`id\` \\n ;& <p@ss/w+rd=#>`
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

/** Every spelling in which a secret could have been written down, by its name. */
function spellings(secret: string, login = true): Map<string, Buffer> {
  const raw = Buffer.from(secret)
  const forms = new Map<string, string>([
    ['raw', secret],
    ['JSON', JSON.stringify(secret).slice(1, -1)],
    [
      'JSON with escapes',
      JSON.stringify(secret)
        .slice(1, -1)
        .replace(/[^\x20-\x7e]/g, escaped),
    ],
    ["Go's JSON", JSON.stringify(secret).slice(1, -1).replace(/[<>&]/g, escaped)],
    ['URL', encodeURIComponent(secret)],
    ['form', new URLSearchParams({ p: secret }).toString().slice(2)],
    ['hex', raw.toString('hex')],
  ])
  // In base64 a text looks different by where in the whole it begins.
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([
      Buffer.alloc(shift),
      raw.subarray(0, raw.length - ((raw.length + shift) % 3)),
    ])
    const text = shifted.toString('base64').slice(shift === 0 ? 0 : 4)
    forms.set(`base64 ${shift}`, text)
    forms.set(`base64url ${shift}`, text.replaceAll('+', '-').replaceAll('/', '_'))
  }
  if (login) forms.set('Basic', Buffer.from(`${USERNAME}:${secret}`).toString('base64'))
  return new Map([...forms].map(([name, text]) => [name, Buffer.from(text)]))
}

const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

const NEEDLES = spellings(PASSWORD)

function found(haystack: Buffer | string, needles = NEEDLES): string[] {
  const bytes = Buffer.from(haystack as string)
  return [...needles].filter(([, needle]) => bytes.includes(needle)).map(([name]) => name)
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}

/** Looks at the command line and environment of every process of the machine until the work is done. */
async function watched<T>(work: Promise<T>): Promise<{ result: T; sightings: string[]; looks: number }> {
  const sightings = new Set<string>()
  let looks = 0
  let over = false
  const result = work.finally(() => {
    over = true
  })
  result.catch(() => {})
  while (!over) {
    for (const pid of readdirSync('/proc')) {
      // This process holds the password by itself.
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
      for (const file of ['cmdline', 'environ']) {
        try {
          const forms = found(readFileSync(`/proc/${pid}/${file}`))
          const command = () =>
            readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200)
          if (forms.length > 0) sightings.add(`${file} of ${command()}: ${forms.join(', ')}`)
        } catch {
          // It has just ended.
        }
      }
    }
    looks += 1
    await delay(5)
  }
  return { result: await result, sightings: [...sightings], looks }
}

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
    const { result: push, sightings, looks } = await watched(pushing.then(({ ended }) => ended))
    t.is(push.status, 0, push.all)
    t.deepEqual(sightings, [])
    t.true(looks > 5)
    t.deepEqual(found(push.all), [], 'what the pusher saw')

    const label = [`fairlead.gateway=${id}`, `fairlead.app=${app.app}`]
    const containers = await docker.listContainers({ all: true, filters: { label } })
    t.is(containers.length, 1)
    for (const { Id } of containers) {
      const container = docker.getContainer(Id)
      const inspected = JSON.stringify(await container.inspect())
      t.deepEqual(found(inspected), [], 'the container')
      t.true(inspected.includes('APP_VALUE='), 'the app is given its own variables')
      t.deepEqual(found(await container.logs({ stdout: true, stderr: true, follow: false })), [], 'its log')
    }
    const images = await docker.listImages({ filters: { reference: [`fairlead-${id}/${app.name}`] } })
    t.is(images.length, 1)
    for (const { Id } of images) {
      const image = docker.getImage(Id)
      const everything = JSON.stringify([await image.inspect(), await image.history()])
      t.deepEqual(found(everything), [], 'the image')
      t.deepEqual(found(everything, spellings(VALUE, false)), [], 'a value of the app in the image')
    }
    const networks = await docker.listNetworks({ filters: { label: [`fairlead.gateway=${id}`] } })
    t.is(networks.length, 1)
    t.deepEqual(
      found(JSON.stringify(await docker.getNetwork(networks[0]?.Id ?? '').inspect())),
      [],
      'network',
    )

    const listed = await gateway.fairlead(['operations', '--app', app.name, '--json'])
    t.deepEqual(found(listed.stdout), [])
    for (const { operation } of JSON.parse(listed.stdout)) {
      const kept = await gateway.fairlead(['operation:logs', '--app', app.name, String(operation)])
      t.is(kept.status, 0)
      t.deepEqual(found(kept.all), [], `transcript ${operation}`)
    }
    for (const secret of [NEEDLES, spellings(VALUE, false)]) {
      t.deepEqual(found(gateway.log(), secret), [], 'the log')
      for (const file of filesBelow(gateway.data)) t.deepEqual(found(readFileSync(file), secret), [], file)
    }
  })
}

test.serial('a refused push with a wrong password keeps that one to itself too', async t => {
  const app = await gateway.app({ Procfile: WEB })
  const wrong = PASSWORD.replace('fl', 'FL')
  const needles = spellings(wrong)
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
