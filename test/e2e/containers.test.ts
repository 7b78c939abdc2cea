// What runs in the end: command, environment, names, network and hardening of the containers, and what becomes of
// those that do not start.
import { randomUUID } from 'node:crypto'
import test from 'ava'
import Docker from 'dockerode'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { gatewayId } from '../support/on-engine.ts'
import { page, processes } from '../support/page.ts'
import { NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
/** Prints its arguments, one in each line, and stays. */
const SPEAKER = '#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\nexec sleep 1000\n'
const STACK = 'limits:\n  memory: 96MiB\n  cpus: 0.5\n  pids: 64\n'

let gateway: TestGateway
let open: TestRegistry
let id: string

test.before(async () => {
  ;[open, gateway] = await Promise.all([startRegistry({ anonymous: true }), startGateway({ stack: STACK })])
  id = gatewayId(gateway)
  await open.push('acme/shell', 'latest', {
    files: { '/www/index.html': 'hello\n' },
    env: { COLOR: 'image', SIZE: 'image', APTIBLE_PROCESS_TYPE: 'image' },
    cmd: ['/bin/sh', '-c', 'echo the own command; exec sleep 1000'],
  })
  await open.push('acme/speaker', 'latest', {
    files: { '/bin/speaker': SPEAKER },
    entrypoint: ['/bin/speaker', 'always'],
    cmd: ['by', 'itself'],
  })
  await open.push('acme/broken', 'latest', { entrypoint: ['/no/such/program'] })
})
test.after.always(async () => {
  await gateway?.dispose()
  await open?.stop()
})

async function deployed(
  files: Record<string, string>,
  image: string,
  { environment, variables = [] }: { environment?: string; variables?: string[] } = {},
): Promise<{ app: Checkout; lines: string[] }> {
  const app = await gateway.app(files, environment === undefined ? {} : { environment })
  const words = [`APTIBLE_DOCKER_IMAGE=${open.host}/${image}`, ...variables]
  const set = await gateway.fairlead(['config:set', '--app', app.name, ...words])
  if (set.status !== 0) throw new Error(set.all)
  const push = await app.push()
  if (push.status !== 0) throw new Error(push.all)
  return { app, lines: remoteLines(push) }
}

/** Everything of an app that is on the engine, in whatever state. */
async function containersOf(app: Checkout) {
  const label = [
    `fairlead.gateway=${id}`,
    `fairlead.environment=${app.environment}`,
    `fairlead.app=${app.app}`,
  ]
  const found = await docker.listContainers({ all: true, filters: { label } })
  return Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect()))
}

async function containerOf(app: Checkout, process: string) {
  const name = `fairlead-${id}.${app.environment}.${app.app}.v1.${process}.1`
  return docker.getContainer(name).inspect()
}

/** All that it has printed, as soon as the last of it is there: a push does not wait for words. */
async function printed(app: Checkout, process: string, last: string): Promise<string[]> {
  const name = `fairlead-${id}.${app.environment}.${app.app}.v1.${process}.1`
  return until(`${process} has printed ${last}`, async () => {
    const log = await docker.getContainer(name).logs({ stdout: true, stderr: true, follow: false })
    // Frames of an 8-byte header around each line.
    const frames = log.toString('latin1').matchAll(/[\x01\x02]\0\0\0[\s\S]{4}([^\n]*)\n/g)
    const lines = [...frames].map(match => match[1] ?? '')
    return lines.includes(last) && lines
  })
}

/** Whether the page of an app can be had from within a container of another. */
async function reaches(from: Checkout, address: string): Promise<boolean> {
  // busybox's wget, linked statically, dies of looking up names.
  const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 5000 | grep -q hello`
  const exec = await docker
    .getContainer((await containerOf(from, 'web')).Id)
    .exec({ Cmd: ['/bin/sh', '-c', script], AttachStdout: true, AttachStderr: true })
  const stream = await exec.start({})
  for await (const _ of stream) {
    // Read to its end: then the command has ended.
  }
  return (await exec.inspect()).ExitCode === 0
}

const SERVE = 'exec busybox httpd -f -p "$PORT" -h /www'

test.serial(
  'without an ENTRYPOINT a line is a script; the environment is the image’s, then the config’s, then ours',
  async t => {
    const { app } = await deployed(
      { Procfile: `web: env; echo told; ${SERVE}\nworker: env; echo $((40 + 2)) && exec sleep 1000\n` },
      'acme/shell',
      {
        variables: [
          'COLOR=config',
          'APTIBLE_PROCESS_TYPE=config',
          'FAIRLEAD_RELEASE=config',
          `APTIBLE_PRIVATE_REGISTRY_HOST=${open.host}`,
          'APTIBLE_PRIVATE_REGISTRY_USERNAME=somebody',
          'APTIBLE_PRIVATE_REGISTRY_PASSWORD=open-sesame',
          'APTIBLE_PRIVATE_REGISTRY_EMAIL=.',
        ],
      },
    )
    const web = await printed(app, 'web', 'told')
    const worker = await printed(app, 'worker', '42')
    for (const [process, lines] of [
      ['web', web],
      ['worker', worker],
    ] as const) {
      t.true(lines.includes('SIZE=image'), lines.join('\n'))
      t.true(lines.includes('COLOR=config'))
      t.true(lines.includes(`APTIBLE_PROCESS_TYPE=${process}`))
      t.true(lines.includes('FAIRLEAD_RELEASE=v1'))
      t.true(lines.includes(`FAIRLEAD_APP=${app.name}`))
      t.false(lines.some(line => line.includes('PRIVATE_REGISTRY') || line.includes('open-sesame')))
    }
    t.true(web.includes('PORT=5000'))
    t.false(worker.some(line => line.startsWith('PORT=')))
    t.is(await page(gateway, app.name), 'hello\n')
  },
)

test.serial('a PORT of the config is the one that web is told and asked at', async t => {
  const { app, lines } = await deployed({ Procfile: `web: ${SERVE}\n` }, 'acme/shell', {
    variables: ['PORT=8123'],
  })
  t.true(lines.includes('       web.1 answers on port 8123'), lines.join('\n'))
  t.is(await page(gateway, app.name, 8123), 'hello\n')
})

test.serial('with an ENTRYPOINT the words of a line are its arguments, and no shell reads them', async t => {
  const { app } = await deployed(
    { Procfile: `worker: a "b  c" '$HOME' $HOME ; $(id) * > /tmp/x\n` },
    'acme/speaker',
  )
  t.deepEqual(await printed(app, 'worker', '</tmp/x>'), [
    '<always>',
    '<a>',
    '<b  c>',
    '<$HOME>',
    '<$HOME>',
    '<;>',
    '<$(id)>',
    '<*>',
    '<>>',
    '</tmp/x>',
  ])
})

test.serial('without a Procfile one process, cmd, runs the image’s own ENTRYPOINT and CMD', async t => {
  const { app, lines } = await deployed({ 'README.md': 'no Procfile\n' }, 'acme/speaker')
  t.true(lines.includes('-----> Release v1: cmd'), lines.join('\n'))
  t.deepEqual(await printed(app, 'cmd', '<itself>'), ['<always>', '<by>', '<itself>'])
  const shell = await deployed({ 'README.md': 'no Procfile\n' }, 'acme/shell')
  t.deepEqual(await printed(shell.app, 'cmd', 'the own command'), ['the own command'])
})

test.serial(
  'names and labels say whose a container is, and its limits and hardening are the stack’s',
  async t => {
    const { app } = await deployed({ Procfile: `web: ${SERVE}\n` }, 'acme/shell')
    // The engine is told of it when the pusher was answered.
    const isKept = async () => (await containerOf(app, 'web')).HostConfig.RestartPolicy?.Name === 'always'
    await until('it is kept running', isKept)
    const { Name, Config, HostConfig } = await containerOf(app, 'web')
    t.is(Name, `/fairlead-${id}.my-env.${app.app}.v1.web.1`)
    t.deepEqual(Config.Labels, {
      'fairlead.gateway': id,
      'fairlead.environment': 'my-env',
      'fairlead.app': app.app,
      'fairlead.release': '1',
      'fairlead.process': 'web',
      'fairlead.index': '1',
      'fairlead.one-off': 'false',
      'fairlead.port': '5000',
    })
    t.is(HostConfig.NetworkMode, `fairlead-${id}.my-env`)
    t.deepEqual(HostConfig.LogConfig, { Type: 'json-file', Config: { 'max-file': '3', 'max-size': '10m' } })
    t.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'])
    t.deepEqual(HostConfig.CapDrop, ['ALL'])
    t.deepEqual(HostConfig.CapAdd, [
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'SETUID',
      'SETGID',
      'KILL',
      'NET_BIND_SERVICE',
    ])
    t.false(HostConfig.Privileged)
    t.falsy(HostConfig.Binds)
    t.deepEqual(HostConfig.PortBindings ?? {}, {})
    t.is(HostConfig.Memory, 96 * 1024 * 1024)
    t.is(HostConfig.MemorySwap, 96 * 1024 * 1024)
    t.is(HostConfig.NanoCpus, 5e8)
    t.is(HostConfig.PidsLimit, 64)
  },
)

test.serial('apps of one environment reach each other, those of another environment do not', async t => {
  const files = { Procfile: `web: ${SERVE}\n` }
  const one = await deployed(files, 'acme/shell')
  const two = await deployed(files, 'acme/shell')
  const other = await deployed(files, 'acme/shell', { environment: 'other-env' })
  const address = (await processes(gateway, one.app.name)).find(row => row.process === 'web.1')?.address
  await until('its own environment reaches it', () => reaches(two.app, address ?? ''))
  // Not at any moment: engines take the rule that parts networks away for milliseconds whenever they make another one.
  await until('another environment does not reach it', async () => !(await reaches(other.app, address ?? '')))
  const [here, there] = await Promise.all([containerOf(one.app, 'web'), containerOf(other.app, 'web')])
  t.not(here.HostConfig.NetworkMode, there.HostConfig.NetworkMode)
})

test.serial(
  'a container that exits fails the deploy with its last output; what ran before serves on, and nothing of the try is left',
  async t => {
    const { app } = await deployed({ Procfile: `web: ${SERVE}\n` }, 'acme/shell')
    const before = (await containersOf(app)).map(({ Id }) => Id)
    const images = async () =>
      (await docker.listImages({ filters: { reference: [`fairlead-${id}/${app.name}`] } })).flatMap(
        ({ RepoTags }) => RepoTags ?? [],
      )
    const tags = await images()
    const push = await app.push({
      Procfile: `web: ${SERVE}\nworker: printf '\\033[31mfamous\\033[0m last words\\n'; exit 3\n`,
    })
    t.is(push.status, 1, push.all)
    t.deepEqual(
      // The engine may start it once more before it is removed, so that it says the same again.
      [...new Set(refusal(push))],
      problemText({
        headline: 'worker.1 stopped before it had settled: exit code 3 (container-exited)',
        saw: [
          "Its command: printf '\\033[31mfamous\\033[0m last words\\n'; exit 3",
          'Its last output:',
          'famous last words',
        ],
        runs: 'Release v1 (web), as before.',
        todo: 'A process has to stay in the foreground. Mend what its output names, and push again.',
      }),
    )
    t.deepEqual(
      (await containersOf(app)).map(({ Id }) => Id),
      before,
    )
    t.deepEqual(await images(), tags)
    t.is(await page(gateway, app.name), 'hello\n')

    const missing = await app.push({ Procfile: `web: ${SERVE}\nworker: no-such-program --now\n` })
    const lines = refusal(missing)
    t.is(lines[0], ' !     worker.1 stopped before it had settled: exit code 127 (container-exited)')
    t.regex(lines.join('\n'), /no-such-program: not found/)
    t.is(
      lines.at(-1),
      '       What to do:    The command was not found in the image: check the Procfile line and what the image holds.',
    )
    t.deepEqual(
      (await containersOf(app)).map(({ Id }) => Id),
      before,
    )
  },
)

test.serial('an ENTRYPOINT that is not in the image is named', async t => {
  const app = await gateway.app({ Procfile: 'web: serve\n' })
  await gateway.fairlead(['config:set', '--app', app.name, `APTIBLE_DOCKER_IMAGE=${open.host}/acme/broken`])
  const push = await app.push()
  t.is(push.status, 1, push.all)
  const lines = refusal(push)
  t.is(lines[0], ' !     web.1 stopped before it had settled: exit code 127 (container-exited)')
  t.regex(lines.join('\n'), /exec \/no\/such\/program failed: No such file or directory/)
  t.deepEqual(await containersOf(app), [])
})

test.serial('a container that the engine cannot start is named, with the engine’s words', async t => {
  const Dockerfile = `FROM ${open.host}/acme/shell\nUSER nosuch\n`
  const app = await gateway.app({ Dockerfile, Procfile: `worker: sleep 1000\n` })
  const push = await app.push()
  t.is(push.status, 1, push.all)
  t.deepEqual(
    refusal(push),
    problemText({
      headline: 'worker.1 could not be started (container-not-started)',
      saw: 'unable to find user nosuch: no matching entries in passwd file',
      runs: NO_RELEASE,
      todo: 'Check the command in the Procfile, and USER, WORKDIR and ENTRYPOINT of the image.',
    }),
  )
  t.deepEqual(await containersOf(app), [])
})

test.serial(
  'before_release runs its commands in order, in one container that is gone before the release starts',
  async t => {
    const mark = randomUUID()
    const { app, lines } = await deployed(
      {
        Procfile: `web: ${SERVE}\n`,
        '.aptible.yml': `before_release:\n  - echo ${mark} > /tmp/state; printf 'half a line'\n  - cat /tmp/state; echo $COLOR/$APTIBLE_PROCESS_TYPE >&2\n  - printf '\\033]0;title\\007\\033[31mone\\rtwo\\n'\n`,
      },
      'acme/shell',
      { variables: ['COLOR=config'] },
    )
    const from = lines.indexOf('-----> Running before_release')
    t.deepEqual(lines.slice(from, lines.indexOf('-----> Starting web.1')), [
      '-----> Running before_release',
      `       $ echo ${mark} > /tmp/state; printf 'half a line'`,
      '       half a line',
      '       $ cat /tmp/state; echo $COLOR/$APTIBLE_PROCESS_TYPE >&2',
      `       ${mark}`,
      '       config/before-release',
      "       $ printf '\\033]0;title\\007\\033[31mone\\rtwo\\n'",
      '       two',
    ])
    t.deepEqual(
      (await containersOf(app)).map(({ Name }) => Name),
      [`/fairlead-${id}.my-env.${app.app}.v1.web.1`],
    )
  },
)

test.serial('a before_deploy command that fails rejects the push before anything is started', async t => {
  const { app } = await deployed({ Procfile: `web: ${SERVE}\n` }, 'acme/shell')
  const before = (await containersOf(app)).map(({ Id }) => Id)
  const push = await app.push({
    '.aptible.yml': 'before_deploy:\n  - echo first\n  - echo no such table; exit 9\n  - echo never\n',
  })
  t.is(push.status, 1, push.all)
  t.deepEqual(
    refusal(push),
    problemText({
      headline:
        'A before_release command failed with exit code 9: echo no such table; exit 9 (before-release-failed)',
      saw: ['Its last output:', 'no such table'],
      runs: 'Release v1 (web), as before.',
      todo: 'Mend the command in .aptible.yml or what it calls, and push again. What it did to a database stays done.',
    }),
  )
  const lines = remoteLines(push)
  t.false(
    lines.some(line => line.includes('Starting') || line.trim() === 'never'),
    push.all,
  )
  t.deepEqual(
    (await containersOf(app)).map(({ Id }) => Id),
    before,
  )
  t.is(await page(gateway, app.name), 'hello\n')
})

test.serial(
  'before_release of an image with ENTRYPOINT hands it the words, and an open quote is the file’s fault',
  async t => {
    await open.push('acme/once', 'latest', {
      files: { '/bin/once': '#!/bin/sh\necho "$# $1 $2"\n[ "$1" = migrate ] || exec sleep 1000\n' },
      entrypoint: ['/bin/once'],
    })
    const { app, lines } = await deployed(
      { Procfile: 'worker: run\n', '.aptible.yml': `before_release: migrate '$HOME; id'\n` },
      'acme/once',
    )
    t.true(lines.includes('       2 migrate $HOME; id'), lines.join('\n'))

    const push = await app.push({ '.aptible.yml': `before_release:\n  - echo "it is\n` })
    t.is(push.status, 1, push.all)
    t.deepEqual(
      refusal(push),
      problemText({
        headline:
          '.aptible.yml: a command of before_release cannot be split into words: the " at character 6 is never closed (aptible-yml-invalid)',
        saw: 'echo "it is',
        runs: 'Release v1 (worker), as before.',
        todo: 'Close the quote. The image has an ENTRYPOINT, so the command is not read by a shell: its words become arguments.',
      }),
    )
  },
)
