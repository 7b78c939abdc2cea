// Looking in from outside: what runs and how it is, what it prints over a deploy, and who did what.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'
import Docker from 'dockerode'
import { type Checkout, type Person, startGateway, type TestGateway } from '../support/gateway.ts'
import { onEngine } from '../support/on-engine.ts'
import { atRest, processes } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const PROCFILE = `web: echo "web $VERSION"; exec busybox httpd -f -p "$PORT"
worker: while true; do echo "worker $VERSION ticks"; sleep 0.2; done
`

let gateway: TestGateway
let registry: TestRegistry
let app: Checkout

test.before(async () => {
  registry = await startRegistry({ anonymous: true })
  gateway = await startGateway({ environment: { FAIRLEAD_METRICS: '127.0.0.1:0' } })
  await registry.push('acme/web', 'latest')
  app = await gateway.app({ Procfile: PROCFILE }, { environment: 'main-env', app: 'shop' })
  await must('config:set', `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/web`, 'VERSION=one')
  const pushed = await app.push()
  if (pushed.status !== 0) throw new Error(pushed.all)
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

async function must(command: string, ...words: string[]): Promise<string> {
  const done = await gateway.fairlead([command, ...words, '--app', app.name])
  if (done.status !== 0) throw new Error(done.all)
  return done.stdout
}

/** `logs --follow` as a person who stays. */
function follow(person: Person, ...words: string[]) {
  const child: ChildProcess = spawn(
    'ssh',
    [
      ...['-F', 'none', '-i', person.key, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=no'],
      ...['-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-p', String(gateway.port), '-T'],
      ...['git@127.0.0.1', `logs --follow --app ${app.name} ${words.join(' ')}`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const heard = { out: '', err: '' }
  child.stdout?.on('data', chunk => {
    heard.out += chunk
  })
  child.stderr?.on('data', chunk => {
    heard.err += chunk
  })
  const ended = once(child, 'close').then(([status]) => status as number | null)
  return { heard, ended, leave: () => child.kill() }
}

test.serial(
  'ps shows what each container uses, and the health of an image that has a HEALTHCHECK',
  async t => {
    // What an engine takes long to tell is left out.
    const table = await until('it says what is used', async () => {
      const lines = (await must('ps')).split('\n')
      return /\d%/.test(lines[1] ?? '') && lines
    })
    t.regex(
      table[0] ?? '',
      /^PROCESS +RELEASE +STATE +HEALTH +RESTARTS +CPU +MEMORY +ADDRESS +STATUS +CONTAINER$/,
    )
    t.regex(
      table[1] ?? '',
      /^web\.1 +v1 +running +- +0 +\d+% +[\d.]+ [KM]iB +10\.[\d.]+ +Up .* {2}[0-9a-f]{12}$/,
    )
    const checked = await gateway.app(
      {
        Dockerfile: `FROM ${registry.host}/acme/web\nHEALTHCHECK --interval=1s --retries=1 CMD test ! -e /tmp/ill\n`,
        Procfile: 'web: exec busybox httpd -f -p "$PORT"\n',
      },
      { environment: 'main-env', app: 'checked' },
    )
    const pushed = await checked.push()
    t.is(pushed.status, 0, pushed.all)
    const health = async (wanted: string) =>
      until(`it is ${wanted}`, async () => {
        const [row] = (await processes(gateway, checked.name)) as unknown as { health: string | null }[]
        return row?.health === wanted
      })
    await health('healthy')
    const [name = ''] = (await onEngine(gateway, checked.name)).containers
    const exec = await docker.getContainer(name.slice(1)).exec({ Cmd: ['/bin/sh', '-c', ': > /tmp/ill'] })
    ;(await exec.start({})).resume()
    await health('unhealthy')
    const [row] = (await gateway.fairlead(['ps', '--app', checked.name, '--no-stats'])).stdout
      .split('\n')
      .slice(1)
    t.regex(row ?? '', / running +unhealthy +0 +10\./)
    t.false((row ?? '').includes('('), row)
  },
)

test.serial(
  'a followed log goes on over a deploy, and a stop of the engine’s own making, without a line twice',
  async t => {
    const following = follow(gateway.operator, '--service', 'web', '-n', '5')
    t.teardown(following.leave)
    await until('the first came', async () => following.heard.out.includes('web.1 | web one\n'))
    await must('config:set', 'VERSION=two')
    await until('the next came', async () => following.heard.out.includes('web.1 | web two\n'))
    // What retires behind it has a log, too.
    await atRest(gateway, app.name)
    const [name = ''] = (await onEngine(gateway, app.name)).containers.filter(each => each.includes('.web.'))
    await docker.getContainer(name.slice(1)).restart({ t: 0 })
    const lines = () => following.heard.out.split('\n')
    await until('it came again', async () => lines().filter(line => line === 'web.1 | web two').length >= 2)
    t.deepEqual(lines(), ['web.1 | web one', 'web.1 | web two', 'web.1 | web two', ''])
    t.is(following.heard.err, '')
  },
)

test.serial(
  'logs of all containers are merged by their times, and --since leaves out what was before',
  async t => {
    const merged = (await must('logs', '--lines', '10000')).trim().split('\n')
    const web = merged.indexOf('web.1    | web two')
    const before = merged.slice(0, web).filter(line => line.startsWith('worker.1 | '))
    const after = merged.slice(web).filter(line => line.startsWith('worker.1 | '))
    t.true(web >= 0 && after.length > 0, merged.join('\n'))
    t.true(before.length <= after.length + 100)
    t.is((await must('logs', '--since', '2099-01-01T00:00:00Z')).trim(), '')
    t.true((await must('logs', '--since', '1h', '--service', 'web')).startsWith('web.1 | web two\n'))
  },
)

test.serial('a followed log ends when its member loses the right to it', async t => {
  const eve = await gateway.person('eve', { environment: 'main-env', role: 'observe' })
  const following = follow(eve)
  t.teardown(following.leave)
  await until('it ticks', async () => following.heard.out.includes('ticks'))
  const removed = await gateway.fairlead(['members:remove', 'eve', '--environment', 'main-env'])
  t.is(removed.status, 0, removed.all)
  t.is(await following.ended, 1)
  t.regex(following.heard.err, /main-env\/shop was not found, or you may not see it \(app-not-found\)/)
})

test.serial('activity says who did what from where, refused pushes too, with no value in it', async t => {
  const failed = await app.push({ Procfile: 'no process\n' })
  t.is(failed.status, 1)
  const rows = JSON.parse(
    (await gateway.fairlead(['activity', '--app', app.name, '--json', '--limit', '50'])).stdout,
  ) as Record<string, unknown>[]
  const brief = rows.map(({ actor, command, words, outcome }) => [actor, command, words, outcome])
  t.deepEqual(brief, [
    ['operator', 'git-receive-pack', [], 'failed'],
    ['operator', 'config:set', ['VERSION'], 'ok'],
    ['operator', 'git-receive-pack', [], 'ok'],
    ['operator', 'config:set', ['APTIBLE_DOCKER_IMAGE', 'VERSION'], 'ok'],
  ])
  for (const { key, address, about } of rows) {
    t.regex(String(key), /^SHA256:/)
    t.is(address, '127.0.0.1')
    t.is(about, app.name)
  }
  t.false(JSON.stringify(rows).includes('acme/web'))
  const removed = JSON.parse((await gateway.fairlead(['activity', '--json', '--limit', '1'])).stdout)
  t.is(removed.length, 1)
})

test.serial('health and metrics are served on loopback, without names of members', async t => {
  const port = /"port":(\d+),"msg":"health and metrics are served"/.exec(gateway.log())?.[1]
  // An engine that takes more than two seconds to tell counts as away until it is asked again.
  const [status, health] = await until('the engine has told', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`)
    const said = (await answer.json()) as { degraded: string[] }
    return said.degraded.length === 0 && ([answer.status, said] as const)
  })
  t.is(status, 200)
  t.deepEqual<unknown, unknown>(health, { status: 'ok', failing: [], degraded: [] })
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const value = (sample: string) =>
    Number(
      text
        .split('\n')
        .find(line => line.startsWith(`${sample} `))
        ?.split(' ')
        .at(-1),
    )
  t.true(value('fairlead_operations_total{kind="deploy",outcome="succeeded"}') >= 2, text)
  t.is(value('fairlead_operations_total{kind="configure",outcome="succeeded"}'), 2)
  t.true(value('fairlead_operations_total{kind="deploy",outcome="failed"}') >= 1)
  t.true(value('fairlead_registry_questions_total{outcome="ok"}') >= 1)
  t.is(value('fairlead_containers{stack="local",app="main-env/shop",state="running"}'), 2)
  t.is(value('fairlead_engine_up{stack="local"}'), 1)
  t.is(value('fairlead_apps'), 2)
  t.true(value('fairlead_releases') >= 3)
  t.false(/operator|eve|SHA256/.test(text), text)
})
