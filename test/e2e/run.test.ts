// One-off containers as people use them: the companion CLI and the real ssh client, pipes and terminals, and what is
// left when they end, leave, are killed, or the gateway is.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import test from 'ava'
import Docker from 'dockerode'
import { type Checkout, type Person, startGateway, type TestGateway } from '../support/gateway.ts'
import { gatewayId } from '../support/on-engine.ts'
import { page, processes } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const SERVE = 'exec busybox httpd -f -p "$PORT" -h /www'

let gateway: TestGateway
let registry: TestRegistry
let id: string
let app: Checkout

test.before(async () => {
  ;[registry, gateway] = await Promise.all([
    startRegistry({ anonymous: true }),
    startGateway({ stack: 'limits:\n  memory: 96MiB\n  cpus: 0.5\n  pids: 64\n' }),
  ])
  id = gatewayId(gateway)
  await registry.push('acme/shell', 'latest', {
    files: { '/www/index.html': 'hello\n' },
    env: { COLOR: 'image', SIZE: 'image' },
  })
  await registry.push('acme/speaker', 'latest', {
    files: { '/bin/speaker': '#!/bin/sh\necho "an ENTRYPOINT got $*"\nexec sleep 1000\n' },
    entrypoint: ['/bin/speaker'],
  })
  app = await deployed('acme/shell', { Procfile: `web: ${SERVE}\n` })
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

async function deployed(image: string, files: Record<string, string>): Promise<Checkout> {
  const made = await gateway.app(files)
  const words = [`APTIBLE_DOCKER_IMAGE=${registry.host}/${image}`, 'COLOR=config']
  const set = await gateway.fairlead(['config:set', '--app', made.name, ...words])
  if (set.status !== 0) throw new Error(set.all)
  const push = await made.push()
  if (push.status !== 0) throw new Error(push.all)
  return made
}

/** What is there of an app's one-off containers, in whatever state. */
async function oneOffs(of: Checkout = app) {
  const label = [`fairlead.gateway=${id}`, `fairlead.app=${of.app}`, 'fairlead.one-off=true']
  return docker.listContainers({ all: true, filters: { label } })
}

const run = (words: readonly string[], of: Checkout = app) =>
  gateway.fairlead(['run', '--app', of.name, ...words])

/** The ssh client with its pipes in our hands. */
function session(options: readonly string[], command: string, as: Person = gateway.operator): ChildProcess {
  const [, ...client] = (as.environment.GIT_SSH_COMMAND ?? '').split(' ')
  const words = [...client, ...options, '-p', String(gateway.port), 'git@127.0.0.1', command]
  return spawn('ssh', words, { env: as.environment, stdio: 'pipe' })
}

/** Everything that a client hears, and waiting for some of it. */
function listen(child: ChildProcess) {
  let heard = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      heard += chunk
    })
  }
  const closed = once(child, 'close').then(([status]) => status as number | null)
  return {
    heard: () => heard,
    closed,
    says: (words: RegExp) => until(`the client hears ${words}`, async () => words.test(heard)),
  }
}

test.serial('a command has the image and config of the live release, and leaves nothing', async t => {
  const { status, stdout, stderr } = await run(['env'])
  t.is(stderr, '')
  t.is(status, 0)
  const lines = stdout.split('\n')
  for (const line of ['COLOR=config', 'SIZE=image', 'FAIRLEAD_RELEASE=v1', `FAIRLEAD_APP=${app.name}`]) {
    t.true(lines.includes(line), stdout)
  }
  t.false(lines.some(line => line.startsWith('TERM=')))
  t.is((await run(['cat', '/www/index.html'])).stdout, 'hello\n')
  t.deepEqual(await oneOffs(), [])
})

test.serial(
  'words are exactly the arguments; a single line is for a shell; options of the command are its own',
  async t => {
    t.is(
      (await run(['printf', '<%s>', 'a b', '$HOME', '', '--app', '-h', '--env-file'])).stdout,
      '<a b><$HOME><><--app><-h><--env-file>',
    )
    t.is((await run(['echo $((40 + 2)) && echo "$COLOR"'])).stdout, '42\nconfig\n')
    t.is((await run(['--', 'echo', '--help'])).stdout, '--help\n')
    t.regex((await gateway.fairlead(['run', '--app', app.name])).stderr, /It needs COMMAND\.\.\./)
  },
)

test.serial('the exit code is the command’s, 128 + n after a signal, and the streams stay apart', async t => {
  for (const code of [0, 1, 42]) t.is((await run([`exit ${code}`])).status, code)
  t.is((await run(['kill -9 $$'])).status, 137)
  t.is((await run(['kill -TERM $$'])).status, 143)
  t.is((await run(['no-such-program'])).status, 127)
  const { stdout, stderr } = await run(['echo one; echo two >&2; printf three'])
  t.is(stdout, 'one\nthree')
  t.is(stderr, 'two\n')
})

test.serial('five megabytes come back byte for byte', async t => {
  const bytes = randomBytes(5 * 1024 * 1024)
  const child = session(['-T'], `run --app ${app.name} cat`)
  const hash = createHash('sha256')
  child.stdout?.on('data', chunk => hash.update(chunk))
  child.stdin?.end(bytes)
  const [status] = await once(child, 'close')
  t.is(status, 0)
  t.is(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'))
})

test.serial('a command that reads a part of its input ends all the same, with all that it said', async t => {
  const bytes = randomBytes(4 * 1024 * 1024)
  const child = session(['-T'], `run --app ${app.name} head -c 300000`)
  const said: Buffer[] = []
  child.stdout?.on('data', chunk => said.push(chunk))
  child.stdin?.on('error', () => {})
  child.stdin?.end(bytes)
  const [status] = await once(child, 'close')
  t.is(status, 0)
  t.true(Buffer.concat(said).equals(bytes.subarray(0, 300_000)))
})

test.serial('the ENTRYPOINT of the image is left out', async t => {
  const other = await deployed('acme/speaker', { Procfile: 'talk: to me\n' })
  t.is((await run(['echo', 'plain'], other)).stdout, 'plain\n')
})

test.serial('a shell at a terminal has its kind and size, follows it, and Ctrl-C is a key', async t => {
  // `script` gives the client a terminal of its own, whose size is told with stty from within.
  const [, ...client] = (gateway.operator.environment.GIT_SSH_COMMAND ?? '').split(' ')
  const ssh = ['ssh', ...client, '-t', '-p', String(gateway.port), 'git@127.0.0.1', `ssh --app ${app.name}`]
  const child = spawn('script', ['-qec', `stty rows 33 cols 101; tty; exec ${ssh.join(' ')}`, '/dev/null'], {
    env: { ...gateway.operator.environment, TERM: 'xterm-256color', SHELL: '/bin/sh' },
    stdio: 'pipe',
  })
  const { heard, says, closed } = listen(child)
  await says(/# /)
  const type = (text: string) => child.stdin?.write(text)
  type(
    'until [ "$(stty size)" = "33 101" ]; do usleep 10000; done; echo "the size is $(stty size), a $TERM"\r',
  )
  await says(/the size is 33 101, a xterm-256color\r\n/)
  const terminal = /\/dev\/pts\/\d+/.exec(heard())?.[0] ?? ''
  spawn('stty', ['-F', terminal, 'rows', '44', 'cols', '120'])
  type('until [ "$(stty size)" = "44 120" ]; do usleep 10000; done; echo "now $(stty size)"\r')
  await says(/now 44 120\r\n/)
  type('echo begun; sleep 1000; echo "status $?"\r')
  await says(/begun\r\n/)
  type('\x03')
  type('echo "alive $((40 + 2))"\r')
  await says(/alive 42\r\n/)
  type('exit 9\r')
  t.is(await closed, 9)
  t.deepEqual(await oneOffs(), [])
})

test.serial(
  'without a terminal of its own a client may ask for one, and the end of its input is Ctrl-D',
  async t => {
    const child = session(['-tt'], `ssh --app ${app.name}`)
    const { heard, closed } = listen(child)
    child.stdin?.end('stty raw -echo; echo begun; echo $((40 + 2)); stty sane\nexit 5\n')
    t.is(await closed, 5)
    t.regex(heard(), /begun\n\s*42\n/)
  },
)

test.serial('the companion CLI asks for a terminal when it has one, and for none otherwise', async t => {
  const words = [process.execPath, 'src/cli/fairlead.ts', 'run', '--app', app.name, 'tty']
  const child = spawn('script', ['-qec', words.join(' '), '/dev/null'], {
    env: { ...gateway.operator.environment, FAIRLEAD_REMOTE: gateway.url, SHELL: '/bin/sh', TERM: 'vt100' },
    stdio: 'pipe',
  })
  const { heard, closed } = listen(child)
  t.is(await closed, 0, heard())
  t.is(heard(), '/dev/pts/0\r\n')
  const { status, stdout } = await run(['tty'])
  t.deepEqual([status, stdout], [1, 'not a tty\n'])
})

test.serial('when the client is killed the command gets SIGTERM, and its container is gone', async t => {
  const child = session(['-T'], `run --app ${app.name} 'echo begun; exec sleep 1000'`)
  const { says } = listen(child)
  await says(/begun/)
  t.is((await oneOffs()).length, 1)
  child.kill('SIGKILL')
  await gone(app)
  // Its operation ends when the engine has confirmed that.
  const state = await until('its operation has ended', async () => {
    const listed = await gateway.fairlead(['operations', '--app', app.name, '--json'])
    const [last] = JSON.parse(listed.stdout)
    return last.state !== 'running' && last.state
  })
  t.is(state, 'cancelled')
})

test.serial(
  'when the gateway is killed the next one removes what was left, and leaves what serves',
  async t => {
    const child = session(['-T'], `run --app ${app.name} 'echo begun; exec sleep 1000'`)
    const { says, closed } = listen(child)
    await says(/begun/)
    await gateway.crash()
    t.is(await closed, 255)
    t.is((await oneOffs()).length, 1)
    await gateway.restart()
    await gone(app)
    t.is(await page(gateway, app.name), 'hello\n')
  },
)

test.serial('a deploy waits for no session and ends none; the end of the app ends it', async t => {
  const other = await deployed('acme/shell', { Procfile: `web: ${SERVE}\n` })
  const child = session(['-T'], `run --app ${other.name} 'echo begun; cat; echo "as v$FAIRLEAD_RELEASE"'`)
  const { says, closed, heard } = listen(child)
  await says(/begun/)
  const set = await gateway.fairlead(['config:set', '--app', other.name, 'MORE=1'])
  t.is(set.status, 0, set.all)
  t.notRegex(set.all, /waits for/)
  // What was replaced is taken away after the answer.
  await until('v1 has its session only, and v2 serves', async () => {
    const rows = await processes(gateway, other.name)
    const shown = rows.map(({ release, process }) => `${release} ${process.split('.')[0]}`)
    return shown.sort().join() === 'v1 run,v2 web'
  })
  child.stdin?.write('still here\n')
  await says(/still here/)
  const destroyed = await gateway.fairlead(['apps:destroy', '--app', other.name, '--confirm', other.app])
  t.is(destroyed.status, 0, destroyed.all)
  t.not(await closed, 0, heard())
  t.deepEqual(await oneOffs(other), [])
  t.notRegex(gateway.log(), /could not be recorded/)
})

test.serial('a session ends when somebody cancels it, and when its member loses the right to it', async t => {
  const words = `run --app ${app.name} 'echo begun; exec sleep 1000'`
  const cancelled = listen(session(['-T'], words))
  await cancelled.says(/begun/)
  const [{ operation }] = JSON.parse(
    (await gateway.fairlead(['operations', '--app', app.name, '--json'])).stdout,
  )
  const cancel = await gateway.fairlead(['operation:cancel', '--app', app.name, String(operation)])
  t.is(cancel.stdout, `Operation #${operation} was cancelled.\n`)
  t.is(await cancelled.closed, 1)
  t.regex(cancelled.heard(), /was cancelled by operator.*\(cancelled\)/)

  const guest = await gateway.person('guest', { environment: app.environment, role: 'deploy' })
  const lost = listen(session(['-T'], words, guest))
  await lost.says(/begun/)
  await gateway.fairlead(['members:remove', 'guest', '--environment', app.environment])
  t.is(await lost.closed, 1)
  t.regex(lost.heard(), /\((forbidden|app-not-found)\)/)
  t.deepEqual(await oneOffs(), [])
})

test.serial('it needs the role deploy, and is recorded without what was typed', async t => {
  const watcher = await gateway.person('watcher', { environment: app.environment, role: 'observe' })
  const refused = await gateway.fairlead(['run', '--app', app.name, 'env'], { as: watcher })
  t.is(refused.status, 1)
  t.regex(refused.stderr, /it needs the role deploy.*\(forbidden\)/)

  await run(['API_KEY=sesame; echo sesame; exit 3'])
  const [last] = JSON.parse((await gateway.fairlead(['operations', '--app', app.name, '--json'])).stdout)
  t.like(last, { kind: 'run', actor: 'operator', state: 'succeeded' })
  const shown = await gateway.fairlead(['operation:logs', '--app', app.name, String(last.operation)])
  t.is(shown.stdout, '       It ended with exit code 3\n')
  t.notRegex(JSON.stringify(last), /sesame/)
  t.notRegex(gateway.log(), /sesame/)
  const seen = await gateway.fairlead(['activity', '--app', app.name, '--json', '--limit', '2'])
  t.like(
    JSON.parse(seen.stdout).find(({ command }: { command: string }) => command === 'run'),
    { actor: 'operator', command: 'run', words: [], outcome: 'failed' },
  )
  t.notRegex(seen.stdout, /sesame/)
})

test.serial('an app that was never deployed has nothing to run, and says so', async t => {
  const empty = await gateway.app({})
  const { status, stderr } = await run(['true'], empty)
  t.is(status, 1)
  t.regex(stderr, /has no live release to run anything of.*\(not-found\)/)
})

function gone(of: Checkout): Promise<boolean> {
  return until('no one-off is left', async () => (await oneOffs(of)).length === 0)
}
