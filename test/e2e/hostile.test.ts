// What a hostile client sends: refused with a clear answer, nothing reaches a shell, and the gateway goes on.
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import ssh2 from 'ssh2'
import { type Checkout, finish, startGateway, type TestGateway } from '../support/gateway.ts'
import { onEngine } from '../support/on-engine.ts'

let gateway: TestGateway
let app: Checkout
let canary: string

test.before(async () => {
  gateway = await startGateway()
  app = await gateway.app({ Procfile: 'web: true\n' }, { environment: 'my-env', app: 'shop' })
  canary = join(gateway.directory, 'canary')
  await app.commit()
})
test.after.always(() => gateway?.dispose())

test.afterEach.always('the gateway goes on, and no shell was reached', async t => {
  const normal = await gateway.ssh('apps --json')
  t.is(normal.status, 0, normal.all)
  t.deepEqual(
    JSON.parse(normal.stdout).map((row: { app: string }) => row.app),
    ['my-env/shop'],
  )
  t.false(existsSync(canary), 'the canary was touched')
  t.deepEqual(readdirSync(join(gateway.data, 'repositories')), ['my-env'])
  t.notRegex(gateway.log(), /"level":(50|60)/)
})

/** Runs one command over a client that sends any bytes. */
function exec(command: string, stdin: string | Buffer = ''): Promise<{ status: number | null; all: string }> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client()
    client.once('error', reject)
    client.once('ready', () => {
      client.exec(command, (error, channel) => {
        if (error) {
          client.end()
          return resolve({ status: null, all: error.message })
        }
        let all = ''
        let status: number | null = null
        channel.on('data', (chunk: Buffer) => {
          all += chunk
        })
        channel.stderr.on('data', (chunk: Buffer) => {
          all += chunk
        })
        channel.once('exit', (code: number) => {
          status = code
        })
        channel.once('close', () => {
          client.end()
          resolve({ status, all })
        })
        channel.end(stdin)
      })
    })
    client.connect({
      host: '127.0.0.1',
      port: gateway.port,
      username: 'git',
      privateKey: readFileSync(gateway.operator.key),
    })
  })
}

const REFUSED =
  /\((?:name-invalid|usage|app-not-found|environment-not-found|unknown-command)\)\n[\s\S]*What to do:/

test('a path that names no app is refused, for git and for every other command', async t => {
  const touch = `touch ${canary}`
  const paths = [
    '../../etc',
    '../../../../etc/passwd',
    'my-env/../shop',
    'my-env/../../data',
    'my-env/./shop',
    'my-env//shop',
    'my-env/shop/../shop',
    'my-env/shop.git/hooks',
    '/etc',
    '/',
    '',
    '.',
    '..',
    '~root/x',
    'my-env/.shop',
    'my-env/shop.git.git',
    'MY-ENV/shop',
    'my-env/shop\u200b',
    'my-env/shöp',
    'my-env/%2e%2e',
    'my-env\\shop',
    `my-env/$(${touch})`,
    `my-env/\`${touch}\``,
    `my-env/shop; ${touch}`,
    `my-env/shop|${touch}`,
    `my-env/shop\n${touch}`,
    `my-env/shop"; ${touch}; "`,
    `my-env/'; ${touch}; '`,
    '--upload-pack=touch',
    '-oProxyCommand=touch',
    '--help=x',
    'x'.repeat(9000),
  ]
  const quote = (path: string) => `'${path.replaceAll("'", "'\\''")}'`
  for (const path of paths) {
    const commands = [
      `git-receive-pack ${quote(path)}`,
      `git-upload-pack ${quote(path)}`,
      `ps --app=${quote(path)}`,
      `@${quote(path)} ps`,
      `apps:create --environment=my-env ${quote(path)}`,
    ]
    for (const command of commands) {
      const { status, all } = await gateway.ssh(command)
      t.is(status, 1, command)
      t.regex(all, REFUSED, command)
      t.true(all.length < 2000, command)
    }
  }
})

test('a command that holds NUL, control characters or bytes that are no text is refused whole', async t => {
  const commands = [
    "git-upload-pack 'my-env/shop\0.git'",
    'apps\0',
    '\0',
    'apps\u001b[2J',
    'apps\rhelp',
    'apps\nhelp',
    'apps\thelp',
    "git-upload-pack 'my-env/shop",
    'apps "',
    'apps \\',
    '\u0085',
    'git-upload-archive my-env/shop',
    'git receive-pack my-env/shop',
    'sh',
    `sh -c "touch ${canary}"`,
    `; touch ${canary}`,
    `apps; touch ${canary}`,
    `apps && touch ${canary}`,
    `$(touch ${canary})`,
    `\`touch ${canary}\``,
    'scp -t /tmp/x',
    'rsync --server . /',
    '__proto__',
    'constructor',
    'toString --help',
    '@__proto__/constructor ps',
    'ps --__proto__=x',
    '-oProxyCommand=x',
    '--',
    '-',
    '\u2028',
    '@',
    '@/',
  ]
  for (const command of commands) {
    const { status, all } = await exec(command)
    t.is(status, 1, JSON.stringify(command))
    t.regex(all, REFUSED, JSON.stringify(command))
    t.false(all.includes('\u001b'), JSON.stringify(command))
    if (/[\0\r\u001b\u0085]/.test(command)) t.regex(all, /holds a control character/)
  }
  for (let i = 0; i < 10; i += 1) {
    const { status } = await exec(randomBytes(2000).toString('latin1'))
    t.is(status, 1)
  }
  t.regex(
    (await gateway.ssh(`ps --app ${'x'.repeat(33_000)}`)).all,
    /The command is \d+ bytes long, and at most 32768 can be sent \(usage\)/,
  )
  t.is((await gateway.ssh(`help ${'x '.repeat(10_000)}`)).status, 1)
  t.is((await gateway.ssh(`ps ${'--app x '.repeat(3000)}`)).status, 1)
})

test('garbage instead of a handshake is cut off', async t => {
  const greetings = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    randomBytes(100_000),
    '\0'.repeat(300),
    'SSH-1.5-old\r\n',
    `SSH-2.0-x\r\n${'\xff'.repeat(2000)}`,
    `${'x'.repeat(70_000)}\n`,
    Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]), randomBytes(500)]),
    Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0xff, 0xff, 0xff, 0xff, 4, 20])]),
  ]
  const closed = greetings.map(
    greeting =>
      new Promise<void>(resolve => {
        const socket = connect(gateway.port, '127.0.0.1', () => socket.write(greeting))
        socket.on('error', () => {})
        socket.resume()
        socket.once('close', () => resolve())
      }),
  )
  await Promise.all(closed)
  t.pass()
})

test('git’s own protocol, spoken wrongly, is answered and moves no ref', async t => {
  const before = await gateway.ssh(`releases --app ${app.name} --json`)
  const zero = '0'.repeat(40)
  const packet = (text: string) => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`
  const inputs: (string | Buffer)[] = [
    '',
    'garbage',
    randomBytes(10_000),
    'ffff',
    '0001',
    packet('x'),
    `${packet(`${zero} ${'a'.repeat(40)} refs/heads/master\nrefs/heads/x\0 report-status`)}0000`,
    `${packet(`${zero} ${'a'.repeat(40)} ../../../escape\0 report-status`)}0000`,
    `${packet(`${zero} ${'a'.repeat(40)} refs/heads/../../../hooks/pre-receive\0 report-status`)}0000PACK`,
    `${packet(`${zero} ${'a'.repeat(40)} HEAD\0 report-status`)}0000`,
    `${packet(`${zero} ${'a'.repeat(40)} refs/heads/master\0 report-status`)}0000PACKgarbage`,
    `${packet(`${zero} ${'a'.repeat(40)} refs/heads/master\0 report-status`)}0000`,
  ]
  for (const input of inputs) {
    const { all } = await exec(`git-receive-pack '/${app.name}.git'`, input)
    t.false(all.includes('internal fault'), all)
    const fetched = await exec(`git-upload-pack '/${app.name}.git'`, input)
    t.false(fetched.all.includes('internal fault'), fetched.all)
  }
  t.is((await gateway.ssh(`releases --app ${app.name} --json`)).stdout, before.stdout)
  const refs = await finish(
    'git',
    ['--git-dir', join(gateway.data, 'repositories/my-env/shop.git'), 'for-each-ref'],
    {
      cwd: gateway.directory,
    },
  )
  t.notRegex(refs.stdout, /master|escape|refs\/heads\/x/)
})

test('names of branches, files, authors and push options are data, never words of a shell', async t => {
  const inject = `$(touch\${IFS}${canary})`
  await app.git('config', 'user.name', `x'; touch ${canary}; '`)
  app.write({ [`${inject.replaceAll('/', '_')}`]: 'x', 'a"b\'c`d': 'y', '-rf': 'z' })
  await app.commit(`$(touch ${canary}) \`touch ${canary}\``)
  const branch = `a$(touch\${IFS}canary)&;|'"b`
  const pushed = await app.git(
    'push',
    '-o',
    inject,
    '-o',
    `'; touch ${canary}; '`,
    'aptible',
    `HEAD:refs/heads/${branch}`,
  )
  t.is(pushed.status, 0, pushed.all)
  for (const revision of [
    branch,
    `--upload-pack=${canary}`,
    `-c core.x=${canary}`,
    'HEAD^{/x}',
    ':/x',
    '@{u}',
    '../master',
    `--output=${canary}`,
    'a..b',
    '$(id)',
  ]) {
    const deployed = await gateway.fairlead(['deploy', '--app', app.name, `--git-commitish=${revision}`])
    t.is(deployed.status, 1, revision)
    t.regex(deployed.stderr, /\((?:commit-not-found|nothing-to-deploy)\)/, revision)
  }
  const env = { ...gateway.operator.environment, GIT_TRACE_PACKET: '0' }
  const listed = await finish('git', ['ls-remote', `${gateway.url}/${app.name}.git`], {
    cwd: gateway.directory,
    env,
  })
  t.true(listed.stdout.includes(branch))
  t.deepEqual((await onEngine(gateway)).containers, [])
})

test('names that JavaScript knows are names like any other', async t => {
  const words = ['__proto__=1', 'constructor=2', 'toString=3', 'hasOwnProperty=4']
  const set = await gateway.fairlead(['config:set', ...words, '--app', app.name])
  t.is(set.status, 0, set.all)
  const printed = await gateway.fairlead(['config', '--app', app.name])
  t.deepEqual(printed.stdout.trim().split('\n').sort(), [...words].sort())
  const json = await gateway.fairlead(['config', '--json', '--app', app.name])
  for (const word of words) t.true(json.stdout.includes(`"${word.replace('=', '": "')}"`), word)
  const piped = await gateway.ssh(`config:set --env-file - --app ${app.name}`, { stdin: 'valueOf=5\n' })
  t.is(piped.status, 0, piped.all)
  t.is((await gateway.ssh(`config:get valueOf --app ${app.name}`)).stdout, '5\n')
})
