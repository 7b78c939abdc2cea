// registry:list: what an app can use, in the order in which it is offered, and never a password.
import test from 'ava'
import { Secret } from '../../../src/domain/secret.ts'
import { registryBench, said } from './registry-bench.ts'

const APP = ['--app', 'my-env/my-app']
const auth = (host: string, path: string, username: string) => ({
  host,
  path,
  username,
  kind: 'password' as const,
  password: new Secret('hunter2'),
})
/** Columns of a table, without the dates in them. */
const rows = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map(line => line.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, 'DATE').split(/ {2,}/))

test('an app with nothing is told so of every source', async t => {
  const { run, member } = await registryBench(t)
  const { status, out } = await run(member('ann', 'deploy'), ['registry', ...APP])
  t.is(status, 0)
  t.deepEqual(rows(out), [
    ['ORDER', 'SOURCE', 'FOR', 'USER', 'ABOUT'],
    ['1', 'APTIBLE_PRIVATE_REGISTRY_*', '-', '-', 'not set'],
    ['2', 'dockercfg.encrypted', '-', '-', 'no key yet: `fairlead registry:key` makes it'],
    ['3', 'registry:login for the app my-env/my-app', '-', '-', 'not set'],
    ['4', 'registry:login for the environment my-env', '-', '-', 'not set'],
    ['5', 'registry:login for the stack local', '-', '-', 'not set'],
    ['6', 'registry:uri', '-', '-', 'not set'],
    ['7', 'registry:use --secret', '-', '-', 'not set'],
    ['8', 'registry:generator', '-', '-', 'not set'],
  ])
})

test('what an app has is listed in order, with users and hosts and without a secret', async t => {
  const { run, member, store, app, configure, gateway } = await registryBench(t)
  const ann = member('ann', 'deploy')
  configure({
    APTIBLE_PRIVATE_REGISTRY_HOST: 'quay.io',
    APTIBLE_PRIVATE_REGISTRY_USERNAME: 'ours',
    APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'hunter2',
  })
  const pair = await gateway.credentialFiles.makeKeyPair()
  store.registryKeys.replace(app.id, pair, 'ann')
  const { registryCredentials } = store
  registryCredentials.put(
    { kind: 'app', id: app.id },
    [auth('ghcr.io', 'acme', 'robot'), auth('ghcr.io', '', 'bot')],
    'ann',
  )
  registryCredentials.put(
    { kind: 'environment', id: app.environmentId },
    [auth('docker.io', '', 'team')],
    'bob',
  )
  registryCredentials.put({ kind: 'stack', name: 'local' }, [auth('docker.io', '', 'all')], 'zoe')
  store.registryUris.set(app.id, new Secret('https://files.example/config.json?token=hunter2'), 'ann')
  store.secrets.put('team/pullConfig', new Secret('{"hunter2":1}'), 'ann')
  store.secrets.use(app.id, 'team/pullConfig', 'ann')
  store.registryGenerators.put(
    app.id,
    {
      name: 'ecr',
      image: 'acme/ecr:1',
      env: new Map([
        ['B', new Secret('hunter2')],
        ['A', new Secret('hunter2')],
      ]),
      ttl: 39_600,
      timeout: 60,
      host: 'ecr.example',
      addDocker: true,
    },
    'ann',
  )

  const { out } = await run(ann, ['registry:list', ...APP])
  t.false(out.includes('hunter2'))
  t.deepEqual(rows(out).slice(1), [
    ['1', 'APTIBLE_PRIVATE_REGISTRY_*', 'quay.io', 'ours', 'variables of the app'],
    ['2', 'dockercfg.encrypted', '-', '-', `encrypted for ${pair.recipient}`],
    ['3', 'registry:login for the app my-env/my-app', 'ghcr.io', 'bot', 'stored by ann, DATE'],
    ['3', 'registry:login for the app my-env/my-app', 'ghcr.io/acme', 'robot', 'stored by ann, DATE'],
    ['4', 'registry:login for the environment my-env', 'docker.io', 'team', 'stored by bob, DATE'],
    ['5', 'registry:login for the stack local', 'docker.io', 'all', 'stored by zoe, DATE'],
    ['6', 'registry:uri', '-', '-', 'https://files.example/config.json'],
    ['7', 'registry:use --secret', '-', '-', 'team/pullConfig'],
    [
      '8',
      'generator ecr',
      'ecr.example',
      '-',
      "acme/ecr:1, for ecr.example, used for 11h, with A, B, with the engine's socket",
    ],
  ])
  const json = JSON.parse((await run(ann, ['registry:list', '--json', ...APP])).out)
  t.deepEqual(json[0], {
    order: 1,
    source: 'APTIBLE_PRIVATE_REGISTRY_*',
    for: 'quay.io',
    user: 'ours',
    about: 'variables of the app',
  })
  t.is(json.length, 9)
})

test('half a credential in the variables is named as such', async t => {
  const { run, member, configure } = await registryBench(t)
  configure({ APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'hunter2' })
  const { out } = await run(member('ann', 'deploy'), ['registry:list', ...APP])
  t.is(
    rows(out)[1]?.[4],
    'APTIBLE_PRIVATE_REGISTRY_PASSWORD is set, but APTIBLE_PRIVATE_REGISTRY_USERNAME is not',
  )
})

test('of an environment or a stack only what is kept for it is listed', async t => {
  const { run, member, store, app } = await registryBench(t)
  const zoe = member('zoe', 'operator')
  t.deepEqual(
    await run(zoe, ['registry:list', '--stack', 'local']),
    said('None is stored for the stack local: `fairlead registry:login HOST --stack local` stores one.\n'),
  )
  store.registryCredentials.put(
    { kind: 'environment', id: app.environmentId },
    [auth('ghcr.io', 'acme', 'robot')],
    'bob',
  )
  const { out } = await run(zoe, ['registry:logins', '--environment', 'my-env'])
  t.deepEqual(rows(out), [
    ['FOR', 'USER', 'BY', 'SINCE'],
    ['ghcr.io/acme', 'robot', 'bob', 'DATE'],
  ])
})
