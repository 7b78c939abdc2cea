// registry:uri, registry:use and registry:generator.
import test from 'ava'
import { Secret } from '../../../src/domain/secret.ts'
import { refused, registryBench, said } from './registry-bench.ts'

const APP = ['--app', 'my-env/my-app']

test('an address is kept with its query, and never shown with it', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  t.deepEqual(
    await run(ann, ['registry:uri', ...APP]),
    said('No file of credentials is fetched for my-env/my-app.\n'),
  )
  t.deepEqual(
    await run(ann, ['registry:uri', 'https://files.example/config.json?sig=hunter2', ...APP]),
    said(
      'At every deploy, my-env/my-app fetches its credentials from https://files.example/config.json.\nNothing was fetched yet: `fairlead registry:explain IMAGE` does, and says what comes of it.\n',
    ),
  )
  t.is(store.registryUris.of(app.id)?.reveal(), 'https://files.example/config.json?sig=hunter2')
  t.deepEqual(await run(ann, ['registry:uri', ...APP]), said('https://files.example/config.json\n'))
  t.deepEqual(
    await run(ann, ['registry:uri', '--remove', ...APP]),
    said('No file is fetched for my-env/my-app any more.\n'),
  )
  t.is(store.registryUris.of(app.id), null)
  t.deepEqual(
    await run(ann, ['registry:uri', '--remove', ...APP]),
    said('No file of credentials is fetched for my-env/my-app.\n'),
  )
})

test('an address that cannot be used is refused, and what was set stays', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  await run(ann, ['registry:uri', 'https://files.example/one', ...APP])
  for (const word of [
    'http://files.example/?sig=hunter2',
    'https://u:hunter2@files.example/',
    'file:///../x',
  ]) {
    const { status, err } = await run(ann, ['registry:uri', word, ...APP])
    t.is(status, 1)
    t.regex(err, /\(usage\)/)
    t.false(err.includes('hunter2'))
  }
  const both = await run(ann, ['registry:uri', 'https://files.example/two', '--remove', ...APP])
  t.regex(both.err, /An address and --remove do not go together\./)
  t.is(store.registryUris.of(app.id)?.reveal(), 'https://files.example/one')
  t.regex(
    (await run(member('bea', 'observe'), ['registry:uri', ...APP])).err,
    /the role deploy \(forbidden\)/,
  )
})

test('a secret is used only by who has the right on its path, and a missing one is answered alike', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'admin')
  store.secrets.put('team/pullConfig', new Secret('{}'), 'zoe')
  const use = (path: string) => run(ann, ['registry:use', '--secret', path, ...APP])
  const hidden = await use('team/pullConfig')
  t.is(hidden.status, 1)
  t.regex(
    hidden.err,
    /The secret team\/pullConfig was not found, or you have no right on its path \(secret-not-found\)/,
  )
  t.is((await use('team/nothing')).err, hidden.err.replaceAll('pullConfig', 'nothing'))
  t.is(store.secrets.usedBy(app.id), null)

  store.secretGrants.add(ann.id, 'team')
  t.deepEqual(
    await use('/team/pullConfig'),
    said('my-env/my-app uses the credentials of the secret team/pullConfig.\n'),
  )
  t.is(store.secrets.usedBy(app.id), 'team/pullConfig')
  t.deepEqual(await run(ann, ['registry:use', ...APP]), said('team/pullConfig\n'))
  t.regex((await use('team/nothing')).err, /\(secret-not-found\)/)
  t.regex((await use('../x')).err, /is not the path of a secret \(name-invalid\)/)

  const observer = member('bea', 'observe')
  store.secretGrants.add(observer.id, 'team')
  const asObserver = await run(observer, ['registry:use', '--secret', 'team/pullConfig', ...APP])
  t.regex(asObserver.err, /it needs the role deploy \(forbidden\)/)
})

test('an app stops using its secret', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  store.secrets.put('team/pullConfig', new Secret('{}'), 'zoe')
  store.secrets.use(app.id, 'team/pullConfig', 'zoe')
  const both = await run(ann, ['registry:use', '--remove', '--secret', 'team/pullConfig', ...APP])
  t.regex(both.err, /--secret and --remove do not go together\./)
  t.deepEqual(
    await run(ann, ['registry:use', '--remove', ...APP]),
    said('my-env/my-app does not use the secret team/pullConfig any more.\n'),
  )
  t.is(store.secrets.usedBy(app.id), null)
  for (const words of [[], ['--remove']]) {
    t.deepEqual(await run(ann, ['registry:use', ...words, ...APP]), said('my-env/my-app uses no secret.\n'))
  }
})

const GENERATOR = ['registry:generator', 'ecr', '--image', 'acme/ecr:1']

test('a generator is kept with its variables, of which the names are printed', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const words = [
    ...GENERATOR,
    '--env-file',
    '-',
    '--ttl',
    '11h',
    '--timeout',
    '90s',
    '--host',
    'https://Quay.io/',
    ...APP,
  ]
  t.deepEqual(
    await run(ann, words, 'REGION=eu\nKEY=hunter2\n'),
    said('Generator ecr set for my-env/my-app: acme/ecr:1, for quay.io, used for 11h, with KEY, REGION.\n'),
  )
  const [made] = store.registryGenerators.list(app.id)
  t.is(made?.env.get('KEY')?.reveal(), 'hunter2')
  t.deepEqual(
    { ...made, env: null, id: null },
    {
      id: null,
      name: 'ecr',
      image: 'acme/ecr:1',
      env: null,
      ttl: 39_600,
      timeout: 90,
      host: 'quay.io',
      addDocker: false,
    },
  )
  t.deepEqual(
    await run(ann, [...GENERATOR, ...APP]),
    said(
      'Generator ecr replaced for my-env/my-app: acme/ecr:1, for any registry, run at every deploy, without variables.\n',
    ),
  )
  const [second, ...others] = store.registryGenerators.list(app.id)
  t.deepEqual(others, [])
  t.like(second, { ttl: 0, timeout: 60, host: null })
  t.deepEqual(
    await run(ann, ['registry:generator', 'gcr', '--remove', ...APP]),
    refused(
      ' !     my-env/my-app has no generator gcr (not-found)',
      '       What we saw:   It has: ecr',
      '       What to do:    `fairlead registry:list` lists them.',
    ),
  )
  t.deepEqual(
    await run(ann, ['registry:generator', 'ecr', '--remove', ...APP]),
    said('Generator ecr removed from my-env/my-app.\n'),
  )
  t.regex(
    (await run(ann, ['registry:generator', 'ecr', '--remove', ...APP])).err,
    /What we saw: {3}It has none\./,
  )
})

test('what a generator cannot be is said in words of its own, and nothing is kept', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  for (const [words, sentence] of [
    [['ecr'], /It needs --image IMAGE, or --remove\./],
    [['E!', '--image', 'a/b'], /"E!" is not a name for a generator \(name-invalid\)/],
    [['ecr', '--image', 'A/b'], /\(image-reference-invalid\)/],
    [['ecr', '--image', 'a/b', '--ttl', '25h'], /--ttl is a time from 0s to 24h, for example 11h\./],
    [['ecr', '--image', 'a/b', '--ttl', 'soon'], /--ttl is a time/],
    [['ecr', '--image', 'a/b', '--timeout', '0'], /--timeout is a time from 1s to 10m, for example 90s\./],
    [['ecr', '--image', 'a/b', '--timeout', '11m'], /--timeout is a time/],
    [['ecr', '--image', 'a/b', '--host', 'quay'], /--host is the host of a registry, for example quay\.io\./],
    [
      ['ecr', '--image', 'a/b', '--env-file', 'x.env'],
      /Only the CLI can read a file of yours\. Over plain ssh, use --env-file - < FILE\./,
    ],
    [['ecr', '--image', 'a/b', '--env-file', '-'], /1 line|a line that cannot be read/],
  ] as const) {
    const heard = await run(ann, ['registry:generator', ...words, ...APP], 'no assignment')
    t.is(heard.status, 1, words.join(' '))
    t.regex(heard.err, sentence)
  }
  t.deepEqual(store.registryGenerators.list(app.id), [])
})

test("the engine's socket is an operator's to give, who is told what it gives away", async t => {
  const { run, member, store, app } = await registryBench(t)
  const heard = await run(member('ann', 'admin'), [...GENERATOR, '--add-docker', ...APP])
  t.regex(heard.err, /You may not do this on this gateway: it needs an operator of the gateway \(forbidden\)/)
  t.deepEqual(store.registryGenerators.list(app.id), [])
  t.deepEqual(
    await run(member('zoe', 'operator'), [...GENERATOR, '--add-docker', ...APP]),
    said(
      "Generator ecr set for my-env/my-app: acme/ecr:1, for any registry, run at every deploy, without variables, with the engine's socket.\nWho controls the image acme/ecr:1 controls the machine of the stack local from now on, and every container on it.\n",
    ),
  )
  t.true(store.registryGenerators.list(app.id)[0]?.addDocker)
  // What somebody else sets in its place has not got it.
  await run(member('bob', 'deploy'), ['registry:generator', 'ecr', '--image', 'evil/x', ...APP])
  t.false(store.registryGenerators.list(app.id)[0]?.addDocker)
})
