// Builds as the pusher lives through them: what arrives while they run, what goes in, and what stops them.
import { randomInt, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import Docker from 'dockerode'
import { removeImages } from '../support/build-fixtures.ts'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { gatewayId } from '../support/on-engine.ts'
import { page } from '../support/page.ts'
import { livePush, NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const WEB = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'

let gateway: TestGateway
let registry: TestRegistry
let id: string

test.before(async () => {
  ;[registry, gateway] = await Promise.all([startRegistry(), startGateway()])
  id = gatewayId(gateway)
  await registry.push('acme/base', '1')
  await stack('classic', 'build:\n  builder: classic\n')
  await stack('hasty', 'build:\n  timeout: 3s\n')
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
  // The classic builder leaves the bases that it pulled.
  if (registry) await removeImages(registry.host)
})

/** A stack and an environment of that name beside the gateway's own. */
async function stack(name: string, lines: string): Promise<void> {
  const pool = `10.${randomInt(64, 124)}.0.0/16`
  const text = `version: 2\nengine:\n  unix: /var/run/docker.sock\nnetwork:\n  pool: ${pool}\n  size: 28\nsettle: 1s\ngrace: 2s\n`
  writeFileSync(join(gateway.stacks, `${name}.yml`), text + lines)
  const reloaded = await gateway.fairlead(['stacks:reload'])
  if (reloaded.status !== 0) throw new Error(reloaded.all)
  const made = await gateway.fairlead(['environment:create', name, '--stack', name])
  if (made.status !== 0) throw new Error(made.all)
}

async function appWith(files: Record<string, string>, variables: string[] = [], environment = 'my-env') {
  const app = await gateway.app(files, { environment })
  const set = await gateway.fairlead([
    'config:set',
    '--app',
    app.name,
    `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${registry.username}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${registry.password}`,
    ...variables,
  ])
  if (set.status !== 0) throw new Error(set.all)
  return app
}

/** Processes inside containers of this machine, builds among them, that carry the text in their command line. */
function processesWith(text: string): string[] {
  const outside = readlinkSync('/proc/self/ns/mnt')
  return readdirSync('/proc').filter(pid => {
    try {
      if (!/^\d+$/.test(pid) || !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)) return false
      return readlinkSync(`/proc/${pid}/ns/mnt`) !== outside
    } catch {
      return false
    }
  })
}

/** Makes the file that a step waits for. What it has forked looks like the step itself, and may have ended by now. */
function letGo(mark: string): void {
  for (const pid of processesWith(mark)) {
    try {
      writeFileSync(`/proc/${pid}/root/tmp/go`, '')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

/** What the last operation of an app is recorded as. */
async function lastOperation(
  app: Checkout,
): Promise<{ state: string; problem: string | null; operation: number }> {
  const listed = await gateway.fairlead(['operations', '--app', app.name, '--json'])
  return JSON.parse(listed.stdout)[0]
}

async function imagesOf(app: Checkout): Promise<string[]> {
  const images = await docker.listImages({ filters: { reference: [`fairlead-${id}/${app.name}`] } })
  return images.flatMap(({ RepoTags }) => RepoTags ?? [])
}

const base = () => `${registry.host}/acme/base:1`

for (const [builder, environment] of [
  ['BuildKit', 'my-env'],
  ['the classic builder', 'classic'],
] as const) {
  test.serial(`with ${builder}, what a step prints arrives while the step runs`, async t => {
    const mark = randomUUID()
    // It goes on when somebody outside has seen what it printed, and made the file that it waits for.
    const wait = `echo seen-${mark}; until [ -e /tmp/go ]; do sleep 0.05; done; echo after-${mark}`
    const Dockerfile = `FROM ${base()}\nRUN ${wait}\nRUN mkdir /www && echo ${mark} > /www/index.html\n`
    const app = await appWith({ Dockerfile, Procfile: WEB }, [], environment)
    const push = await livePush(gateway, app)
    t.teardown(push.leave)
    await push.sees(`seen-${mark}`)
    t.false(push.stderr().includes(`\n         after-${mark}`))
    letGo(mark)
    const { status, all, stderr } = await push.ended
    t.is(status, 0, all)
    t.true(
      remoteLines({ stderr }).some(line => line.trim() === `after-${mark}`),
      all,
    )
    t.is(await page(gateway, app.name), `${mark}\n`)
  })
}

for (const environment of ['my-env', 'classic']) {
  test.serial(
    `stages, ARG before FROM and .dockerignore work in ${environment}, and .git stays outside`,
    async t => {
      const app = await appWith(
        {
          Dockerfile: [
            `ARG BASE=${registry.host}/acme/base`,
            'ARG VERSION=1',
            `FROM \${BASE}:\${VERSION} AS build`,
            'COPY . /context',
            'RUN mkdir /www; cd /context; find . | sort > /www/index.html',
            `FROM \${BASE}:\${VERSION}`,
            'COPY --from=build /www /www',
            '',
          ].join('\n'),
          '.dockerignore': '*.secret\nlogs\n!logs/kept\n',
          'a.txt': 'a',
          'b.secret': 'b',
          'logs/dropped': 'c',
          'logs/kept': 'd',
          Procfile: WEB,
        },
        [],
        environment,
      )
      const push = await app.push()
      t.is(push.status, 0, push.all)
      t.deepEqual((await page(gateway, app.name)).trim().split('\n'), [
        '.',
        './.dockerignore',
        './Dockerfile',
        './Procfile',
        './a.txt',
        './logs',
        './logs/kept',
      ])
    },
  )
}

test.serial('no variable of the config is a build argument, nor in the image’s history', async t => {
  const value = `hidden-${randomUUID()}`
  const Dockerfile = `FROM ${base()}\nARG GREETING=default\nARG APTIBLE_PRIVATE_REGISTRY_PASSWORD\nRUN : ${randomUUID()}; echo "[$GREETING] [$APTIBLE_PRIVATE_REGISTRY_PASSWORD] $(env | grep -c hidden)"\nCMD ["sleep", "1000"]\n`
  const app = await appWith({ Dockerfile }, [`GREETING=${value}`])
  const push = await app.push()
  t.is(push.status, 0, push.all)
  t.true(
    remoteLines(push).some(line => line.trim() === '[default] [] 0'),
    push.all,
  )
  const [tag] = await imagesOf(app)
  const image = docker.getImage(tag ?? '')
  const everything = JSON.stringify([await image.inspect(), await image.history()])
  t.false(everything.includes(value))
  t.false(everything.includes(registry.password))
})

test.serial('a build over the stack’s limit is stopped, and the limit named', async t => {
  const mark = randomUUID()
  const app = await appWith(
    { Dockerfile: `FROM ${base()}\nRUN sleep 600; : ${mark}\n`, Procfile: WEB },
    [],
    'hasty',
  )
  const push = await app.push()
  t.is(push.status, 1, push.all)
  t.deepEqual(
    refusal(push),
    problemText({
      headline:
        'The build took longer than the 3 seconds that the stack allows, and was stopped (build-timeout)',
      runs: NO_RELEASE,
      todo: 'Make the Dockerfile quicker (slow steps first, so that they stay cached), or ask the operator of the gateway to raise build.timeout in the stack file.',
    }),
  )
  await until('the build has stopped', async () => processesWith(mark).length === 0)
  t.deepEqual(await imagesOf(app), [])
})

for (const environment of ['my-env', 'classic']) {
  test.serial(
    `a pusher who presses Ctrl-C stops the build in ${environment}, and cancels the operation`,
    async t => {
      const mark = randomUUID()
      const Dockerfile = `FROM ${base()}\nRUN echo begun-${mark}; sleep 600; : ${mark}\n`
      const app = await appWith({ Dockerfile, Procfile: WEB }, [], environment)
      const push = await livePush(gateway, app)
      t.teardown(push.leave)
      await push.sees(`begun-${mark}`)
      t.true(processesWith(mark).length > 0)
      push.leave()
      t.not((await push.ended).status, 0)
      await until('the build has stopped', async () => processesWith(mark).length === 0)
      await until('it is recorded', async () => (await lastOperation(app)).state === 'cancelled')
      t.is((await lastOperation(app)).problem, 'cancelled')
      t.deepEqual(await imagesOf(app), [])

      // The app is free again at once, and its branch has not moved.
      const next = await app.push({
        Dockerfile: `FROM ${base()}\nCMD ["sleep", "1000"]\n`,
        Procfile: 'worker: sleep 1000\n',
      })
      t.is(next.status, 0, next.all)
      t.true(
        remoteLines(next).some(line => /^-----> v\d+ is live$/.test(line)),
        next.all,
      )
    },
  )
}

test.serial(
  'a here-document builds with BuildKit, and is refused with its line where there is only the classic builder',
  async t => {
    const files = { Dockerfile: `FROM ${base()}\nRUN <<EOF\nmkdir /www\nEOF\nCMD ["sleep", "1000"]\n` }
    const refused = await appWith(files, [], 'classic')
    const push = await refused.push()
    t.is(push.status, 1, push.all)
    t.deepEqual(
      refusal(push),
      problemText({
        headline:
          'Dockerfile:2: a here-document (<<) needs BuildKit, which the stack classic does not have (dockerfile-invalid)',
        runs: NO_RELEASE,
        todo: 'Put the lines into a file of the repository, COPY it and RUN it.',
      }),
    )
  },
)

test.serial(
  'a password that a step prints is hidden in what the pusher sees and in what is kept',
  async t => {
    const Dockerfile = `FROM ${base()}\nRUN : ${randomUUID()}; echo "the login is ${registry.password}, and that is that"\nCMD ["sleep", "1000"]\n`
    const app = await appWith({ Dockerfile })
    const push = await app.push()
    t.is(push.status, 0, push.all)
    t.true(remoteLines(push).includes('         the login is [redacted], and that is that'), push.all)
    t.false(push.all.includes(registry.password))
    const { operation } = await lastOperation(app)
    const kept = await gateway.fairlead(['operation:logs', '--app', app.name, String(operation)])
    t.true(kept.stdout.includes('the login is [redacted]'))
    t.false(kept.stdout.includes(registry.password))
  },
)
