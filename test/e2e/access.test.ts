// Who gets in, and who may do what: every command, as every role, over real ssh and git.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Finished, finish, type Person, startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway

test.before(async () => {
  gateway = await startGateway()
})
test.after.always(() => gateway?.dispose())

type Answer = 'may' | 'forbidden' | 'hidden'

function answerOf({ all }: Finished): Answer {
  if (/\((?:app|environment)-not-found\)/.test(all)) return 'hidden'
  return /\(forbidden\)/.test(all) ? 'forbidden' : 'may'
}

test('a bare login greets by name, lists where one has a role and its apps, and nobody else’s', async t => {
  const app = await gateway.app({}, { environment: 'greeting', app: 'shop' })
  t.is((await gateway.ssh('environment:create barren --stack local')).status, 0)
  const ann = await gateway.person('ann', { environment: 'greeting', role: 'observe' })
  const dev = await gateway.person('dev', { environment: 'barren', role: 'deploy' })
  const eve = await gateway.person('eve')
  const greeted = await gateway.ssh(null, { as: ann })
  t.is(greeted.status, 0)
  t.regex(
    greeted.stdout,
    /^Hi ann! You are logged in to Fairlead with the key SHA256:\S+\nYour environments: greeting \(observe\)\nYour apps: greeting\/shop\nList the commands with `help`\.\n$/,
  )
  t.regex(
    (await gateway.ssh(null, { as: dev })).stdout,
    /\nYour environments: barren \(deploy\)\nThey have no apps yet\.\nDeploy with `git push ssh:.*; list the commands with `help`\.\n$/,
  )
  const stranger = await gateway.ssh(null, { as: eve })
  t.regex(stranger.stdout, /\nNo environment is open to you yet: ask one of its admins\.\nList the commands/)
  t.false(stranger.all.includes(app.app))
  t.regex((await gateway.ssh(null)).stdout, /^Hi operator!.*\nYou are an operator.*\nDeploy with `git push /)
})

test('config is set before there is any git remote, where only one app can be meant; nothing is destroyed so', async t => {
  await gateway.app({}, { environment: 'lonely', app: 'first' })
  const one = await gateway.person('one', { environment: 'lonely', role: 'admin' })
  const set = await gateway.fairlead(['config:set', 'BLUE=1'], { as: one })
  t.is(set.status, 0, set.all)
  t.is(set.stderr.match(/^For lonely\/first, the only app you may see\.$/gm)?.length, 1, set.stderr)
  const read = await gateway.ssh('config', { as: one })
  t.is(read.stdout, 'BLUE=1\n')
  const destroy = await gateway.ssh('apps:destroy --confirm first', { as: one })
  t.regex(destroy.stderr, /is about an app, and none is named \(usage\)/)
  t.regex((await gateway.ssh('ps --environment lonely', { as: one })).stderr, /none is named \(usage\)/)
  await gateway.app({}, { environment: 'lonely', app: 'second' })
  t.regex((await gateway.ssh('config', { as: one })).stderr, /none is named \(usage\)/)
})

test('rights that are lost while words, a file, an answer or a key are on their way are not used', async t => {
  const app = await gateway.app({ 'a file': 'x' }, { environment: 'slow' })
  const lost = async (name: string, command: string, rest: string) => {
    const person = await gateway.person(name, { environment: 'slow', role: 'admin' })
    const open = openSsh(person, command)
    t.teardown(open.end)
    // The gateway has the session when it has said so, and whatever comes on stdin comes later.
    await until('the session is open', async () => open.connected())
    t.is((await gateway.ssh(`members:remove ${name} --environment slow`)).status, 0)
    return open.finish(rest)
  }
  const fresh = await keyPair('late')
  t.teardown(fresh.remove)
  const words = `${JSON.stringify(['config:set', 'RED=1', '--app', app.name])}\n`
  t.is(answerOf(await lost('slow-words', 'words-on-stdin', words)), 'hidden')
  t.is(answerOf(await lost('slow-file', `config:set --env-file - --app ${app.name}`, 'RED=1\n')), 'hidden')
  t.is(answerOf(await lost('slow-answer', `apps:destroy --app ${app.name}`, `${app.app}\n`)), 'hidden')
  t.is(answerOf(await lost('slow-key', 'members:add late - --environment slow', fresh.publicKey)), 'hidden')
  t.is((await gateway.ssh(`config --app ${app.name}`)).stdout, '')
  t.false((await gateway.ssh('members')).stdout.includes('late'))
})

/** Who may: from which role on. `{who}` is another word for every person, so that they do not meet. */
const NEEDS: readonly (readonly [least: string, command: string])[] = [
  ['anyone', 'help'],
  ['anyone', 'apps'],
  ['anyone', 'environments'],
  ['anyone', 'keys'],
  ['observe', 'ps --app team/shop'],
  ['observe', 'releases --app team/shop'],
  ['observe', 'operations --app team/shop'],
  ['observe', 'operation:logs 1 --app team/shop'],
  ['observe', 'operation:follow 1 --app team/shop'],
  ['observe', 'logs --app team/shop'],
  ['observe', "git-upload-pack '/team/shop.git'"],
  ['observe', 'members --environment team'],
  ['deploy', 'config --app team/shop'],
  ['deploy', 'config:get BLUE --app team/shop'],
  ['deploy', 'config:set RED=1 --app team/shop'],
  ['deploy', 'config:unset RED --app team/shop'],
  ['deploy', 'deploy --app team/shop'],
  ['deploy', 'operation:cancel 1 --app team/shop'],
  ['deploy', "git-receive-pack '/team/shop.git'"],
  ['admin', 'apps:create by-{who} --environment team'],
  ['admin', 'apps:destroy --app team/shop --confirm not-its-name'],
  ['admin', 'members:add guest --environment team --role observe'],
  ['admin', 'members:remove guest --environment team'],
  ['operator', 'environment:destroy --environment team'],
]
/** About the gateway, not about an environment: here nothing is hidden, it is refused. */
const OPERATOR_ONLY = [
  'environment:create of-{who} --stack local',
  'members',
  'members:add guest',
  'members:remove nobody',
  'keys --member guest',
  'keys:remove SHA256:x --member guest',
  'stacks',
  'stacks:check',
  'stacks:reload',
]
const ROLES = ['stranger', 'observe', 'deploy', 'admin', 'operator']

test('every command asks for its role, and for no more', async t => {
  await gateway.app({}, { environment: 'team', app: 'shop' })
  await gateway.person('guest')
  const people: Person[] = [
    await gateway.person('as-stranger'),
    ...(await Promise.all(
      ['observe', 'deploy', 'admin'].map(role => gateway.person(`as-${role}`, { environment: 'team', role })),
    )),
    gateway.operator,
  ]
  for (const [rank, person] of people.entries()) {
    const role = ROLES[rank] ?? ''
    const say = async (command: string) =>
      answerOf(await gateway.ssh(command.replace('{who}', role), { as: person }))
    for (const [least, command] of NEEDS) {
      const needed = least === 'anyone' ? 0 : ROLES.indexOf(least)
      const expected = rank >= needed ? 'may' : rank === 0 ? 'hidden' : 'forbidden'
      t.is(await say(command), expected, `${role}: ${command}`)
    }
    for (const command of OPERATOR_ONLY) {
      t.is(await say(command), role === 'operator' ? 'may' : 'forbidden', `${role}: ${command}`)
    }
  }
  const made = JSON.parse((await gateway.ssh('apps --environment team --json')).stdout)
  t.deepEqual(
    made.map(({ app }: { app: string }) => app),
    ['team/by-admin', 'team/by-operator', 'team/shop'],
  )
})

test('an app one may not see answers byte for byte like one that is not there', async t => {
  await gateway.app({}, { environment: 'closed', app: 'hidden' })
  const mia = await gateway.person('mia', { environment: (await gateway.app({})).environment, role: 'admin' })
  const commands = [
    'config --app E/A',
    'config:set X=1 --app E/A',
    'config:get X --app E/A',
    'ps --app A',
    'ps --app A --environment E',
    'ps --app A --json',
    '@E/A logs',
    'deploy --app E/A',
    'operation:logs 1 --app E/A',
    'operation:follow --app E/A',
    'operation:cancel 1 --app E/A',
    'apps:destroy --app E/A --confirm A',
    'apps:create new --environment E',
    'members --environment E',
    'members:add mia --environment E --role admin',
    'members:remove mia --environment E',
    'environment:destroy --environment E',
    'apps --environment E',
    "git-receive-pack '/E/A.git'",
    "git-upload-pack '/E/A.git'",
  ]
  const asked = (command: string, environment: string, app: string) =>
    gateway.ssh(
      command.replaceAll('E/A', `${environment}/${app}`).replace(/\bE\b/, environment).replace(/\bA\b/, app),
      {
        as: mia,
      },
    )
  const blank = ({ status, stdout, stderr }: Finished, environment: string, app: string) => ({
    status,
    stdout: stdout.replaceAll(environment, 'E').replaceAll(app, 'A'),
    stderr: stderr.replaceAll(environment, 'E').replaceAll(app, 'A'),
  })
  for (const command of commands) {
    const hidden = blank(await asked(command, 'closed', 'hidden'), 'closed', 'hidden')
    const absent = blank(await asked(command, 'absent', 'nobody'), 'absent', 'nobody')
    t.deepEqual(hidden, absent, command)
  }
  // An app that is missing in an environment which is there, and hidden.
  t.deepEqual(
    blank(await asked('config --app E/A', 'closed', 'hidden'), 'closed', 'hidden'),
    blank(await asked('config --app E/A', 'closed', 'nobody'), 'closed', 'nobody'),
  )

  const git = async (words: (url: string) => string[], name: string) => {
    const [environment = '', app = ''] = name.split('/')
    const ran = await finish('git', words(`${gateway.url}/${name}.git`), {
      cwd: (await checkout).directory,
      env: mia.environment,
    })
    return blank(ran, environment, app)
  }
  const checkout = gateway.app({ Procfile: 'web: true\n' }, { environment: 'mine' })
  await (await checkout).commit()
  const clone = (url: string) => ['clone', '-q', url, 'cloned']
  const push = (url: string) => ['push', '-q', url, 'master']
  for (const words of [clone, push]) {
    const hidden = await git(words, 'closed/hidden')
    t.deepEqual(hidden, await git(words, 'absent/nobody'))
    t.not(hidden.status, 0)
    t.regex(hidden.stderr, /App E\/A was not found, or you may not see it/)
  }
})

test('a key can be added, listed and removed; a removed key logs in no more, and ends what was logged in with it', async t => {
  const zoe = await gateway.person('zoe')
  const second = await keyPair('second')
  t.teardown(second.remove)
  t.is((await gateway.ssh('keys:add -', { as: zoe, stdin: second.publicKey })).status, 0)
  const asSecond = { ...zoe, key: second.key }
  t.regex((await gateway.ssh(null, { as: asSecond })).stdout, /^Hi zoe!/)
  const listed: { fingerprint: string; comment: string }[] = JSON.parse(
    (await gateway.ssh('keys --json', { as: zoe })).stdout,
  )
  t.deepEqual(listed.map(({ comment }) => comment).sort(), ['second', 'zoe'])
  const fingerprint = listed.find(({ comment }) => comment === 'second')?.fingerprint ?? ''

  const shared = await sharedConnection(asSecond)
  t.teardown(shared.close)
  t.is((await shared.run('keys')).status, 0)
  t.is((await gateway.ssh(`keys:remove ${fingerprint}`, { as: zoe })).status, 0)
  const refused = await gateway.ssh(null, { as: asSecond })
  t.is(refused.status, 255)
  t.regex(refused.stderr, /Permission denied \(publickey\)/)
  const again = await shared.run('keys')
  t.is(again.status, 1)
  t.regex(again.stderr, /The key you logged in with was removed.*\(forbidden\)/)
  t.is((await gateway.ssh('keys', { as: zoe })).status, 0)
  t.regex(
    (await gateway.ssh(`keys:remove ${fingerprint}`, { as: zoe })).stderr,
    /zoe has no key SHA256:.*\(not-found\)/,
  )
})

test('a role that is taken away is gone for a connection that is open already', async t => {
  const app = await gateway.app({}, { environment: 'roles' })
  const tom = await gateway.person('tom', { environment: 'roles', role: 'deploy' })
  const shared = await sharedConnection(tom)
  t.teardown(shared.close)
  t.is((await shared.run(`config --app ${app.name}`)).status, 0)
  t.is((await gateway.ssh('members:remove tom --environment roles')).status, 0)
  t.is(answerOf(await shared.run(`config --app ${app.name}`)), 'hidden')
})

test('the last key of the last operator cannot be removed, whatever else has the name of an operator', async t => {
  const own = await startGateway()
  t.teardown(() => own.dispose())
  const [first] = JSON.parse((await own.ssh('keys --json')).stdout)
  const last = await own.ssh(`keys:remove ${first.fingerprint}`)
  t.is(last.status, 1)
  t.regex(
    last.stderr,
    /operator is the last operator with a key \(forbidden\)[\s\S]*members:add NAME KEY --operator/,
  )
  t.regex((await own.ssh('members:remove operator')).stderr, /last operator with a key/)

  const other = await keyPair('other')
  t.teardown(other.remove)
  t.is((await own.ssh('members:add second-operator - --operator', { stdin: other.publicKey })).status, 0)
  const [key] = JSON.parse((await own.ssh('keys --member second-operator --json')).stdout)
  t.is((await own.ssh(`keys:remove ${key.fingerprint} --member second-operator`)).status, 0)
  // There is a second operator now, but nobody could log in as one.
  t.regex((await own.ssh(`keys:remove ${first.fingerprint}`)).stderr, /last operator with a key/)
  t.regex((await own.ssh('members:remove operator')).stderr, /last operator with a key/)
  t.is((await own.ssh('members:remove second-operator')).status, 0)
})

test('an admin may bring in somebody new, and cannot add a key to a member there is', async t => {
  await gateway.app({}, { environment: 'invite' })
  const admin = await gateway.person('inviter', { environment: 'invite', role: 'admin' })
  const victim = await gateway.person('victim')
  const fresh = await keyPair('fresh')
  t.teardown(fresh.remove)
  const stolen = await gateway.ssh('members:add victim - --environment invite', {
    as: admin,
    stdin: fresh.publicKey,
  })
  t.is(answerOf(stolen), 'forbidden')
  t.is((await gateway.ssh('apps', { as: { ...victim, key: fresh.key } })).status, 255)
  t.false((await gateway.ssh('members --environment invite')).stdout.includes('victim'))

  for (const words of ['--operator', '--operator --environment invite']) {
    const more = await gateway.ssh(`members:add boss - ${words}`, { as: admin, stdin: fresh.publicKey })
    t.is(answerOf(more), 'forbidden', words)
  }
  const made = await gateway.ssh('members:add new-one - --environment invite --role deploy', {
    as: admin,
    stdin: fresh.publicKey,
  })
  t.is(
    made.stdout.replace(/SHA256:\S+/, 'KEY'),
    'Member new-one added.\nKey KEY added.\nnew-one has the role deploy in invite.\n',
  )
  const taken = await gateway.ssh('members:add new-two - --environment invite', {
    as: admin,
    stdin: fresh.publicKey,
  })
  t.regex(taken.stderr, /registered already \(name-taken\)/)
  t.false((await gateway.ssh('members')).stdout.includes('new-two'))
})

test('the keys in ~/.ssh make the first operator where no file of keys is named, and only the first', async t => {
  const home = mkdtempSync(join(tmpdir(), 'fairlead-home-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  mkdirSync(join(home, '.ssh'))
  const [one, two, late] = ['one', 'two', 'late'].map(name => join(home, '.ssh', name)) as [
    string,
    string,
    string,
  ]
  for (const file of [one, two]) await makeKey(file)
  const own = await startGateway({ environment: { HOME: home, FAIRLEAD_OPERATOR_KEYS: '' } })
  t.teardown(() => own.dispose())
  for (const key of [one, two]) {
    const greeted = await own.ssh(null, { as: { ...own.operator, key } })
    t.regex(greeted.stdout, /^Hi operator!.*\nYou are an operator/)
  }
  t.is((await own.ssh(null)).status, 255)
  await makeKey(late)
  await own.restart()
  t.is((await own.ssh(null, { as: { ...own.operator, key: late } })).status, 255)
})

/** An ssh session whose standard input stays open until `finish`. */
function openSsh(person: Person, command: string) {
  const words = ['-vv', '-F', 'none', '-i', person.key, '-p', String(gateway.port), '-T']
  for (const option of ['IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'])
    words.push('-o', option)
  const child = spawn('ssh', [...words, 'git@127.0.0.1', command], { cwd: tmpdir() })
  const heard = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    heard.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    heard.stderr += chunk
  })
  const closed = once(child, 'close')
  return {
    connected: () => /exec request accepted/.test(heard.stderr),
    end: () => void child.kill(),
    async finish(rest: string): Promise<Finished> {
      child.stdin.end(rest)
      const [status] = await closed
      return { status, ...heard, all: heard.stdout + heard.stderr }
    },
  }
}

async function makeKey(file: string): Promise<void> {
  const comment = file.split('/').at(-1) ?? ''
  await finish('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file], { cwd: tmpdir() })
}

async function keyPair(name: string) {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-key-'))
  const key = join(directory, name)
  await makeKey(key)
  const remove = () => rmSync(directory, { recursive: true, force: true })
  return { key, publicKey: readFileSync(`${key}.pub`, 'utf8'), remove }
}

/** One connection on which several commands run, as with ssh's ControlMaster. */
async function sharedConnection(person: Person) {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-master-'))
  const socket = join(directory, 'socket')
  const common = ['-F', 'none', '-i', person.key, '-S', socket, '-p', String(gateway.port)]
  for (const option of [
    'IdentitiesOnly=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
  ])
    common.push('-o', option)
  const run = (...words: string[]) =>
    finish('ssh', [...common, '-o', 'ControlMaster=no', 'git@127.0.0.1', ...words], { cwd: directory })
  const master = spawn('ssh', [...common, '-M', '-N', 'git@127.0.0.1'], { cwd: directory, stdio: 'ignore' })
  const exited = once(master, 'exit')
  const check = () => finish('ssh', [...common, '-O', 'check', 'git@127.0.0.1'], { cwd: directory })
  while ((await check()).status !== 0) {
    if (master.exitCode !== null) throw new Error('the shared connection was not made')
  }
  return {
    run,
    close: async () => {
      master.kill()
      await exited
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
