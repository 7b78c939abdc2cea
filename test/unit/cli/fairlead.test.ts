import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type Answer, type Call, fakeGateway } from '../../support/fake-gateway.ts'

const LAUNCHER = new URL('../../../src/cli/fairlead.js', import.meta.url).pathname
const PATH = `${dirname(process.execPath)}:${process.env.PATH}`
const echo = ({ command, stdin }: Call): Answer => ({
  stdout: `${command}|${stdin}`,
  stderr: 'note',
  status: 7,
})

// Runs as this Node does, and claims to be another.
const OLD_NODE = `#!/bin/sh
exec '${process.execPath}' --import 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.1.0"});process.execPath="/usr/bin/node"' "$@"
`

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function temporary(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-cli-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

function start(directory: string, env: Record<string, string>, words: string[]): ChildProcess {
  return spawn(LAUNCHER, words, {
    cwd: directory,
    env: { PATH, HOME: directory, ...env },
  })
}

async function outcome(child: ChildProcess, input = ''): Promise<Outcome> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', chunk => {
    stdout += chunk
  })
  child.stderr?.on('data', chunk => {
    stderr += chunk
  })
  child.stdin?.on('error', () => {}).end(input)
  const [status] = await once(child, 'close')
  return { status, stdout, stderr }
}

/** A gateway that knows `answer`, and the CLI in a directory whose remote `aptible` leads there. */
async function setup(
  t: ExecutionContext,
  answer: (call: Call) => Answer | null = echo,
  waitsForInput = true,
) {
  const gateway = await fakeGateway(answer, { waitsForInput })
  t.teardown(gateway.close)
  const directory = temporary(t)
  execFileSync('git', ['init', '-q'], { cwd: directory })
  const address = `ssh://git@127.0.0.1:${gateway.port}/my-env/my-app.git`
  execFileSync('git', ['remote', 'add', 'aptible', address], { cwd: directory })
  const env = { GIT_SSH_COMMAND: gateway.sshCommand }
  return { gateway, directory, env, address }
}

test('words reach the gateway behind the app, and output and exit status come back', async t => {
  const { gateway, directory, env } = await setup(t)
  const { status, stdout, stderr } = await outcome(
    start(directory, env, ['logs', 'two words', '--json']),
    'hi',
  )
  t.is(stdout, "@my-env/my-app logs 'two words' --json|hi")
  t.is(stderr, 'note')
  t.is(status, 7)
  t.is(gateway.calls.length, 1)
})

test('values go by standard input, in front of what is piped in', async t => {
  const { directory, env } = await setup(t)
  const words = ['config:set', 'A=it\'s "x"\n$(y)', 'B=']
  const { stdout } = await outcome(start(directory, env, words), 'piped\n')
  t.is(stdout, `words-on-stdin|${JSON.stringify(['@my-env/my-app', ...words])}\npiped\n`)
})

test('--env-file sends the contents of a file of this machine', async t => {
  const { directory, env } = await setup(t)
  writeFileSync(join(directory, 'a.env'), 'A=1\nB="2"\n')
  const { stdout } = await outcome(start(directory, env, ['config:set', '--env-file', 'a.env']))
  t.is(stdout, '@my-env/my-app config:set --env-file -|A=1\nB="2"\n')
})

test('--value-file sends the contents of a file of this machine', async t => {
  const { directory, env } = await setup(t)
  writeFileSync(join(directory, 'v'), 'no line end')
  const { stdout } = await outcome(start(directory, env, ['secrets:create', 'a/b', '--value-file', 'v']))
  t.is(stdout, '@my-env/my-app secrets:create a/b --value-file -|no line end')
})

for (const command of ['registry:import', 'registry:decrypt']) {
  test(`${command} FILE sends the file, byte for byte`, async t => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256))
    const received: Buffer[] = []
    const { directory, env } = await setup(t, ({ bytes }) => {
      received.push(bytes)
      return { status: 0 }
    })
    writeFileSync(join(directory, 'file'), bytes)
    const { status } = await outcome(start(directory, env, [command, '--app', 'x', 'file']))
    t.is(status, 0)
    t.true(received[0]?.equals(bytes))
  })

  test(`${command} of a file that is not there sends nothing`, async t => {
    const { directory, env, gateway } = await setup(t)
    const { status, stderr } = await outcome(start(directory, env, [command, 'none']))
    t.is(status, 1)
    t.regex(
      stderr,
      new RegExp(`The file "none" cannot be read .*What to do:    Give .fairlead ${command}. the`, 's'),
    )
    t.is(gateway.calls.length, 0)
  })
}

test('a password that is piped in arrives as it is', async t => {
  const { directory, env } = await setup(t)
  const words = ['registry:login', 'quay.io', '--username', 'bob', '--password-stdin']
  const { stdout } = await outcome(start(directory, env, words), "pa ss'word\n")
  t.is(stdout, `@my-env/my-app ${words.join(' ')}|pa ss'word\n`)
})

test('a value of 64 KiB arrives whole', async t => {
  const { gateway, directory, env } = await setup(t)
  const value = `BIG=${'x'.repeat(65536)}`
  await outcome(start(directory, env, ['config:set', value]))
  t.deepEqual(JSON.parse(gateway.calls[0]?.stdin ?? ''), ['@my-env/my-app', 'config:set', value])
})

test('an address without an app sends the words alone', async t => {
  const { directory, env, gateway } = await setup(t)
  const address = `ssh://git@127.0.0.1:${gateway.port}`
  const { stdout } = await outcome(start(directory, env, ['--remote', address, 'apps:create', 'x']))
  t.is(stdout, 'apps:create x|')
})

for (const words of [[], ['--help'], ['help']]) {
  test(`the gateway answers: fairlead ${words.join(' ')}`, async t => {
    const { directory, env } = await setup(t)
    t.is((await outcome(start(directory, env, words))).stdout, '@my-env/my-app help|')
  })
}

test('the CLI ends with the command although its standard input stays open', async t => {
  const { directory, env } = await setup(t, () => ({ status: 3 }), false)
  const child = start(directory, env, ['config:set', 'A=1'])
  const [status] = await once(child, 'exit')
  t.is(status, 3)
  child.stdin?.destroy()
})

test('a gateway that cannot be reached is explained in one sentence, and help is still there', async t => {
  const { directory, env, gateway } = await setup(t)
  await gateway.close()
  const { status, stdout, stderr } = await outcome(start(directory, env, ['--help']))
  t.is(status, 255)
  t.regex(
    stderr,
    /fairlead: ssh could not reach or log in to git@127\.0\.0\.1, port \d+, or the connection broke \(exit status 255\)\. From the git remote aptible\.\n$/,
  )
  t.regex(stdout, /--remote NAME\|ADDRESS/)
})

test('a connection that breaks under a command is not told as one that never was', async t => {
  const { directory, env, gateway } = await setup(t, () => null)
  const { status, stderr } = await outcome(start(directory, env, ['restart']))
  t.is(gateway.calls.length, 1)
  t.is(status, 255)
  t.regex(
    stderr,
    /fairlead: ssh could not reach or log in to git@127\.0\.0\.1, port \d+, or the connection broke \(exit status 255\)\. From the git remote aptible\.\n {10}If it broke, the command may have been carried out or cut short: `fairlead operations` says\.\n$/,
  )
})

test('a Problem of the CLI itself is shown whole, and nothing is sent', async t => {
  const { directory, env, gateway } = await setup(t)
  const { status, stderr } = await outcome(start(directory, env, ['config:set', '--env-file', 'none.env']))
  t.is(status, 1)
  t.regex(stderr, /The file "none\.env" cannot be read \(usage\)\n.*ENOENT.*\n.*What to do:/)
  t.is(gateway.calls.length, 0)
})

test('GIT_SSH_COMMAND with an open quote, and an ssh that is not there, are Problems', async t => {
  const { directory } = await setup(t)
  const open = await outcome(start(directory, { GIT_SSH_COMMAND: "ssh -i 'x" }, ['ps']))
  t.regex(open.stderr, /GIT_SSH_COMMAND cannot be split into words \(usage\)/)
  const missing = await outcome(start(directory, { GIT_SSH: '/nonexistent/ssh' }, ['ps']))
  t.regex(missing.stderr, /\/nonexistent\/ssh could not be started \(usage\)\n.*ENOENT/)
  t.deepEqual([open.status, missing.status], [1, 1])
})

test('GIT_SSH names a program, and ssh itself is used without either', async t => {
  const { directory, address } = await setup(t)
  const port = new URL(address).port
  const program = join(directory, 'my ssh')
  writeFileSync(program, '#!/bin/sh\nbasename "$0"; printf "%s\\n" "$@"\n', { mode: 0o755 })
  const words = `-T\n-p\n${port}\n--\ngit@127.0.0.1\n@my-env/my-app ps\n`
  t.is((await outcome(start(directory, { GIT_SSH: program }, ['ps']))).stdout, `my ssh\n${words}`)
  symlinkSync(program, join(directory, 'ssh'))
  const first = { PATH: `${directory}:${PATH}` }
  t.is((await outcome(start(directory, first, ['ps']))).stdout, `ssh\n${words}`)
})

test('a signal reaches ssh, and its end is our exit status', async t => {
  const { directory } = await setup(t)
  const program = join(directory, 'ssh')
  const mark = join(directory, 'caught')
  writeFileSync(program, `#!/bin/sh\ntrap 'echo caught >${mark}; exit 9' INT\necho ready\nread wait\n`, {
    mode: 0o755,
  })
  const child = start(directory, { GIT_SSH: program }, ['logs', '--follow'])
  if (child.stdout === null) throw new Error('no standard output')
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  const [status] = await once(child, 'exit')
  t.is(status, 9)
  t.true(existsSync(mark))
  child.stdin?.destroy()
})

for (const [node, from] of [
  ['this Node', '$PPID'],
  ['a Node that is too old', '$(cut -d " " -f 4 /proc/$PPID/stat)'],
] as const) {
  test(`other users cannot read values in the list of processes, started by ${node}`, async t => {
    const { directory } = await setup(t)
    const program = join(directory, 'ssh')
    writeFileSync(program, `#!/bin/sh\ncat /proc/${from}/cmdline /proc/$PPID/cmdline /proc/$$/cmdline\n`, {
      mode: 0o755,
    })
    const bin = temporary(t)
    if (from !== '$PPID') writeFileSync(join(bin, 'node'), OLD_NODE, { mode: 0o755 })
    const env = { GIT_SSH: program, PATH: `${bin}:${PATH}` }
    const { stdout } = await outcome(start(directory, env, ['config:set', 'A=s3cret']))
    t.regex(stdout, /^fairlead\0.*words-on-stdin/s)
    t.false(stdout.includes('s3cret'))
  })
}

test('--version is answered here', async t => {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const { status, stdout } = await outcome(start(temporary(t), {}, ['--version']))
  t.is(stdout, `fairlead ${manifest.version}\n`)
  t.is(status, 0)
})

test('a Node that is too old hands over to the pinned one, with words, streams and status', async t => {
  const { directory, env } = await setup(t)
  const old = join(directory, 'node')
  writeFileSync(old, OLD_NODE, { mode: 0o755 })
  const child = start(directory, { ...env, PATH: `${directory}:${PATH}` }, [
    'config:set',
    '--env-file',
    '-',
    'A=1',
  ])
  const { status, stdout } = await outcome(child, 'B=2')
  t.is(stdout, 'words-on-stdin|["@my-env/my-app","config:set","--env-file","-","A=1"]\nB=2')
  t.is(status, 7)
})
