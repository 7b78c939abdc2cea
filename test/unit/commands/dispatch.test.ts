// From a session to a command: when rights are asked, which app is meant, and what is written to a slow client.
import { PassThrough, Writable } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import type { Gateway } from '../../../src/commands/command.ts'
import { dispatcher } from '../../../src/commands/dispatch.ts'
import { receivePush } from '../../../src/deploy/push.ts'
import { parseHandle } from '../../../src/domain/app.ts'
import type { Role } from '../../../src/domain/member.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { parsePublicKeyLine } from '../../../src/ssh/public-key.ts'
import type { Session } from '../../../src/ssh/session.ts'
import { deployGround } from '../../support/deploy-ground.ts'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI'
const keyOf = (letter: string) => parsePublicKeyLine(`${KEY}${letter.repeat(43)} ${letter}`)

async function bench(t: ExecutionContext) {
  const made = await deployGround(t)
  const { store } = made.ground
  const { ground, operations } = made
  // What the commands of these tests do not touch is not there.
  const gateway = {
    ground,
    operations,
    url: 'ssh://git@host:2222',
    readPublicKey: parsePublicKeyLine,
  } as unknown as Gateway
  const serve = dispatcher(gateway)
  const environment = made.app.environmentId

  function member(name: string, letter: string, role: Role) {
    const { id } = store.members.create(parseHandle(name, 'member'), false)
    const key = keyOf(letter)
    store.keys.add(id, key)
    store.members.grant(environment, id, role)
    const actor = { ...made.actor(name), key: key.fingerprint }
    return {
      id,
      lose: () => store.members.revoke(environment, id),
      remove: () => store.members.remove(id),
      actor,
    }
  }

  function run(by: ReturnType<typeof member>, words: readonly string[], more: Partial<Session> = {}) {
    const heard = { out: '', err: '' }
    const to = (end: 'out' | 'err') =>
      new Writable({
        write(chunk, _, done) {
          heard[end] += chunk
          done()
        },
      })
    const stdin = new PassThrough()
    const signal = new AbortController().signal
    const streams = { stdin, stdout: to('out'), stderr: to('err') }
    const status = serve({
      actor: by.actor,
      words,
      env: new Map(),
      terminal: null,
      signal,
      ...streams,
      ...more,
    })
    return { stdin, heard, status }
  }
  return { ...made, store, member, run }
}

const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
}

test('who is removed while words are held open on standard input is refused', async t => {
  const { member, run, store, app } = await bench(t)
  for (const [letter, end, said] of [
    ['A', 'lose', /my-env\/my-app was not found.*\(app-not-found\)/],
    ['B', 'remove', /The key you logged in with was removed \(forbidden\)/],
  ] as const) {
    const ann = member(`ann-${end}`, letter, 'deploy')
    const { stdin, heard, status } = run(ann, ['words-on-stdin'])
    await turns()
    ann[end]()
    stdin.end('["config:set","A=1","--app","my-env/my-app"]\n')
    t.is(await status, 1)
    t.regex(heard.err, said)
  }
  t.is(store.operations.list(app.id, 9).length, 0)
})

test('who loses the right while a key is held open on standard input adds none', async t => {
  const { member, run, store } = await bench(t)
  const ann = member('ann', 'A', 'admin')
  const adding = run(ann, ['members:add', 'bob', '-', '--environment', 'my-env'])
  await turns()
  ann.lose()
  adding.stdin.end(`${KEY}${'C'.repeat(43)}\n`)
  t.is(await adding.status, 1)
  t.regex(adding.heard.err, /\(environment-not-found\)/)
  t.is(store.members.byName('bob'), null)

  const own = run(ann, ['keys:add', '-'])
  await turns()
  ann.remove()
  own.stdin.end(`${KEY}${'C'.repeat(43)}\n`)
  t.is(await own.status, 1)
  t.regex(own.heard.err, /The key you logged in with was removed \(forbidden\)/)
})

test('who loses the right while waiting for a turn, or for a prompt, is refused and not told what runs', async t => {
  const { member, run, operations, store, app, actor } = await bench(t)
  const ann = member('ann', 'A', 'admin')
  const { promise, resolve } = Promise.withResolvers<void>()
  const ahead = operations.run(
    app,
    {
      kind: 'deploy',
      subject: 'x',
      actor: actor('zoe'),
      say: () => {},
      signal: new AbortController().signal,
    },
    () => promise,
  )
  const set = run(ann, ['config:set', 'A=1', '--app', 'my-env/my-app'])
  const destroy = run(ann, ['apps:destroy', '--app', 'my-env/my-app'])
  await turns()
  t.is(store.operations.byNumber(app.id, 2)?.state, 'queued')
  ann.lose()
  resolve()
  destroy.stdin.end('my-app\n')
  for (const { status, heard } of [set, destroy]) {
    t.is(await status, 1)
    t.regex(heard.err, /App my-env\/my-app was not found, or you may not see it \(app-not-found\)/)
    t.false(heard.err.includes('What runs now'), heard.err)
  }
  await ahead
  t.is(store.operations.byNumber(app.id, 2)?.startedAt, null)
  t.not(store.apps.byId(app.id), null)
  t.is(store.configs.current(app.id).values.size, 0)
})

test('the only app one may see is meant where none is named, but never to be destroyed', async t => {
  const { member, run, newApp } = await bench(t)
  await newApp('elsewhere', 'other-env')
  const ann = member('ann', 'A', 'admin')
  const releases = run(ann, ['releases', '--json'])
  t.is(await releases.status, 0)
  t.deepEqual(releases.heard, { out: '[]\n', err: 'For my-env/my-app, the only app you may see.\n' })
  for (const words of [
    ['apps:destroy', '--confirm', 'my-app'],
    ['releases', '--environment', 'my-env'],
  ]) {
    const asked = run(ann, words)
    t.is(await asked.status, 1)
    t.regex(asked.heard.err, /none is named \(usage\)/, words.join(' '))
  }
  await newApp('second')
  const two = run(ann, ['releases'])
  t.is(await two.status, 1)
  t.regex(two.heard.err, /none is named \(usage\)/)
})

test('help about a command that is not there answers like that command', async t => {
  const { member, run } = await bench(t)
  const ann = member('ann', 'A', 'observe')
  const [help, itself] = [run(ann, ['help', 'confg']), run(ann, ['confg'])]
  t.is(await help.status, 1)
  t.is(await itself.status, 1)
  t.regex(help.heard.err, /There is no command "confg" \(unknown-command\)[\s\S]*Did you mean `config`\?/)
  t.deepEqual(help.heard, itself.heard)
})

test('the lines of an operation wait for a client that reads slowly', async t => {
  const { member, run, operations, app, actor } = await bench(t)
  const ann = member('ann', 'A', 'observe')
  await operations.run(
    app,
    {
      kind: 'deploy',
      subject: 'x',
      actor: actor('zoe'),
      say: () => {},
      signal: new AbortController().signal,
    },
    async ({ transcript }) => {
      for (let line = 0; line < 200; line += 1) transcript.line(`line ${line} ${'x'.repeat(50)}`)
    },
  )
  let most = 0
  let lines = 0
  const stdout: Writable = new Writable({
    highWaterMark: 100,
    write(chunk, _, done) {
      most = Math.max(most, stdout.writableLength)
      lines += String(chunk).split('\n').length - 1
      setImmediate(done)
    },
  })
  t.is(await run(ann, ['operation:logs', '1', '--app', 'my-env/my-app'], { stdout }).status, 0)
  stdout.end()
  await new Promise(resolve => stdout.once('finish', resolve))
  t.is(lines, 200)
  t.true(most < 500, `${most} bytes waited`)
})

test('a push is asked again when its pack is here, and once more when its turn has come', async t => {
  const { ground, operations, app, actor, commit } = await bench(t)
  const id = await commit({ Procfile: 'web: true\n' })
  for (const [branch, allowed] of [
    ['topic', 0],
    ['master', 0],
    ['master', 1],
    ['aptible-scan', 1],
  ] as const) {
    let asked = 0
    const authorised = () => {
      asked += 1
      if (asked > allowed) throw new Problem('forbidden', { headline: 'No more', hint: 'Ask.' })
    }
    let said = ''
    const say = (text: string) => {
      said += text
    }
    const before = ground.store.operations.list(app.id, 9).length
    const push = {
      updates: [{ ref: `refs/heads/${branch}`, old: null, new: id }],
      options: [],
      quarantine: null,
    }
    const { signal } = new AbortController()
    const ended = Promise.resolve()
    t.false(await receivePush(ground, operations, app, actor('ann'), push, ended, say, signal, authorised))
    t.regex(said, /No more \(forbidden\)/, branch)
    t.notRegex(said, /stored|Building/, branch)
    t.is(ground.store.operations.list(app.id, 9).length, before + allowed, branch)
  }
})

test('what a command ended with stands behind what it had said, also for a client that reads slowly', async t => {
  const { member, run, configure } = await bench(t)
  const ann = member('ann', 'A', 'admin')
  configure({
    APTIBLE_DOCKER_IMAGE: 'docker.io/acme/shop',
    APTIBLE_PRIVATE_REGISTRY_HOST: 'quay.io',
    APTIBLE_PRIVATE_REGISTRY_USERNAME: 'robot',
    APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'hunter2-robot',
  })
  const heard: string[] = []
  const stdout = new Writable({
    write(chunk, _, done) {
      setImmediate(() => {
        heard.push(...String(chunk).split('\n').filter(Boolean))
        done()
      })
    },
  })
  const stderr = new Writable({
    write(chunk, _, done) {
      heard.push(...String(chunk).split('\n').filter(Boolean))
      done()
    },
  })
  const { status } = run(ann, ['registry:explain', '--app', 'my-env/my-app'], {
    stdout,
    stderr,
  })
  t.is(await status, 1)
  const end = heard.indexOf('  none: it was not asked')
  t.true(end > 3, heard.join('\n'))
  t.true(heard.findIndex(line => line.startsWith(' !     ')) > end, heard.join('\n'))
})
