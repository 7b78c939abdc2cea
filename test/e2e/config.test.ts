// An app's variables, from the keyboard to the container: exactly kept, told to nobody, and changed whole or not at all.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { page, processes } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  registry = await startRegistry({ anonymous: true })
  gateway = await startGateway()
  await registry.push('acme/web', 'latest')
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

async function config(app: Checkout): Promise<Record<string, string>> {
  const printed = await gateway.fairlead(['config', '--app', app.name, '--json'])
  return JSON.parse(printed.stdout)
}

test('values come back exactly as they were set, from words, from a file and from standard input', async t => {
  const app = await gateway.app({})
  const values = {
    LINES: 'one\ntwo\n\n  three\t\n',
    EQUALS: '=a=b==',
    QUOTES: `'"\`\\'"$HOME $(id) \`id\` !!`,
    UNICODE: 'grün ☃ 🚢 \u202e',
    EMPTY: '',
    _x9: '-rf --json',
    __proto__x: '1',
    CONTROL: '\u0001\u001b[31m\r',
    LARGE: 'ä"\n\\'.repeat(13_107).slice(0, 52_428),
  }
  t.is(Buffer.byteLength(values.LARGE), 64 * 1024 - 1)
  const words = Object.entries(values).map(([name, value]) => `${name}=${value}`)
  const set = await gateway.fairlead(['config:set', '--app', app.name, ...words])
  t.is(set.status, 0, set.all)
  t.deepEqual(await config(app), values)
  for (const [name, value] of Object.entries(values)) {
    t.is((await gateway.fairlead(['config:get', name, '--app', app.name])).stdout, `${value}\n`)
  }
  const printed = await gateway.ssh(`config --app ${app.name}`)
  t.regex(printed.stdout, /^EQUALS==a=b==$/m)

  const file = join(gateway.directory, 'an.env')
  writeFileSync(file, 'FROM_FILE="a\nb"\nBOTH=file # a comment\n')
  const fromFile = await gateway.fairlead(['config:add', '--env-file', file, 'BOTH=word', '--app', app.name])
  t.is(fromFile.status, 0, fromFile.all)
  const plain = await gateway.ssh(`config:set --env-file - --app ${app.name}`, {
    stdin: "export PIPED='x=1'\n",
  })
  t.is(plain.status, 0, plain.all)
  t.like(await config(app), { FROM_FILE: 'a\nb', BOTH: 'word', PIPED: 'x=1' })
  t.is((await gateway.ssh(`config:rm FROM_FILE BOTH PIPED --app ${app.name}`)).status, 0)
  t.is((await gateway.ssh(`config:unset LARGE --app ${app.name}`)).status, 0)
  const { LARGE: _, ...rest } = values
  t.deepEqual(await config(app), rest)
  t.regex((await gateway.ssh(`config:list --app ${app.name}`)).stdout, /^EMPTY=/m)

  const inShell = await gateway.ssh(`'config:set' "SPACED=two words" 'QUOTED=it'\\''s' --app ${app.name}`)
  t.is(inShell.status, 0, inShell.all)
  t.like(await config(app), { SPACED: 'two words', QUOTED: "it's" })
})

test('what cannot be set is refused in a clear sentence, changes nothing and never shows a value', async t => {
  const app = await gateway.app({})
  const secret = 'hunter2'
  t.is((await gateway.ssh(`config:set KEPT=1 --app ${app.name}`)).status, 0)
  const at = ['--app', app.name]
  const large = secret + 'x'.repeat(64 * 1024 - secret.length)
  const many = Array.from({ length: 8 }, (_, i) => `N${i}=${large}`)
  const file = join(gateway.directory, 'large.env')
  writeFileSync(file, many.join('\n'))
  const words = (...all: (string | number | null)[]) => `${JSON.stringify(all)}\n`
  const onStdin = (stdin: string | Buffer) => gateway.ssh('words-on-stdin', { stdin })

  const cases: readonly (readonly [string, ReturnType<TestGateway['ssh']>, RegExp])[] = [
    [
      '64 KiB and one byte',
      gateway.fairlead(['config:set', `A=${large}x`, ...at]),
      /The value of A is too large \(config-invalid\)\n.*65537 bytes, 1 more than the 65536/,
    ],
    [
      '512 KiB in all',
      gateway.fairlead(['config:set', '--env-file', file, ...at]),
      /The whole config is too large \(config-invalid\)/,
    ],
    ['NUL', onStdin(words('config:set', `A=${secret}\0`, ...at)), /The value of A holds a NUL/],
    [
      'half a character',
      onStdin(words('config:set', `A=${secret}\ud800`, ...at)),
      /The value of A is not UTF-8 text/,
    ],
    [
      'a digit first',
      gateway.fairlead(['config:set', `1A=${secret}`, ...at]),
      /The name of variable 1 of 1 begins with a digit/,
    ],
    [
      'a dash in the name',
      gateway.fairlead(['config:set', `A-B=${secret}`, ...at]),
      /a character other than A-Z/,
    ],
    ['no name', gateway.fairlead(['config:set', `=${secret}`, ...at]), /is empty/],
    ['no =', gateway.fairlead(['config:set', 'A=1', secret, ...at]), /Variable 2 of 2 has no '='/],
    ['twice', gateway.fairlead(['config:set', 'A=1', `A=${secret}`, ...at]), /A is set twice/],
    ['nothing', gateway.fairlead(['config:set', ...at]), /No variable was given/],
    [
      'an option',
      gateway.fairlead(['config:set', `--PASSWORD=it's ${secret}. '${secret}'`, ...at]),
      /Unknown option '--PASSWORD/,
    ],
    [
      'a short option',
      gateway.fairlead(['config:set', `-PASSWORD=it's ${secret}. x`, ...at]),
      /Unknown option '-P'/,
    ],
    [
      'a value for a switch',
      gateway.fairlead(['config', `--json=${secret}`, ...at]),
      /does not take an argument/,
    ],
    ['to get', gateway.fairlead(['config:get', `A=${secret}`, ...at]), /\(not-found\)/],
    [
      'one too many',
      gateway.fairlead(['config:get', 'A', `B=${secret}`, ...at]),
      /"B…" is one word too many/,
    ],
    ['to unset', gateway.fairlead(['config:unset', `KEPT=${secret}`, ...at]), /\(not-found\)/],
    [
      'no command',
      gateway.fairlead([`PASSWORD=${secret}`, ...at]),
      /There is no command "PASSWORD…" \(unknown-command\)/,
    ],
    ['a help', gateway.fairlead(['help', `PASSWORD=${secret}`]), /There is no command "PASSWORD…"/],
    [
      'a file of the gateway',
      gateway.ssh(`config:set --env-file /etc/passwd --app ${app.name}`),
      /Only the CLI can read a file of yours/,
    ],
    [
      'a bad line',
      gateway.ssh(`config:set --env-file - --app ${app.name}`, { stdin: `A=1\n${secret}\n` }),
      /line 2: the line is not KEY=value/,
    ],
    [
      'a file that is not UTF-8',
      gateway.ssh(`config:set --env-file - --app ${app.name}`, {
        stdin: Buffer.from(`A=${secret}\xff\n`, 'latin1'),
      }),
      /not UTF-8/,
    ],
    [
      '3 MiB',
      gateway.ssh(`config:set --env-file - --app ${app.name}`, { stdin: `A=${secret}\n`.repeat(300_000) }),
      /longer than \d+ bytes/,
    ],
    ['no JSON', onStdin(`config:set A=${secret}\n`), /wants a JSON array of words/],
    ['an open array', onStdin(`["config:set","A=${secret}"\n`), /wants a JSON array of words/],
    ['other than words', onStdin(words('config:set', 7, null)), /wants a JSON array of words/],
    ['an object', onStdin(`{"config:set":"A=${secret}"}\n`), /wants a JSON array of words/],
    [
      'no line end',
      onStdin(words('config:set', `A=${secret}`, ...at).trimEnd()),
      /wants a JSON array of words/,
    ],
    ['nothing at all', onStdin(''), /wants a JSON array of words/],
    [
      'words that are not UTF-8',
      onStdin(Buffer.from(words('config:set', `A=${secret}\xff`, ...at), 'latin1')),
      /not UTF-8/,
    ],
    [
      '5 MiB of words',
      onStdin(words('config:set', `A=${secret}${'x'.repeat(5 * 1024 * 1024)}`, ...at)),
      /longer than \d+ bytes/,
    ],
    ['words about words', onStdin(words('words-on-stdin')), /There is no command "words-on-stdin"/],
  ]
  for (const [name, asked, said] of cases) {
    const { status, all } = await asked
    t.is(status, 1, `${name}: ${all.slice(0, 2000)}`)
    t.regex(all, said, name)
    t.regex(all, /What to do:|help COMMAND explains/, name)
    t.false(all.includes(secret), `${name}: ${all.slice(0, 2000)}`)
  }
  t.deepEqual(await config(app), { KEPT: '1' })
  t.is((await gateway.ssh(`words-on-stdin`, { stdin: words('config:get', 'KEPT', ...at) })).stdout, '1\n')
})

// Alone, so that no push of another test takes away what lies on the disk while it is read.
test.serial(
  'a value is seen by nobody on the way: not among the processes, not in the log, not on the disk',
  async t => {
    const app = await gateway.app({})
    const secret = randomBytes(12).toString('hex')
    const file = join(gateway.directory, 'secret.env')
    writeFileSync(file, `FROM_FILE=${secret}-file\n`)
    const cli = fileURLToPath(new URL('../../src/cli/fairlead.ts', import.meta.url))
    const runs = [
      ['config:set', '--env-file', file, '--app', app.name],
      ['config:set', `WORD=${secret}-word`, '--app', app.name],
      ['deploy', '--git-commitish', 'none', `WORD=${secret}-deploy`, '--app', app.name],
    ]
    for (const words of runs) {
      const typed = [process.execPath, cli, ...words]
      const child = spawn(process.execPath, typed.slice(1), {
        env: { ...gateway.operator.environment, FAIRLEAD_REMOTE: gateway.url },
        stdio: 'ignore',
      })
      const { seen, samples } = await commandLinesDuring(child, secret)
      t.true(samples > 2)
      // The words of the CLI itself are what the user typed, and for a moment those of each process that it forks; no
      // program that it starts may repeat them.
      t.deepEqual(
        seen.filter(command => command !== `${typed.join('\0')}\0`),
        [],
        words[0],
      )
    }
    t.deepEqual(await config(app), { FROM_FILE: `${secret}-file`, WORD: `${secret}-word` })
    t.false(gateway.log().includes(secret))
    const files = readdirSync(gateway.data, { recursive: true, withFileTypes: true }).filter(each =>
      each.isFile(),
    )
    t.true(files.some(({ name }) => name.endsWith('.db') || name.endsWith('.sqlite')))
    for (const each of files) {
      const bytes = readFileSync(join(each.parentPath, each.name))
      t.false(bytes.includes(secret), each.name)
      t.false(bytes.includes(Buffer.from(secret).toString('base64').slice(0, 20)), each.name)
    }
    t.false((await gateway.ssh(`operations --app ${app.name} --json`)).stdout.includes(secret))
  },
)

async function commandLinesDuring(child: ChildProcess, text: string) {
  const exited = once(child, 'exit')
  const seen: string[] = []
  let samples = 0
  while (child.exitCode === null && child.signalCode === null) {
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
      const command = commandLine(pid)
      if (command.includes(text)) seen.push(command)
    }
    samples += 1
    await new Promise(setImmediate)
  }
  await exited
  return { seen, samples }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended
  }
}

test('a variable that the new containers fail with is not in force, and what served still serves', async t => {
  const app = await gateway.app({
    Procfile:
      'web: test "$FAIL" != yes || exit 9; mkdir /tmp/w; echo "$GREETING" > /tmp/w/index.html; exec busybox httpd -f -p "$PORT" -h /tmp/w\n',
  })
  const at = ['--app', app.name]
  await gateway.fairlead([
    'config:set',
    `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/web`,
    'GREETING=hello',
    ...at,
  ])
  const pushed = await app.push()
  t.is(pushed.status, 0, pushed.all)
  const [before, served] = [await config(app), await processes(gateway, app.name)]
  t.is(await page(gateway, app.name), 'hello\n')

  const failed = await gateway.fairlead(['config:set', 'FAIL=yes', 'GREETING=changed', ...at])
  t.is(failed.status, 1)
  t.regex(failed.stderr, /\(container-exited\)/)
  t.regex(failed.stderr, /What runs now: Release v1 \(web\), as before/)
  t.deepEqual(await config(app), before)
  t.is(await page(gateway, app.name), 'hello\n')
  const containers = (rows: typeof served) => rows.map(({ container }) => container)
  t.deepEqual(containers(await processes(gateway, app.name)), containers(served))

  // The next change builds on what is in force, not on what failed.
  const set = await gateway.fairlead(['config:set', 'GREETING=again', ...at])
  t.regex(set.stdout, /^Release v3 is live with config version 3\.\n$/, set.all)
  t.deepEqual(await config(app), { ...before, GREETING: 'again' })
  t.is(await page(gateway, app.name), 'again\n')
  const unset = await gateway.fairlead(['config:unset', 'GREETING', ...at])
  t.is(unset.status, 0, unset.all)
  t.is(await page(gateway, app.name), '\n')
})

test('a master key that was changed, lost or opened to others is a refusal to start, and nothing is lost', async t => {
  const own = await startGateway()
  t.teardown(() => own.dispose())
  const app = await own.app({})
  t.is((await own.ssh(`config:set A=kept --app ${app.name}`)).status, 0)
  await own.stop()
  const key = join(own.data, 'master.key')
  const right = readFileSync(key)
  const states: readonly (readonly [string, () => void, RegExp])[] = [
    [
      'changed',
      () => writeFileSync(key, `${randomBytes(32).toString('base64')}\n`),
      /\(master-key-wrong\)[\s\S]*What to do:/,
    ],
    [
      'cut short',
      () => writeFileSync(key, right.subarray(0, 20)),
      /does not hold a key \(settings-invalid\)[\s\S]*What to do:/,
    ],
    [
      'readable by others',
      () => [writeFileSync(key, right), chmodSync(key, 0o644)],
      /may be read by others[\s\S]*chmod 600/,
    ],
  ]
  for (const [name, change, said] of states) {
    change()
    const { message } = await t.throwsAsync(own.restart())
    t.regex(message, /^the gateway ended with 1:/, name)
    t.regex(message, said, name)
    t.false(message.includes(right.toString().trim()), name)
    chmodSync(key, 0o600)
  }
  rmSync(key)
  t.regex((await t.throwsAsync(own.restart())).message, /\(master-key-missing\)[\s\S]*What to do:/)
  t.throws(() => readFileSync(key))
  writeFileSync(key, right, { mode: 0o600 })
  await own.restart()
  t.is((await own.ssh(`config:get A --app ${app.name}`)).stdout, 'kept\n')
})
