// Scale and restart on a real engine: how many run, of which size, what goes on answering meanwhile, what is left.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import test from 'ava'
import Docker from 'dockerode'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { onEngine } from '../support/on-engine.ts'
import { processes, type Row } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const HTTPD = 'exec busybox httpd -f -p "$PORT" -h /www'
const MEBIBYTE = 1024 * 1024

let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  registry = await startRegistry({ anonymous: true })
  await registry.push('base', '1')
  gateway = await startGateway({ settle: '5s', prefix: 28, stack: 'limits:\n  memory: 64MiB\n  cpus: 1\n' })
  const stack = join(gateway.stacks, 'local.yml')
  // Long enough that who ends by itself is never killed, however slow the machine is.
  writeFileSync(stack, readFileSync(stack, 'utf8').replace('grace: 2s', 'grace: 60s'))
  await gateway.restart()
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

const files = (web = HTTPD) => ({
  Dockerfile: `FROM ${registry.host}/base:1\nCOPY www /www\n`,
  'www/index.html': 'hello\n',
  Procfile: `web: ${web}\nworker: exec sleep 1000\n`,
})

let made = 0

/** In an environment of its own: a network of these tests has room for few containers. */
async function deployed(web?: string): Promise<Checkout> {
  made += 1
  const app = await gateway.app(files(web), { environment: `scale-${made}` })
  const push = await app.push()
  if (push.status !== 0) throw new Error(push.all)
  return app
}

async function fairlead(app: Checkout, ...words: string[]): Promise<string> {
  const done = await gateway.fairlead([...words, '--app', app.name])
  if (done.status !== 0) throw new Error(done.all)
  return done.all
}

const shown = (rows: readonly Row[]) => rows.map(row => `${row.release} ${row.process} ${row.state}`)

/** Waits until what is retired is gone. */
async function only(app: Checkout, expected: readonly string[]): Promise<Row[]> {
  return until(`${app.name} has only ${expected.join(', ')}`, async () => {
    const rows = await processes(gateway, app.name)
    return shown(rows).join() === expected.join() && rows
  })
}

const answers = async (address: string | null) => (await fetch(`http://${address}:5000/`)).text()

test('a scale starts what is missing, a deploy keeps it, and less drains with its grace', async t => {
  const grateful = `trap 'exit 0' TERM; busybox httpd -p "$PORT" -h /www; sleep 1000 & wait`
  const app = await deployed(grateful)
  t.regex(await fairlead(app, 'apps:scale', 'web=3'), /v1 is scaled to web=3\./)
  const rows = await only(app, [
    'v1 web.1 running',
    'v1 web.2 running',
    'v1 web.3 running',
    'v1 worker.1 running',
  ])
  for (const { address } of rows.slice(0, 3)) t.is(await answers(address), 'hello\n')

  const push = await app.push({ 'www/index.html': 'second\n' })
  t.is(push.status, 0, push.all)
  const second = await only(app, [
    'v2 web.1 running',
    'v2 web.2 running',
    'v2 web.3 running',
    'v2 worker.1 running',
  ])
  for (const { address } of second.slice(0, 3)) t.is(await answers(address), 'second\n')

  // The engine listens to its events before: it is removed as soon as it has ended.
  const filters = { container: [second[2]?.container ?? ''], event: ['die'] }
  const events = (await docker.getEvents({ filters })) as Readable
  t.teardown(() => events.destroy())
  const ended = once(events, 'data')
  const down = await fairlead(app, 'apps:scale', 'web=1')
  t.regex(down, /-----> Retiring web\.2, web\.3/)
  const [event] = await ended
  t.is(JSON.parse(event).Actor.Attributes.exitCode, '0') // 137 is what SIGKILL would have left.
  const left = await only(app, ['v2 web.1 running', 'v2 worker.1 running'])
  t.is(left[0]?.container, second[0]?.container)
  t.regex(await fairlead(app, 'apps:scale', 'web=1'), /Nothing changed: web=1 already\./)
})

test('a size is what the engine enforces, and a count of 0 leaves nothing', async t => {
  const app = await deployed()
  await fairlead(app, 'apps:scale', 'worker=2', '--memory', '16MiB', '--cpus', '0.5')
  const rows = await only(app, ['v1 web.1 running', 'v1 worker.1 running', 'v1 worker.2 running'])
  const limits = await Promise.all(
    rows.map(async ({ container }) => {
      const { HostConfig, Config } = await docker.getContainer(container).inspect()
      const size = Config.Env.find(line => line.startsWith('APTIBLE_CONTAINER_SIZE='))
      return [(HostConfig.Memory ?? 0) / MEBIBYTE, HostConfig.NanoCpus, size, HostConfig.RestartPolicy?.Name]
    }),
  )
  const worker = [16, 5e8, 'APTIBLE_CONTAINER_SIZE=16', 'always']
  t.deepEqual(limits, [[64, 1e9, 'APTIBLE_CONTAINER_SIZE=64', 'always'], worker, worker])

  await fairlead(app, 'apps:scale', 'web=0', 'worker=0')
  await until(
    'nothing of it is left',
    async () => (await onEngine(gateway, app.name)).containers.length === 0,
  )
  t.regex(await fairlead(app, 'ps'), /Every service of v1 is scaled to 0/)
  const push = await app.push({ 'www/index.html': 'second\n' })
  t.true(push.all.includes('Nothing to start: every service is scaled to 0'), push.all)
  await fairlead(app, 'apps:scale', 'web=1')
  const [web] = await only(app, ['v2 web.1 running'])
  t.is(await answers(web?.address ?? null), 'second\n')
})

test('a restart gives new containers of the same release, while the page can be had at one address at least', async t => {
  const app = await deployed()
  await fairlead(app, 'services:settings', 'web', '--rollout', 'start-first')
  await fairlead(app, 'apps:scale', 'web=2')
  const expected = ['v1 web.1 running', 'v1 web.2 running', 'v1 worker.1 running']
  const before = await only(app, expected)
  let over = false
  let asked = 0
  let failed = 0
  const known = new Set(before.filter(row => row.process.startsWith('web')).map(row => row.address ?? ''))
  const reader = (async () => {
    while (!over) {
      const tries = await Promise.allSettled([...known].map(address => answers(address)))
      asked += 1
      if (tries.some(each => each.status === 'fulfilled' && each.value === 'hello\n')) continue
      // The old ones are gone: what was asked is where the app is now.
      for (const row of await processes(gateway, app.name)) {
        if (row.process.startsWith('web.') && row.address) known.add(row.address)
      }
      const again = await Promise.allSettled([...known].map(address => answers(address)))
      if (!again.some(each => each.status === 'fulfilled' && each.value === 'hello\n')) failed += 1
    }
  })()
  t.regex(await fairlead(app, 'restart'), /v1 runs in new containers: web, worker\./)
  const after = await until('the old ones are gone', async () => {
    const rows = await processes(gateway, app.name)
    const old = rows.some(row => before.some(({ container }) => container === row.container))
    return !old && shown(rows).join() === expected.join() && rows
  })
  over = true
  await reader
  t.is(failed, 0, `${failed} of ${asked}`)
  t.true(asked > 0)

  await fairlead(app, 'restart', '--service', 'worker')
  const last = await until('the old worker is gone', async () => {
    const rows = await processes(gateway, app.name)
    return rows.length === 3 && rows[2]?.container !== after[2]?.container && rows
  })
  t.deepEqual(
    last.slice(0, 2).map(row => row.container),
    after.slice(0, 2).map(row => row.container),
  )
  t.regex(await fairlead(app, 'releases'), /^v1 +live/m)
  t.notRegex(await fairlead(app, 'releases'), /^v2/m)

  await gateway.crash()
  await gateway.restart()
  t.deepEqual(
    (await only(app, expected)).map(row => row.container),
    last.map(row => row.container),
  )
})

test('a network that is full refuses a scale with its reason, and leaves the count and what ran', async t => {
  const app = await deployed()
  const scaled = await gateway.fairlead(['apps:scale', 'web=16', '--app', app.name])
  t.is(scaled.status, 1)
  t.regex(scaled.all, /web\.\d+ could not be started \(container-not-started\)/)
  t.regex(scaled.all, /What we saw: {3}no available IPv4 addresses/)
  t.regex(scaled.all, /What to do: {4}Every address of the environment's network is taken/)
  t.is((await onEngine(gateway, app.name)).containers.length, 2)
  t.regex(await fairlead(app, 'services'), /^web +1 +64MiB +1 /m)
})

test('a scale whose container does not come up leaves the count, and what ran', async t => {
  const app = await deployed(`test "$APTIBLE_PROCESS_INDEX" = 1 || { echo no room; exit 3; }; ${HTTPD}`)
  const [before] = await processes(gateway, app.name)
  const scaled = await gateway.fairlead(['apps:scale', 'web=2', '--app', app.name])
  t.is(scaled.status, 1)
  t.regex(scaled.all, /web\.2 stopped before it had settled: exit code 3 \(container-exited\)/)
  t.regex(scaled.all, /no room/)
  t.regex(scaled.all, /What runs now: Release v1 \(web, worker\), as before\./)
  t.is((await onEngine(gateway, app.name)).containers.length, 2)
  t.is((await processes(gateway, app.name))[0]?.container, before?.container)
  t.regex(await fairlead(app, 'services'), /^web +1 +64MiB +1 /m)
  t.regex(await fairlead(app, 'operations'), /^2 +scale +failed +container-exited/m)
})
