// What an app leaves behind: releases, operations, logs, lists for people and for programs; and its end, after which
// nothing is left.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { onEngine } from '../support/on-engine.ts'
import { processes } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
let registry: TestRegistry
let app: Checkout

const PROCFILE =
  'web: test "$FAIL" != yes || exit 4; echo "web says hello"; exec busybox httpd -f -p "$PORT"\nworker: while true; do echo "worker ticks"; sleep 0.2; done\n'

test.before(async () => {
  registry = await startRegistry({ anonymous: true })
  gateway = await startGateway()
  await registry.push('acme/web', 'latest')
  app = await deployed('main-env', 'shop')
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

async function deployed(environment: string, name: string): Promise<Checkout> {
  const made = await gateway.app({ Procfile: PROCFILE }, { environment, app: name })
  const image = `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/web`
  await gateway.fairlead(['config:set', image, '--app', made.name])
  const pushed = await made.push()
  if (pushed.status !== 0) throw new Error(pushed.all)
  return made
}

async function json(command: string) {
  const { status, stdout, all } = await gateway.ssh(`${command} --json`)
  if (status !== 0) throw new Error(all)
  return JSON.parse(stdout)
}

test('operations and releases are numbered per app, with actor and outcome, and the transcript is kept', async t => {
  const history = await deployed('history-env', 'kept')
  const commit = (await history.git('rev-parse', 'HEAD')).stdout.trim()
  const worker = await gateway.person('bea', { environment: 'history-env', role: 'deploy' })
  const failed = await gateway.fairlead(['config:set', 'FAIL=yes', '--app', history.name], { as: worker })
  t.is(failed.status, 1)
  const set = await gateway.fairlead(['config:set', 'MORE=1', '--app', history.name])
  t.is(set.status, 0)

  const operations = await json(`operations --app ${history.name}`)
  t.like(operations, [
    {
      operation: 4,
      kind: 'configure',
      state: 'succeeded',
      problem: null,
      actor: 'operator',
      subject: 'MORE',
    },
    {
      operation: 3,
      kind: 'configure',
      state: 'failed',
      problem: 'container-exited',
      actor: 'bea',
      subject: 'FAIL',
    },
    { operation: 2, kind: 'deploy', state: 'succeeded', subject: `master ${commit.slice(0, 12)}` },
    { operation: 1, kind: 'configure', state: 'succeeded', subject: 'APTIBLE_DOCKER_IMAGE' },
  ])
  t.true(
    operations.every(
      ({ created, ended }: Record<string, string>) => Date.parse(created ?? '') <= Date.parse(ended ?? ''),
    ),
  )
  const releases = await json(`releases --app ${history.name}`)
  t.like(releases, [
    { release: 'v3', state: 'live', operation: 4, config: 3, processes: ['web', 'worker'] },
    { release: 'v2', state: 'failed', operation: 3, config: 2 },
    { release: 'v1', state: 'retired', operation: 2, config: 1, commit: commit.slice(0, 12) },
  ])
  t.is((await json(`releases --limit 1 --app ${history.name}`)).length, 1)
  t.is((await json(`operations --limit 2 --app ${history.name}`)).length, 2)

  const kept = await gateway.ssh(`operation:logs 3 --app ${history.name}`)
  t.deepEqual(
    kept.stdout.split('\n').filter(Boolean),
    failed.stderr
      .split('\n')
      .map(line => line.trimEnd())
      .filter(Boolean),
  )
  for (const number of ['9', '0', '-1', '1.5', 'x', '1e0 ', '']) {
    const none = await gateway.ssh(`operation:logs '${number}' --app ${history.name}`)
    t.is(none.status, 1, number)
    t.regex(none.stderr, /\(not-found\)|\(usage\)/, number)
  }
  for (const limit of ['0', '-1', 'x', '1001', '1.5']) {
    t.regex((await gateway.ssh(`releases --limit=${limit} --app ${history.name}`)).stderr, /\(usage\)/, limit)
  }

  await gateway.restart()
  t.deepEqual(await json(`operations --app ${history.name}`), operations)
})

const LISTS = [
  'apps',
  'apps --environment main-env',
  'environments',
  'keys',
  'members',
  'members --environment main-env',
  'stacks',
  'ps --app shop',
  'releases --app shop',
  'operations --app shop',
]

test.serial('every list is a table for people and JSON for programs, empty or not', async t => {
  await gateway.person('reader', { environment: 'main-env', role: 'observe' })
  for (const command of LISTS) {
    const rows: Record<string, unknown>[] = await json(command)
    t.true(Array.isArray(rows) && rows.length > 0, command)
    const table = await gateway.ssh(command)
    const columns = Object.keys(rows[0] ?? {}).map(column => column.toUpperCase())
    t.deepEqual(table.stdout.split('\n')[0]?.split(/ +/), columns, command)
    t.is(table.stdout.split('\n').length, rows.length + 2, command)
  }
  const nobody = await gateway.person('nobody-yet')
  for (const command of ['apps', 'environments', 'apps --environment main-env']) {
    t.is((await gateway.ssh(`${command} --json`, { as: nobody })).stdout, '[]\n')
    t.regex((await gateway.ssh(command, { as: nobody })).stdout, /^No .*\n$/)
  }
  await gateway.app({}, { environment: 'main-env', app: 'empty' })
  for (const command of ['ps', 'releases', 'operations']) {
    t.is((await gateway.ssh(`${command} --app main-env/empty --json`)).stdout, '[]\n')
    t.regex((await gateway.ssh(`${command} --app main-env/empty`)).stdout, /^No.*\n$/)
  }
})

test.serial('help explains every command the same way, in three spellings and with every name', async t => {
  const all = await gateway.fairlead(['help'])
  t.is(all.status, 0)
  const names = (await gateway.ssh('help --names')).stdout.trim().split('\n')
  t.true(names.length > 25)
  t.false(names.some(name => name.startsWith('git-')))
  for (const name of names) {
    t.true(all.stdout.includes(`  ${name} `), name)
    const [help, option] = await Promise.all([gateway.ssh(`help ${name}`), gateway.ssh(`${name} --help`)])
    t.is(help.status, 0)
    t.regex(help.stdout, new RegExp(`^fairlead ${name}( .*)?\\n\\n.+\\.\\n`), name)
    t.is(option.stdout, help.stdout, name)
    t.is(option.status, 0)
    for (const alias of /^Also: (.*)$/m.exec(help.stdout)?.[1]?.split(', ') ?? []) {
      t.is((await gateway.ssh(`help ${alias}`)).stdout, help.stdout, alias)
    }
  }
  t.is((await gateway.fairlead(['ps', '--help'])).stdout, (await gateway.ssh('help ps')).stdout)
  t.is((await gateway.fairlead(['help', 'no-such'])).status, 1)
})

test.serial('an unknown command suggests the nearest, and exit statuses reach the caller', async t => {
  const typo = await gateway.fairlead(['confg:set', 'A=1'])
  t.is(typo.status, 1)
  t.regex(typo.stderr, /There is no command "confg:set" \(unknown-command\)\n.*Did you mean `config:set`\?/)
  t.is((await gateway.fairlead(['ps'], { cwd: app.directory })).status, 1)
  t.is((await gateway.fairlead(['ps', '--app', app.name])).status, 0)
  t.is((await gateway.fairlead(['stacks:check', 'local'])).status, 0)
  t.is((await gateway.fairlead(['stacks:check', 'nowhere'])).status, 1)
  t.is(
    (
      await gateway.fairlead(['ps'], {
        as: {
          ...gateway.operator,
          key: '',
          environment: {
            ...gateway.operator.environment,
            GIT_SSH_COMMAND:
              'ssh -F none -o IdentityFile=none -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null',
          },
        },
      })
    ).status,
    255,
  )
})

test.serial('logs prints the last lines of each process, and the chosen one alone', async t => {
  const logs = await until('both have printed', async () => {
    const { stdout } = await gateway.ssh('logs --app shop')
    return stdout.includes('web says hello') && stdout.includes('worker ticks') ? stdout : null
  })
  t.regex(logs, /^web\.1 {4}\| web says hello$/m)
  t.regex(logs, /^worker\.1 \| worker ticks$/m)
  const only = await gateway.ssh('logs --process worker --lines 2 --app shop')
  t.is(only.stdout, 'worker.1 | worker ticks\n'.repeat(2))
  t.regex(
    (await gateway.ssh('logs --process nope --app shop')).stderr,
    /No container is called "nope" \(not-found\)\n.*web\.1, worker\.1/,
  )
  for (const lines of ['-1', 'x', '1.5', '10001', '1e9']) {
    t.regex(
      (await gateway.ssh(`logs --lines=${lines} --app shop`)).stderr,
      /--lines is a number from 0 to 10000/,
      lines,
    )
  }
})

/** Sockets that the gateway holds, and processes it has started. */
function holds(pid: number) {
  const sockets = readdirSync(`/proc/${pid}/fd`).filter(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  })
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return { sockets: sockets.length, children: children.length }
}

test.serial('logs --follow prints what comes, and leaves nothing behind when its client leaves', async t => {
  await gateway.ssh('logs --app shop')
  const before = await until('the gateway is at rest', async () => {
    const now = holds(gateway.pid())
    return now.children === 0 && now
  })
  const words = ['-F', 'none', '-i', gateway.operator.key, '-p', String(gateway.port)]
  for (const option of [
    'IdentitiesOnly=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
  ])
    words.push('-o', option)
  const leave = ['SIGTERM', 'SIGKILL'] as const
  const followers = leave.map(() =>
    spawn('ssh', [...words, 'git@127.0.0.1', 'logs', '--follow', '--lines', '0', '--app', 'shop'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )
  for (const follower of followers) {
    const [line] = await once(follower.stdout, 'data')
    t.regex(String(line), /worker\.1 \| worker ticks/)
  }
  t.true(holds(gateway.pid()).sockets >= before.sockets + 4)
  for (const [i, follower] of followers.entries()) {
    const exited = once(follower, 'exit')
    follower.kill(leave[i])
    await exited
  }
  await until('the gateway holds no more than before', async () => {
    const now = holds(gateway.pid())
    return now.sockets <= before.sockets && now.children === 0
  })
  t.notRegex(gateway.log(), /"level":50|a fault|by a fault/)
})

test.serial(
  'an app is destroyed only by its name, and then nothing of it is left, nor of an environment’s last app',
  async t => {
    const gone = await deployed('gone-env', 'gone')
    await until(
      'its containers run',
      async () => (await onEngine(gateway, gone.name)).containers.length === 2,
    )
    const rows = await processes(gateway, gone.name)
    for (const [words, stdin, said] of [
      [[], '', /No answer/],
      [[], 'yes\n', /The answer "yes"/],
      [[], 'shop\n', /The answer "shop"/],
      [[], `${gone.name}\n`, /The answer "gone-env\/gone"/],
      [['--confirm', 'shop'], 'gone\n', /The answer "shop"/],
      [['--confirm', ''], 'gone\n', /\(not-confirmed\)/],
    ] as const) {
      const kept = await gateway.fairlead(['apps:destroy', '--app', gone.name, ...words], { stdin })
      t.is(kept.status, 1)
      t.regex(kept.stderr, said)
      t.regex(kept.stderr, /gone-env\/gone was not destroyed \(not-confirmed\)[\s\S]*add --confirm gone/)
    }
    t.deepEqual(
      (await processes(gateway, gone.name)).map(({ container }) => container),
      rows.map(({ container }) => container),
    )
    const repository = join(gateway.data, 'repositories', `${gone.name}.git`)
    t.true(existsSync(repository))
    t.true((await onEngine(gateway)).networks.some(name => name.endsWith('.gone-env')))

    // What waits behind the end of an app is told so, and what is asked afterwards finds nothing.
    const ending = gateway.fairlead(['apps:destroy', '--app', gone.name], { stdin: 'gone\n' })
    await until('the end has begun', async () =>
      (await json(`operations --app ${gone.name}`).catch(() => [{ kind: 'destroy' }])).some(
        ({ kind }: { kind: string }) => kind === 'destroy',
      ),
    )
    const late = await gateway.fairlead(['config:set', 'A=1', '--app', gone.name])
    const destroyed = await ending
    t.is(destroyed.status, 0, destroyed.all)
    t.regex(destroyed.stdout, /App gone destroyed\.\n$/)
    t.is(late.status, 1)
    t.regex(late.stderr, /\(app-not-found\)/)

    const left = await onEngine(gateway, gone.name)
    t.deepEqual([left.containers, left.tags], [[], []])
    t.false(left.networks.some(name => name.endsWith('.gone-env')))
    t.false(existsSync(repository))
    t.regex((await gateway.ssh(`ps --app ${gone.name}`)).stderr, /\(app-not-found\)/)
    t.not((await gone.git('push', 'aptible', 'master')).status, 0)
    t.is((await gateway.ssh('environment:destroy --environment gone-env')).status, 0)
    t.regex((await gateway.ssh('environment:destroy --environment main-env')).stderr, /still holds apps/)

    // The name is free again, and nothing of the old app comes back with it.
    const reborn = await gateway.app({}, { environment: 'gone-env', app: 'gone' })
    t.deepEqual(await json(`operations --app ${reborn.name}`), [])
    t.is((await gateway.ssh(`config --app ${reborn.name}`)).stdout, '')
    const byOption = await gateway.ssh(`apps:destroy --app ${reborn.name} --confirm gone`)
    t.is(byOption.status, 0, byOption.all)
  },
)
