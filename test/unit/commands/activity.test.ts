// What is written down of a call, and who may read it. A value, or a word that may be one, is in no row.
import test, { type ExecutionContext } from 'ava'
import { commands } from '../../../src/commands/commands.ts'
import { isRecorded, namesAmong } from '../../../src/commands/record.ts'
import { parsePublicKeyLine } from '../../../src/ssh/public-key.ts'
import { registryBench } from './registry-bench.ts'

const APP = ['--app', 'my-env/my-app']

async function bench(t: ExecutionContext) {
  const made = await registryBench(t)
  Object.assign(made.gateway, { readPublicKey: parsePublicKeyLine })
  const rows = () => made.store.activity.list(null, null, 100)
  const last = () => rows()[0]
  return { ...made, rows, last }
}

test('a change is recorded with its actor, key, address, names and outcome, and no value', async t => {
  const { run, member, last, app } = await bench(t)
  const ann = member('ann', 'deploy')
  await run(ann, ['config:set', ...APP, 'COLOR=hunter2', 'SIZE=hunter3'])
  t.like(last(), {
    actor: 'ann',
    key: ann.actor.key,
    address: '192.0.2.1',
    command: 'config:set',
    words: ['COLOR', 'SIZE'],
    options: ['app'],
    environmentId: app.environmentId,
    environment: 'my-env',
    app: 'my-app',
    stack: null,
    outcome: 'ok',
  })
})

test('nothing that was typed where no name belongs is kept', async t => {
  const { run, member, rows } = await bench(t)
  const ann = member('ann', 'operator')
  const secret = 'hunter2'
  for (const words of [
    ['config:set', ...APP, secret],
    ['config:set', ...APP, `A B=${secret}`],
    ['config:set', ...APP, `=${secret}`],
    ['config:unset', ...APP, `A=${secret}`],
    ['config:get', ...APP, `A=${secret}`],
    ['deploy', ...APP, `COLOR=${secret}`, '--git-commitish', secret],
    ['registry:login', `me:${secret}@host`, '--username', secret, ...APP],
    ['registry:uri', ...APP, `https://me:${secret}@host/file`],
    ['members:add', 'eve', `ssh-ed25519 ${secret}`, secret],
    ['keys:add', secret],
    ['environment:create', 'other', '--stack', secret],
    ['environment:create', `other=${secret} `, '--stack', 'local'],
    ['secrets:create', 'team/one', '--value-file', secret],
    ['run', ...APP, secret],
    ['run', ...APP, `TOKEN=${secret} rake`],
    ['ssh', ...APP, '--shell', `/${secret}`],
    ['registry:generator', secret, '--image', secret, ...APP],
  ])
    await run(ann, words, secret)
  t.true(rows().length >= 16, String(rows().length))
  t.false(JSON.stringify(rows()).includes(secret), JSON.stringify(rows(), null, 1))
})

test('what is refused after it was let in is recorded with its code, and what is not let in leaves no row', async t => {
  const { run, member, last, rows } = await bench(t)
  const ann = member('ann', 'observe')
  t.is((await run(ann, ['config:set', ...APP, 'A=1'])).status, 1)
  t.is((await run(ann, ['config', ...APP])).status, 1)
  t.deepEqual(rows(), [])
  const ben = member('ben', 'deploy')
  await run(ben, ['config:get', ...APP, 'MISSING'])
  t.like(last(), { command: 'config:get', words: ['MISSING'], outcome: 'not-found' })
  await run(ben, ['members:remove', 'ann', '--environment', 'my-env'])
  t.like(last(), {
    command: 'members:remove',
    words: ['ann'],
    options: ['environment'],
    environment: 'my-env',
    app: null,
    outcome: 'forbidden',
  })
})

test('a command that only looks is not recorded', async t => {
  const { run, member, rows } = await bench(t)
  const ann = member('ann', 'operator')
  for (const words of [['apps'], ['help'], ['ps', ...APP], ['releases', ...APP], ['activity'], ['keys']])
    t.is((await run(ann, words)).status, 0, words.join(' '))
  t.deepEqual(rows(), [])
})

test('every command that changes something or shows secrets is recorded, pushes too', t => {
  const unrecorded = commands.filter(command => !isRecorded(command, {})).map(({ name }) => name)
  t.deepEqual(unrecorded.sort(), [
    'activity',
    'apps',
    'doctor',
    'endpoints',
    'endpoints:ca',
    'environments',
    'git-upload-pack',
    'help',
    'keys',
    'logs',
    'members',
    'operation:follow',
    'operation:logs',
    'operations',
    'ps',
    'registry:list',
    'releases',
    'secrets',
    'secrets:grants',
    'services',
    'stacks',
    'stacks:check',
  ])
})

test('of many words a bounded number of names is kept', t => {
  const many = Array.from({ length: 1000 }, (_, i) => `A${i}=1`)
  t.is(namesAmong({ recorded: 'assignments' }, many).length, 50)
  t.deepEqual(namesAmong({ recorded: 'assignments' }, [`${'A'.repeat(101)}=1`, 'B=']), ['B'])
  t.deepEqual(namesAmong({}, ['anything']), [])
})

test('an admin sees their environments, an operator everything, and nobody else anything', async t => {
  const { run, member, newApp } = await bench(t)
  await newApp('shop', 'other-env')
  const [ann, ben, olga] = [member('ann', 'admin'), member('ben', 'deploy'), member('olga', 'operator')]
  await run(olga, ['config:set', '--app', 'other-env/shop', 'A=1'])
  await run(olga, ['environment:create', 'third', '--stack', 'local'])
  await run(ann, ['config:set', ...APP, 'B=1'])
  const seen = async (by: Parameters<typeof run>[0], ...words: string[]) => {
    const { out, err } = await run(by, ['activity', '--json', ...words])
    if (out === '') return /\(([a-z-]+)\)/.exec(err)?.[1]
    return JSON.parse(out).map((row: { about: string; words: string[] }) => [row.about, ...row.words])
  }
  const [a, b, third] = [
    ['other-env/shop', 'A'],
    ['my-env/my-app', 'B'],
    ['local', 'third'],
  ]
  t.deepEqual(await seen(olga), [b, third, a])
  t.deepEqual(await seen(olga, '--limit', '1'), [b])
  t.deepEqual(await seen(olga, '--environment', 'other-env'), [a])
  t.deepEqual(await seen(ann), [b])
  t.deepEqual(await seen(ann, ...APP), [b])
  t.deepEqual(await seen(ben), [])
  t.is(await seen(ben, ...APP), 'forbidden')
  t.is(await seen(ben, '--environment', 'my-env'), 'forbidden')
  t.is(await seen(ann, '--environment', 'other-env'), 'environment-not-found')
  t.is(await seen(ann, '--app', 'other-env/shop'), 'app-not-found')
})

test('the table has who, what, about what, how it ended, and from which key and address', async t => {
  const { run, member, last } = await bench(t)
  const ann = member('ann', 'admin')
  await run(ann, ['config:set', ...APP, 'B=1'])
  const { out } = await run(ann, ['activity'])
  const [head, row] = out.split('\n').map(line => line.split(/ {2,}/))
  t.deepEqual(head, ['TIME', 'ACTOR', 'COMMAND', 'ABOUT', 'OUTCOME', 'KEY', 'ADDRESS'])
  t.deepEqual(row?.slice(1), ['ann', 'config:set B --app', 'my-env/my-app', 'ok', ann.actor.key, '192.0.2.1'])
  t.is(row?.[0], last()?.createdAt)
})

test('what goes on just now is listed as running', async t => {
  const { run, member, store } = await bench(t)
  const ann = member('ann', 'admin')
  const { finish } = store.activity
  Object.assign(store.activity, { finish: () => {} })
  await run(ann, ['config:set', ...APP, 'B=1'])
  const listed = await run(ann, ['activity', '--json'])
  t.like(JSON.parse(listed.out), [{ command: 'config:set', outcome: 'running' }])
  Object.assign(store.activity, { finish })
})

test('what cannot be recorded is not begun; what cannot be recorded at its end has happened', async t => {
  const { run, member, store, app, logged } = await bench(t)
  const ann = member('ann', 'deploy')
  const { begin, finish } = store.activity
  const fail = () => {
    throw new Error('disk')
  }
  Object.assign(store.activity, { begin: fail })
  await t.throwsAsync(run(ann, ['config:set', ...APP, 'A=1']), { message: 'disk' })
  t.is(store.configs.current(app.id).version, 0)
  Object.assign(store.activity, { begin, finish: fail })
  t.is((await run(ann, ['config:set', ...APP, 'A=1'])).status, 0)
  t.is(store.configs.current(app.id).version, 1)
  t.true(logged.some(({ msg }) => msg === 'the end of a command could not be recorded'))
  Object.assign(store.activity, { finish })
})
