// The secret store's commands: who may, what is told to those who may not, and that no value is ever repeated.

import { PassThrough, Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import tar from 'tar-stream'
import { dispatcher } from '../../../src/commands/dispatch.ts'
import { parseDockercfg } from '../../../src/domain/dockercfg.ts'
import { Secret } from '../../../src/domain/secret.ts'
import type { Store } from '../../../src/store/store.ts'
import { type Heard, refused, registryBench, said } from './registry-bench.ts'

const PASSWORD = 'correct-horse'
const entry = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
const FILE = JSON.stringify({ auths: { 'https://quay.io': entry(`robot:${PASSWORD}`) } })

async function bench(t: ExecutionContext) {
  const made = await registryBench(t)
  const [root, ann, ben] = [
    made.member('root', 'operator'),
    made.member('ann', 'deploy'),
    made.member('ben', 'admin'),
  ]
  made.store.secretGrants.add(ann.id, 'team')
  return { ...made, root, ann, ben }
}

/** What a secret holds, as a deploy reads it. */
const held = (store: Store, path: string) =>
  parseDockercfg(store.secrets.read(path)?.reveal() ?? '', { source: '', file: 'it' }).map(
    ({ host, path: below, kind, username, password }) => [host, below, kind, username, password.reveal()],
  )

const notFound = (path: string) =>
  refused(
    ` !     The secret ${path} was not found, or you have no right on its path (secret-not-found)`,
    `       What to do:    Check the spelling with \`fairlead secrets\`, or ask an operator of the gateway for \`fairlead secrets:grant ${path} MEMBER\`.`,
  )

test('a secret is created, replaced and deleted by who has the right on its path', async t => {
  const { run, ann, store, app } = await bench(t)
  const create = (file: string) => run(ann, ['secrets:create', '/team/pull', '--value-file', '-'], file)
  t.deepEqual(
    await create(FILE),
    said(
      'Secret team/pull created. No app uses it yet: `fairlead registry:use --secret team/pull` makes one.\n',
    ),
  )
  t.deepEqual(held(store, 'team/pull'), [['quay.io', '', 'password', 'robot', PASSWORD]])
  store.secrets.use(app.id, 'team/pull', 'ann')
  t.deepEqual(
    await create(JSON.stringify({ auths: { 'ghcr.io/acme': entry('u:other') } })),
    said('Secret team/pull replaced. 1 app uses it: the next deploy of each reads what it is now.\n'),
  )
  t.deepEqual(held(store, 'team/pull'), [['ghcr.io', 'acme', 'password', 'u', 'other']])
  t.like(store.secrets.find('team/pull'), { actor: 'ann' })
  store.secrets.unuse(app.id)
  t.deepEqual(await run(ann, ['secrets:delete', 'team/pull']), said('Secret team/pull deleted.\n'))
  t.is(store.secrets.find('team/pull'), null)
})

test('of every form of a file the credentials are kept, and read by a deploy as what they were', async t => {
  const { run, ann, store } = await bench(t)
  const pack = tar.pack()
  const auths = {
    'https://index.docker.io/v1/': entry(`robot:${PASSWORD}`),
    'localhost:5000/acme/shop': entry('u:p:"ä'),
    'acme.azurecr.io': { ...entry('<token>:'), identitytoken: 'a.long.token' },
  }
  pack.entry({ name: '.docker/config.json' }, JSON.stringify({ auths, HttpHeaders: { A: 'not-kept' } }))
  pack.finalize()
  const archive = gzipSync(await buffer(pack))
  const expected = [
    ['docker.io', '', 'password', 'robot', PASSWORD],
    ['localhost:5000', 'acme/shop', 'password', 'u', 'p:"ä'],
    ['acme.azurecr.io', '', 'identity-token', '<token>', 'a.long.token'],
  ]
  for (const file of [archive, Buffer.from(JSON.stringify(auths)), Buffer.from(JSON.stringify({ auths }))]) {
    t.is((await run(ann, ['secrets:create', 'team/x', '--value-file', '-'], file)).status, 0)
    t.deepEqual(held(store, 'team/x'), expected)
    t.false(store.secrets.read('team/x')?.reveal().includes('not-kept'))
  }
})

test('a broken file is refused at once, repeated nowhere, and leaves what was stored', async t => {
  const { run, ann, store } = await bench(t)
  await run(ann, ['secrets:create', 'team/x', '--value-file', '-'], FILE)
  const before = store.secrets.read('team/x')?.reveal()
  for (const file of ['', '{', `{"auths": {"quay.io": {"auth": "${PASSWORD}"}}`, '{"auths":{}}', PASSWORD]) {
    const { status, out, err } = await run(ann, ['secrets:create', 'team/x', '--value-file', '-'], file)
    t.is(status, 1, file)
    t.is(out, '')
    t.regex(err, /standard input.* \(dockercfg-invalid\)/, file)
    t.false(err.includes(PASSWORD), err)
  }
  const long = await run(ann, ['secrets:create', 'team/x', '--value-file', '-'], ' '.repeat(1024 * 1024 + 1))
  t.regex(long.err, /Standard input is longer than 1048576 bytes/)
  t.is(store.secrets.read('team/x')?.reveal(), before)
})

test('what is no file on standard input is refused with the words for it', async t => {
  const { run, ann, store } = await bench(t)
  for (const [words, saw] of [
    [['team/x'], 'It needs --value-file FILE.'],
    [
      ['team/x', '--value-file', 'config.json'],
      'Only the CLI can read a file of yours. Over plain ssh, use --value-file - < FILE.',
    ],
  ] as const) {
    t.deepEqual(
      await run(ann, ['secrets:create', ...words], FILE),
      refused(
        ' !     `secrets:create` was called with wrong words (usage)',
        `       What we saw:   ${saw}`,
        '       What to do:    fairlead secrets:create PATH --value-file FILE — see `fairlead help secrets:create`.',
      ),
    )
  }
  for (const path of ['a//b', '../x', 'a b']) {
    t.regex((await run(ann, ['secrets:create', path, '--value-file', '-'], FILE)).err, /\(name-invalid\)/)
  }
  t.deepEqual(store.secrets.list(), [])
})

test('without the right on a path, one that is there is answered word for word like one that is not', async t => {
  const { run, ann, ben, root, store } = await bench(t)
  for (const path of ['other/x', 'team2/x']) store.secrets.put(path, new Secret(FILE), 'root')
  const answers = async (by: typeof ann, path: string): Promise<Heard[]> => [
    await run(by, ['secrets:delete', path]),
    await run(by, ['secrets:create', path, '--value-file', '-'], FILE),
  ]
  for (const [by, path] of [
    [ann, 'other/x'],
    [ann, 'other/missing'],
    [ann, 'team2/x'],
    [ann, 'team2/missing'],
    [ben, 'other/x'],
    [ben, 'team/missing'],
  ] as const) {
    t.deepEqual(await answers(by, path), [notFound(path), notFound(path)], path)
  }
  t.deepEqual(await run(ann, ['secrets:delete', 'team/missing']), notFound('team/missing'))
  t.deepEqual(await run(root, ['secrets:delete', 'missing']), notFound('missing'))
  t.deepEqual(
    store.secrets.list().map(({ path, actor }) => `${path} ${actor}`),
    ['other/x root', 'team2/x root'],
  )
})

test('the list shows what one may use, operators all, with who wrote it and how many apps use it', async t => {
  const { run, ann, ben, root, store, app, newApp } = await bench(t)
  for (const path of ['team', 'team/x', 'team2/x']) store.secrets.put(path, new Secret(FILE), 'root')
  store.secrets.use(app.id, 'team/x', 'ann')
  store.secrets.use((await newApp('hidden', 'other-env')).id, 'team/x', 'root')
  const paths = async (by: typeof ann) =>
    JSON.parse((await run(by, ['secrets:list', '--json'])).out).map((row: { path: string }) => row.path)
  t.deepEqual(await paths(ann), ['team', 'team/x'])
  t.deepEqual(await paths(root), ['team', 'team/x', 'team2/x'])
  t.deepEqual(await run(ben, ['secrets']), said('No secret that you may use.\n'))
  const [, second] = JSON.parse((await run(ann, ['secrets', '--json'])).out)
  const written = store.secrets.find('team/x')?.createdAt
  t.deepEqual(second, { path: 'team/x', by: 'root', written, apps: 2 })
  const { out } = await run(ann, ['secrets'])
  t.regex(out, /^PATH +BY +WRITTEN +APPS\nteam +root +\S+ +0\nteam\/x +root +\S+ +2\n$/)
  t.false(out.includes(PASSWORD))
})

test('a secret in use is not deleted: the apps one may see are named, others counted', async t => {
  const { run, ann, store, app, newApp } = await bench(t)
  store.secrets.put('team/x', new Secret(FILE), 'root')
  const hidden = [await newApp('hidden', 'other-env'), await newApp('hidden2', 'other-env')]
  for (const { id } of [app, ...hidden]) store.secrets.use(id, 'team/x', 'root')
  const answer = (count: string, saw: string, named: string) =>
    refused(
      ` !     The secret team/x is used by ${count} and was not deleted (usage)`,
      `       What we saw:   ${saw}`,
      `       What to do:    End the use first, for each of them: \`fairlead registry:use --remove --app ${named}\`.`,
    )
  t.deepEqual(
    await run(ann, ['secrets:delete', 'team/x']),
    answer('3 apps', 'my-env/my-app, 2 apps that you may not see', 'my-env/my-app'),
  )
  for (const { id } of [app, ...hidden.slice(1)]) store.secrets.unuse(id)
  t.deepEqual(
    await run(ann, ['secrets:delete', 'team/x']),
    answer('1 app', '1 app that you may not see', 'ENVIRONMENT/APP'),
  )
  t.not(store.secrets.find('team/x'), null)
})

test('operators grant and revoke, and a right that is revoked counts no more at once', async t => {
  const { run, root, ben, store } = await bench(t)
  store.secrets.put('db/x', new Secret(FILE), 'root')
  t.deepEqual(await run(ben, ['secrets:delete', 'db/x']), notFound('db/x'))
  t.deepEqual(
    await run(root, ['secrets:grant', 'db', 'ben']),
    said('ben may use the secret db and all below it.\n'),
  )
  t.is((await run(root, ['secrets:grant', 'db', 'ben'])).status, 0)
  t.deepEqual(JSON.parse((await run(root, ['secrets:grants', '--json'])).out), [
    { path: 'db', member: 'ben' },
    { path: 'team', member: 'ann' },
  ])
  t.is((await run(ben, ['secrets:create', 'db/x', '--value-file', '-'], FILE)).status, 0)
  t.is((await run(root, ['secrets:grant', 'db/x', 'ben'])).status, 0)
  t.deepEqual(
    await run(root, ['secrets:revoke', 'db', 'ben']),
    said('ben has no right on db any more.\nThey keep the right on db/x.\n'),
  )
  t.deepEqual(
    await run(root, ['secrets:revoke', 'db/x', 'ben']),
    said('ben has no right on db/x any more.\n'),
  )
  t.deepEqual(await run(ben, ['secrets:delete', 'db/x']), notFound('db/x'))
})

test('a right that was not granted cannot be revoked, and what is granted is named', async t => {
  const { run, root } = await bench(t)
  t.deepEqual(
    await run(root, ['secrets:revoke', 'team/x', 'ann']),
    refused(
      ' !     ann was not granted team/x (not-found)',
      '       What we saw:   Granted to them: team',
      '       What to do:    Name the path as `fairlead secrets:grants` lists it.',
    ),
  )
  t.regex(
    (await run(root, ['secrets:revoke', 'a', 'ben'])).err,
    /What we saw: {3}No path was granted to them\./,
  )
  t.regex((await run(root, ['secrets:grant', 'a', 'nobody'])).err, /no member nobody .*\(not-found\)/)
  t.regex((await run(root, ['secrets:grant', 'a//b', 'ann'])).err, /\(name-invalid\)/)
})

test('an operator keeps every right, and is told so', async t => {
  const { run, root, store } = await bench(t)
  store.secretGrants.add(root.id, 'a')
  t.deepEqual(
    await run(root, ['secrets:revoke', 'a', 'root']),
    said('root has no right on a any more.\nAs an operator, they may use every secret all the same.\n'),
  )
})

test('only operators grant, revoke and see grants, whatever paths one has oneself', async t => {
  const { run, ann, ben, store } = await bench(t)
  for (const words of [
    ['secrets:grant', 'team', 'ben'],
    ['secrets:revoke', 'team', 'ann'],
    ['secrets:grants'],
  ]) {
    for (const by of [ann, ben]) {
      const { status, err } = await run(by, words)
      t.is(status, 1)
      t.regex(err, /it needs an operator of the gateway \(forbidden\)/, words.join(' '))
    }
  }
  t.deepEqual(store.secretGrants.list(), [{ path: 'team', member: 'ann' }])
})

test('who loses the right while the file is held open on standard input writes nothing', async t => {
  const { gateway, ann, store } = await bench(t)
  const stdin = new PassThrough()
  let err = ''
  const status = dispatcher(gateway)({
    actor: ann.actor,
    words: ['secrets:create', 'team/x', '--value-file', '-'],
    terminal: null,
    env: new Map(),
    signal: new AbortController().signal,
    stdin,
    stdout: new PassThrough(),
    stderr: new Writable({
      write(chunk, _, done) {
        err += chunk
        done()
      },
    }),
  })
  stdin.write(FILE.slice(0, 10))
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  store.secretGrants.remove(ann.id, 'team')
  stdin.end(FILE.slice(10))
  t.is(await status, 1)
  t.is(err, notFound('team/x').err)
  t.deepEqual(store.secrets.list(), [])
})

test('who may not write is refused before anything is read', async t => {
  const { gateway, ben } = await bench(t)
  const stdin = new PassThrough()
  const status = await dispatcher(gateway)({
    actor: ben.actor,
    words: ['secrets:create', 'team/x', '--value-file', '-'],
    terminal: null,
    env: new Map(),
    signal: new AbortController().signal,
    stdin,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
  })
  t.is(status, 1)
})

test('what a deploy could not read back is not stored, however small the file was', async t => {
  const { run, ann, store } = await bench(t)
  const login = `robot:${'\u0001'.repeat(200_000)}`
  const file = JSON.stringify({ auths: { 'quay.io': entry(login) } })
  t.true(file.length < 300_000)
  const { status, err } = await run(ann, ['secrets:create', 'team/x', '--value-file', '-'], file)
  t.is(status, 1)
  t.regex(err, /standard input is too large for a file of registry credentials \(dockercfg-invalid\)/)
  t.is(store.secrets.find('team/x'), null)
})
