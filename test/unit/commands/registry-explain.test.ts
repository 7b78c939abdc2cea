// registry:explain: every source in order, what a registry answers to each credential, and never a secret.
import { execFileSync } from 'node:child_process'
import { armor, Encrypter } from 'age-encryption'
import test from 'ava'
import { Secret } from '../../../src/domain/secret.ts'
import { DIGEST_LINE, refused, registryBench, said } from './registry-bench.ts'

const APP = ['--app', 'my-env/my-app']
const IMAGE = 'quay.io/acme/shop:v1'
const EXPLAIN = ['registry:explain', IMAGE, ...APP]

const auth = (path: string, username: string, host = 'quay.io') => ({
  host,
  path,
  username,
  kind: 'password' as const,
  password: new Secret(`hunter2-${username}`),
})

const listing = (...sources: string[]) => [
  `${IMAGE}, for my-env/my-app on the stack local`,
  'Credentials for quay.io, in the order in which they are offered:',
  ...sources.map((line, i) => `  ${i + 1}. ${line}`),
  'Answers of quay.io:',
]
const lines = (...all: string[]) => all.map(line => `${line}\n`).join('')

const NOTHING = [
  'APTIBLE_PRIVATE_REGISTRY_*: not set',
  'dockercfg.encrypted: not set',
  'registry:login for the app my-env/my-app: nothing for quay.io',
  'registry:login for the environment my-env: nothing for quay.io',
  'registry:login for the stack local: nothing for quay.io',
  'registry:uri: not set',
  'registry:use --secret: not set',
  'registry:generator: not set',
]

test('an app without credentials asks as nobody', async t => {
  const { run, member, asked } = await registryBench(t)
  t.deepEqual(
    await run(member('ann', 'deploy'), EXPLAIN),
    said(lines(...listing(...NOTHING), '  as nobody: accepted', DIGEST_LINE)),
  )
  t.deepEqual(asked, [{ image: IMAGE, user: null, password: null }])
})

test('every credential is offered in order until one is accepted, the longest path of a source first', async t => {
  const { run, member, store, app, configure, asked } = await registryBench(t, {
    refuse: each => (each?.username === 'last' ? undefined : 'registry-denied'),
  })
  configure({
    APTIBLE_PRIVATE_REGISTRY_HOST: 'quay.io',
    APTIBLE_PRIVATE_REGISTRY_USERNAME: 'ours',
    APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'hunter2-ours',
  })
  const { registryCredentials } = store
  registryCredentials.put(
    { kind: 'app', id: app.id },
    [auth('', 'whole'), auth('acme', 'part'), auth('acme2', 'other'), auth('', 'else', 'ghcr.io')],
    'ann',
  )
  registryCredentials.put({ kind: 'environment', id: app.environmentId }, [auth('acme/shop', 'last')], 'ann')
  registryCredentials.put({ kind: 'stack', name: 'local' }, [auth('', 'never')], 'zoe')

  const { out, err, status } = await run(member('ann', 'deploy'), EXPLAIN)
  t.is(
    out,
    lines(
      ...listing(
        'APTIBLE_PRIVATE_REGISTRY_*: user ours at quay.io (offer 1)',
        'dockercfg.encrypted: not set',
        'registry:login for the app my-env/my-app: user part at quay.io/acme (offer 2), user whole at quay.io (offer 3), user other at quay.io/acme2 (not for this image)',
        'registry:login for the environment my-env: user last at quay.io/acme/shop (offer 4)',
        'registry:login for the stack local: user never at quay.io (offer 5)',
        'registry:uri: not set',
        'registry:use --secret: not set',
        'registry:generator: not set',
      ),
      '  as user ours (APTIBLE_PRIVATE_REGISTRY_*): Refused (registry-denied)',
      '  as user part (registry:login for the app my-env/my-app): Refused (registry-denied)',
      '  as user whole (registry:login for the app my-env/my-app): Refused (registry-denied)',
      '  as user last (registry:login for the environment my-env): accepted',
      DIGEST_LINE,
    ),
  )
  t.deepEqual([status, err], [0, ''])
  t.deepEqual(
    asked.map(({ user }) => user),
    ['ours', 'part', 'whole', 'last'],
  )
})

test('when all are refused it ends with the Problem that a deploy ends with, and status 1', async t => {
  const { run, member, store, app } = await registryBench(t, { refuse: () => 'registry-login-failed' })
  store.registryCredentials.put({ kind: 'app', id: app.id }, [auth('', 'a'), auth('acme', 'b')], 'ann')
  const { out, err, status } = await run(member('ann', 'deploy'), EXPLAIN)
  t.is(status, 1)
  t.true(
    out.endsWith(
      lines(
        '  as user b (registry:login for the app my-env/my-app): Refused (registry-login-failed)',
        '  as user a (registry:login for the app my-env/my-app): Refused (registry-login-failed)',
      ),
    ),
  )
  t.is(
    err,
    refused(
      ' !     Refused (registry-login-failed)',
      '       What we saw:   b, from registry:login for the app my-env/my-app: A 401.',
      '                      a, from registry:login for the app my-env/my-app: A 401.',
      '       What to do:    Do better.',
    ).err,
  )
})

test('an answer that is no refusal ends it: the next credential would hear the same', async t => {
  const { run, member, store, app, asked } = await registryBench(t, { refuse: () => 'registry-unreachable' })
  store.registryCredentials.put({ kind: 'app', id: app.id }, [auth('', 'a'), auth('acme', 'b')], 'ann')
  const { err, status } = await run(member('ann', 'deploy'), EXPLAIN)
  t.is(status, 1)
  t.regex(err, /\(registry-unreachable\)/)
  t.is(asked.length, 1)
})

test('a source that cannot be read is named, and what stands behind it is not reached', async t => {
  const { run, member, store, app, asked } = await registryBench(t)
  store.secrets.put('team/cfg', new Secret('no json'), 'ann')
  store.secrets.use(app.id, 'team/cfg', 'ann')
  store.registryGenerators.put(
    app.id,
    { name: 'ecr', image: 'x/y', env: new Map(), ttl: 0, timeout: 1, host: 'other.io', addDocker: false },
    'ann',
  )
  const { out, err, status } = await run(member('ann', 'deploy'), EXPLAIN)
  t.is(status, 1)
  t.regex(
    out,
    / {2}7\. secret team\/cfg: cannot be read, and a deploy that comes to it ends: Failed to parse dockercfg.* \(dockercfg-invalid\)\n {2}8\. generator ecr: nothing for quay\.io\n/,
  )
  t.regex(err, /^ ! {5}Failed to parse dockercfg.*\(dockercfg-invalid\)\n/)
  t.deepEqual(asked, [])
})

test('a generator is run, is said to be, and leaves nothing on the stack', async t => {
  const auths = { 'quay.io': { auth: Buffer.from('AWS:hunter2-of-aws').toString('base64') } }
  const { run, member, store, app, engine, tags } = await registryBench(t, {
    image: () => ({ entrypoint: ['/generate'], command: [] }),
    program: () => ({ writes: { '/fairlead/dockercfg': JSON.stringify({ auths }) }, exits: 0 }),
  })
  store.registryGenerators.put(
    app.id,
    { name: 'ecr', image: 'x/y', env: new Map(), ttl: 0, timeout: 9, host: null, addDocker: false },
    'ann',
  )
  const { out, err, status } = await run(member('ann', 'deploy'), EXPLAIN)
  t.deepEqual([status, err], [0, ''])
  t.is(out.match(/-----> Running the generator ecr\n/g)?.length, 1)
  t.regex(out, / {2}8\. generator ecr: user AWS at quay\.io \(offer 1\)\n/)
  t.regex(out, / {2}as user AWS \(generator ecr\): accepted\n/)
  t.false(out.includes('hunter2'))
  t.deepEqual(engine.containers, [])
  t.deepEqual(tags(), [])
})

test('dockercfg.encrypted of the branch that is deployed counts, and no secret is printed', async t => {
  const { run, member, ground, app, commit } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const { out: recipient } = await run(ann, ['registry:key', ...APP])
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient.trim())
  const basic = (login: string) => ({ auth: Buffer.from(login).toString('base64') })
  const json = JSON.stringify({
    auths: { 'quay.io': basic('robot:hunter2'), 'ghcr.io': basic('x:hunter2') },
  })
  const id = await commit({
    'dockercfg.encrypted': armor.encode(await encrypter.encrypt(json)),
  })
  execFileSync('git', [
    '--git-dir',
    ground.repositories.path(app.name),
    'update-ref',
    'refs/heads/master',
    id,
  ])
  const { out, err } = await run(ann, EXPLAIN)
  t.regex(out, /2\. dockercfg\.encrypted: user robot at quay\.io \(offer 1\)\n/)
  t.regex(out, /as user robot \(dockercfg\.encrypted\): accepted\n/)
  t.false(`${out}${err}`.includes('hunter2'))
})

test("without a word it is the app's own image; with neither, it is said", async t => {
  const { run, member, configure, asked } = await registryBench(t)
  const ann = member('ann', 'deploy')
  t.deepEqual(
    await run(ann, ['registry:explain', ...APP]),
    refused(
      ' !     `registry:explain` was called with wrong words (usage)',
      '       What we saw:   It needs an IMAGE, since APTIBLE_DOCKER_IMAGE is not set for the app.',
      '       What to do:    fairlead registry:explain [IMAGE] — see `fairlead help registry:explain`.',
    ),
  )
  configure({ APTIBLE_DOCKER_IMAGE: 'acme/shop' })
  t.is((await run(ann, ['registry:explain', ...APP])).status, 0)
  t.is(asked.at(-1)?.image, 'docker.io/acme/shop:latest')
  t.regex((await run(ann, ['registry:explain', 'A', ...APP])).err, /\(image-reference-invalid\)/)
  t.regex((await run(member('bea', 'observe'), EXPLAIN)).err, /it needs the role deploy/)
})

test("what a deploy of the app's own image refuses unasked is refused here too", async t => {
  const { run, member, configure, asked } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const login = {
    APTIBLE_PRIVATE_REGISTRY_USERNAME: 'ours',
    APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'hunter2',
  }
  configure({ ...login, APTIBLE_DOCKER_IMAGE: 'quay.io/acme/shop' })
  t.regex((await run(ann, ['registry:explain', ...APP])).err, /\(registry-host-unset\)/)
  configure({
    ...login,
    APTIBLE_DOCKER_IMAGE: 'acme/shop',
    APTIBLE_PRIVATE_REGISTRY_HOST: 'quay.io',
  })
  t.regex((await run(ann, ['registry:explain', ...APP])).err, /\(registry-host-mismatch\)/)
  t.deepEqual(asked, [])
  t.is((await run(ann, ['registry:explain', 'ghcr.io/acme/shop', ...APP])).status, 0)
})

test('a stack of version 1 is said to use no private registries, and none is offered there', async t => {
  const { run, member, store, app, asked } = await registryBench(t, { stack: { version: 1 } })
  store.registryCredentials.put({ kind: 'app', id: app.id }, [auth('', 'a')], 'ann')
  t.deepEqual(
    await run(member('ann', 'deploy'), EXPLAIN),
    said(
      lines(
        `${IMAGE}, for my-env/my-app on the stack local`,
        'The stack local is of version 1: private registries are not used there, and no credential is offered.',
        'Answers of quay.io:',
        '  as nobody: accepted',
        DIGEST_LINE,
      ),
    ),
  )
  t.deepEqual(
    asked.map(({ user }) => user),
    [null],
  )
})
