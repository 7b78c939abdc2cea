import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { makeKeyPair } from '../../../src/registry/age-key.ts'
import { decryptDockercfg } from '../../../src/registry/sources/encrypted-file.ts'
import { type Answer, type Call, fakeGateway } from '../../support/fake-gateway.ts'

const LAUNCHER = new URL('../../../src/cli/fairlead.js', import.meta.url).pathname
const PASSWORD = 'hunter2-s3cret'
const CONFIG = JSON.stringify({
  auths: { 'quay.io': { auth: Buffer.from(`bob:${PASSWORD}`).toString('base64') } },
})
const pair = await makeKeyPair()
const keys = { current: pair, retired: [] }
const answersKey = (): Answer => ({ stdout: `${pair.recipient}\n`, status: 0 })

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A checkout of my-env/my-app with the file config.json, and a gateway behind it. */
async function setup(t: ExecutionContext, answer: (call: Call) => Answer = answersKey) {
  const gateway = await fakeGateway(answer)
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-encrypt-'))
  t.teardown(async () => {
    rmSync(directory, { recursive: true })
    await gateway.close()
  })
  execFileSync('git', ['init', '-q'], { cwd: directory })
  const address = `ssh://git@127.0.0.1:${gateway.port}/my-env/my-app.git`
  execFileSync('git', ['remote', 'add', 'aptible', address], { cwd: directory })
  writeFileSync(join(directory, 'config.json'), CONFIG)
  const start = (words: string[]): ChildProcess =>
    spawn(LAUNCHER, words, {
      cwd: directory,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        HOME: directory,
        GIT_SSH_COMMAND: gateway.sshCommand,
      },
    })
  const fairlead = async (words: string[], input = ''): Promise<Outcome> => {
    const child = start(words)
    const written = { stdout: '', stderr: '' }
    child.stdout?.on('data', chunk => {
      written.stdout += chunk
    })
    child.stderr?.on('data', chunk => {
      written.stderr += chunk
    })
    child.stdin?.on('error', () => {}).end(input)
    const [status] = await once(child, 'close')
    return { status, ...written }
  }
  const encrypt = (...words: string[]) => fairlead(['registry:encrypt', ...words])
  return { gateway, directory, fairlead, encrypt }
}

const decrypted = (text: string, app = 'my-env/my-app') => decryptDockercfg(Buffer.from(text), keys, app)

test('the gateway is asked for the public key alone, and can read what comes out', async t => {
  const { gateway, encrypt } = await setup(t)
  const { status, stdout, stderr } = await encrypt('config.json')
  t.deepEqual([status, stderr], [0, ''])
  t.true(
    stdout.startsWith(
      `# dockercfg for my-env/my-app, readable with the key ${pair.recipient}\n-----BEGIN AGE ENCRYPTED FILE-----\n`,
    ),
  )
  t.is(await decrypted(stdout), CONFIG)
  t.deepEqual(
    gateway.calls.map(({ command, stdin }) => [command, stdin]),
    [['@my-env/my-app registry:key', '']],
  )
})

test('standard input can be encrypted, and stays here', async t => {
  const { gateway, fairlead } = await setup(t)
  const { stdout } = await fairlead(['registry:encrypt', '-'], CONFIG)
  t.is(await decrypted(stdout), CONFIG)
  t.deepEqual(
    gateway.calls.map(({ command, stdin }) => [command, stdin]),
    [['@my-env/my-app registry:key', '']],
  )
})

test('with --key nobody is asked', async t => {
  const { gateway, encrypt } = await setup(t)
  const alone = await encrypt('--key', pair.recipient, 'config.json')
  t.true(alone.stdout.startsWith(`# dockercfg, readable with the key ${pair.recipient}\n`))
  t.is(await decrypted(alone.stdout), CONFIG)
  const named = await encrypt('config.json', `--key=${pair.recipient}`, '--app', 'a/b')
  t.true(named.stdout.startsWith('# dockercfg for a/b, '))
  t.deepEqual(gateway.calls, [])
})

for (const [words, question, app] of [
  [['--app', 'shop'], 'registry:key --app shop', 'my-env/shop'],
  [['--app', 'other/shop'], 'registry:key --app other/shop', 'other/shop'],
  [['--environment', 'other'], 'registry:key --environment other', 'other/my-app'],
  [['--app=shop', '--environment=other'], 'registry:key --app shop --environment other', 'other/shop'],
] as const) {
  test(`the app is named to the gateway, and in the file: ${words.join(' ')}`, async t => {
    const { gateway, encrypt } = await setup(t)
    const { stdout } = await encrypt('config.json', ...words)
    t.is(gateway.calls[0]?.command, `@my-env/my-app ${question}`)
    t.true(stdout.startsWith(`# dockercfg for ${app}, `))
  })
}

test('--remote works before the command and behind it', async t => {
  const { gateway, fairlead } = await setup(t)
  const remote = ['--remote', `ssh://git@127.0.0.1:${gateway.port}/e/a.git`]
  const first = await fairlead([...remote, 'registry:encrypt', 'config.json'])
  const last = await fairlead(['registry:encrypt', 'config.json', ...remote])
  for (const { stdout } of [first, last]) t.true(stdout.startsWith('# dockercfg for e/a, '))
})

test("a gateway's refusal is shown in its own words, and nothing is printed that could be committed", async t => {
  const { encrypt } = await setup(t, () => ({ stdout: 'half', stderr: ' !     No such app\n', status: 3 }))
  t.deepEqual(await encrypt('config.json'), { status: 3, stdout: '', stderr: ' !     No such app\n' })
})

test('a gateway that cannot be reached is explained, and nothing is printed', async t => {
  const { gateway, encrypt } = await setup(t)
  await gateway.close()
  const { status, stdout, stderr } = await encrypt('config.json')
  t.deepEqual([status, stdout], [255, ''])
  t.regex(
    stderr,
    /fairlead: ssh could not reach or log in to .*, or the connection broke .* From the git remote aptible\.\n$/,
  )
})

for (const stdout of ['', 'hello\u001b[2J\n', `${pair.recipient}\n${pair.recipient}\n`]) {
  test(`an answer that is no key is refused: ${JSON.stringify(stdout.slice(0, 6))}`, async t => {
    const { encrypt } = await setup(t, () => ({ stdout, status: 0 }))
    const outcome = await encrypt('config.json')
    t.deepEqual([outcome.status, outcome.stdout], [1, ''])
    t.true(
      outcome.stderr.startsWith(
        ' !     The gateway answered `registry:key` with something that is no public key (usage)\n',
      ),
    )
    t.false(outcome.stderr.includes('\u001b'))
  })
}

for (const [name, content, headline] of [
  ['rubbish', PASSWORD, 'Failed to parse dockercfg: file, line 1, column 1 (dockercfg-invalid)'],
  ['no login', '{"auths": {}}', 'file holds no login for any registry (dockercfg-invalid)'],
  [
    'a helper',
    '{"auths": {"quay.io": {}}, "credsStore": "desktop"}',
    'file holds no password for quay.io: docker keeps it in the credential helper desktop on the machine where `docker login` was run (dockercfg-invalid)',
  ],
  [
    'an archive',
    '\x1f\x8b\x08',
    'file is an archive, and only the file in it can be encrypted (dockercfg-invalid)',
  ],
  [
    'what is encrypted',
    `# dockercfg, readable with the key ${pair.recipient}\n`,
    'file is encrypted already (dockercfg-invalid)',
  ],
  [
    'what is too large',
    ' '.repeat(512 * 1024 + 1),
    'file is too large: 524289 bytes, and at most 524288 can be encrypted (dockercfg-invalid)',
  ],
] as const) {
  test(`refused before the gateway is asked: ${name}`, async t => {
    const { gateway, directory, encrypt } = await setup(t)
    writeFileSync(join(directory, 'file'), content, 'latin1')
    const { status, stdout, stderr } = await encrypt('file')
    t.deepEqual([status, stdout], [1, ''])
    t.is(stderr.split('\n')[0], ` !     ${headline}`)
    t.false(stderr.includes(PASSWORD))
    t.deepEqual(gateway.calls, [])
  })
}

test('a file that is not there, no file, two files, and unknown options are refused', async t => {
  const { encrypt } = await setup(t)
  t.regex((await encrypt('none')).stderr, /^ ! {5}The file "none" cannot be read \(usage\)\n/)
  for (const words of [
    [],
    ['a', 'b'],
    ['config.json', '--secret=hunter2'],
    ['config.json', '--env-file', 'x'],
  ]) {
    const { status, stdout, stderr } = await encrypt(...words)
    t.deepEqual([status, stdout], [1, ''])
    t.true(
      stderr.startsWith(' !     `fairlead registry:encrypt` was called with wrong words (usage)\n'),
      stderr,
    )
    t.false(stderr.includes('hunter2'))
  }
})

test('a --key that is none is not repeated: it may be the private half', async t => {
  const { encrypt } = await setup(t)
  const mistyped = pair.recipient.replace(/.$/, last => (last === 'q' ? 'p' : 'q'))
  for (const key of [pair.identity.reveal(), mistyped, `age1pq1${'q'.repeat(60)}`]) {
    const { status, stdout, stderr } = await encrypt('config.json', '--key', key)
    t.deepEqual([status, stdout], [1, ''])
    t.true(stderr.startsWith(' !     --key is not the public key of an app: '), stderr)
    t.false(stderr.includes(key))
  }
})

test('its help is answered here', async t => {
  const { gateway, encrypt } = await setup(t)
  t.regex((await encrypt('--help')).stdout, /^Usage: fairlead registry:encrypt FILE > dockercfg\.encrypted\n/)
  t.deepEqual(gateway.calls, [])
})

test('behind the first line stands the armour as age writes it', async t => {
  const { encrypt } = await setup(t)
  const { stdout } = await encrypt('config.json')
  t.regex(
    stdout.slice(stdout.indexOf('\n') + 1),
    /^-----BEGIN AGE ENCRYPTED FILE-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]+=*\n-----END AGE ENCRYPTED FILE-----\n$/,
  )
})
