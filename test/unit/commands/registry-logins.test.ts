// registry:login, registry:import and registry:logout: whose they are, what is stored, and what is never repeated.
import test from 'ava'
import { refused, registryBench, said } from './registry-bench.ts'

const APP = ['--app', 'my-env/my-app']
const LOGIN = ['registry:login', 'ghcr.io/acme', '--username', 'robot', '--password-stdin']

test('a login that the registry accepts is stored without its line end, and a second one replaces it', async t => {
  const { run, member, store, app, asked } = await registryBench(t)
  const ann = member('ann', 'deploy')
  t.deepEqual(
    await run(ann, [...LOGIN, ...APP], 'se cret\r\n'),
    said('Stored for my-env/my-app: user robot at ghcr.io/acme (accepted by the registry).\n'),
  )
  t.deepEqual(asked, [{ image: 'ghcr.io/acme', user: 'robot', password: 'se cret' }])
  t.deepEqual(
    await run(ann, [...LOGIN, ...APP], 'two\n\n'),
    said('Login replaced for my-env/my-app: user robot at ghcr.io/acme (accepted by the registry).\n'),
  )
  const [found, ...more] = store.registryCredentials.forHost(app, 'ghcr.io')
  t.deepEqual(more, [])
  t.is(found?.scope, 'app')
  t.is(found?.auth.password.reveal(), 'two\n')
  t.is(store.registryCredentials.list({ kind: 'app', id: app.id })[0]?.actor, 'ann')
})

test('<token> as the user is an identity token, and Docker Hub has one name', async t => {
  const { run, member, store, app } = await registryBench(t)
  const words = ['registry:login', 'https://index.docker.io/v1/', '-u', '<token>', '--password-stdin', ...APP]
  t.deepEqual(
    await run(member('ann', 'deploy'), words, 'abc'),
    said('Stored for my-env/my-app: an identity token at docker.io (accepted by the registry).\n'),
  )
  const [found] = store.registryCredentials.forHost(app, 'docker.io')
  t.is(found?.auth.kind, 'identity-token')
  t.is(found?.auth.path, '')
})

test('a login that the registry refuses is not stored, and is said so', async t => {
  const { run, member, store, app } = await registryBench(t, { refuse: () => 'registry-login-failed' })
  t.deepEqual(
    await run(member('ann', 'deploy'), [...LOGIN, ...APP], 'secret'),
    refused(
      ' !     Refused (registry-login-failed)',
      '       What we saw:   A 401.',
      '       What to do:    Do better. Nothing was stored.',
    ),
  )
  t.deepEqual(store.registryCredentials.forHost(app, 'ghcr.io'), [])
})

test('a registry that cannot be asked leaves nothing stored, unless --no-check says so', async t => {
  const { run, member, store, app, asked } = await registryBench(t, { refuse: () => 'registry-unreachable' })
  const ann = member('ann', 'deploy')
  t.deepEqual(
    await run(ann, [...LOGIN, ...APP], 'secret'),
    refused(
      ' !     Refused (registry-unreachable)',
      '       What we saw:   A 401.',
      '       What to do:    Do better. Nothing was stored; --no-check stores it without asking the registry.',
    ),
  )
  t.deepEqual(store.registryCredentials.forHost(app, 'ghcr.io'), [])
  t.deepEqual(
    await run(ann, [...LOGIN, '--no-check', ...APP], 'secret'),
    said('Stored for my-env/my-app: user robot at ghcr.io/acme (not checked).\n'),
  )
  t.is(asked.length, 1)
})

test('a password among the words is refused, and neither it nor what stands beside it is repeated', async t => {
  const { run, member } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const inWords = refused(
    ' !     `registry:login` was called with wrong words (usage)',
    '       What we saw:   A password is no word of a command: others can see those. Add --password-stdin and write it to standard input. If the one you gave was real, change it.',
    '       What to do:    fairlead registry:login HOST[/PATH] --username USER --password-stdin — see `fairlead help registry:login`.',
  )
  for (const words of [
    ['--password', 'hunter2'],
    ['--password=hunter2'],
    ['--password'],
    ['-p', 'hunter2'],
    ['-phunter2'],
    ['--pass', 'hunter2'],
    ['hunter2', '--passwd=hunter2'],
  ]) {
    t.deepEqual(await run(ann, ['registry:login', 'quay.io', '-u', 'x', ...words, ...APP]), inWords, words[0])
  }
  t.deepEqual(
    await run(ann, [...LOGIN, 'hunter2', ...APP]),
    refused(
      ' !     `registry:login` was called with wrong words (usage)',
      '       What we saw:   There are more words than the one that names a host.',
      '       What to do:    fairlead registry:login HOST[/PATH] --username USER --password-stdin — see `fairlead help registry:login`.',
    ),
  )
})

test('what is missing or cannot be is said in words of its own', async t => {
  const { run, member, asked } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const seen = async (words: string[], input = 'secret') =>
    /What we saw: +(.*)/.exec((await run(ann, ['registry:login', ...words, ...APP], input)).err)?.[1]
  t.is(await seen(['quay.io', '--password-stdin']), 'It needs --username USER.')
  t.is(
    await seen(['quay.io', '--username', 'a:b', '--password-stdin']),
    "The user's name holds a ':' or a control character, which no login can carry.",
  )
  t.is(
    await seen(['quay.io', '--username', 'x']),
    'The password comes on standard input: add --password-stdin.',
  )
  t.is(
    await seen(['quay.io', '--username', 'x', '--password-stdin'], '\n'),
    'Standard input is empty: no password came. Write it there, for example with `< FILE`.',
  )
  t.is(
    await seen(['quay.io', '--username', 'x', '--password-stdin', '--stack', 'local']),
    '--stack goes with neither --app nor --environment.',
  )
  t.deepEqual(asked, [])
})

test('what names no registry is refused and not repeated, since it may hold a login', async t => {
  const { run, member } = await registryBench(t)
  const ann = member('ann', 'deploy')
  for (const place of [
    'robot:hunter2@quay.io',
    'https://robot:hunter2@quay.io/',
    'quay',
    'quay.io/Acme',
    'quay.io/a/../b',
    'quay.io/a:b',
    '127.1',
  ]) {
    t.deepEqual(
      await run(ann, ['registry:login', place, '--username', 'x', '--password-stdin', ...APP], 'secret'),
      refused(
        ' !     The first word is not the host of a registry, nor a host with a path (usage)',
        '       What to do:    Write the host as it stands in image names, without user, password or tag, and behind it, in lower case, the path where the login is for that part only: quay.io, ghcr.io/acme, registry.example.com:5000.',
      ),
      place,
    )
  }
})

test('the app of the checkout is meant where none is named; an environment or a stack has to be named', async t => {
  const { run, member, newApp, store, app } = await registryBench(t)
  await newApp('second')
  const zoe = member('zoe', 'operator')
  const context = '@my-env/my-app'
  t.regex((await run(zoe, [context, ...LOGIN], 's')).out, /^Stored for my-env\/my-app: /)
  t.regex(
    (await run(zoe, [context, ...LOGIN, '--environment', 'my-env'], 's')).out,
    /^Stored for the environment my-env: /,
  )
  t.regex((await run(zoe, [context, ...LOGIN, '--stack', 'local'], 's')).out, /^Stored for the stack local: /)
  t.deepEqual(
    store.registryCredentials.forHost(app, 'ghcr.io').map(({ scope }) => scope),
    ['app', 'environment', 'stack'],
  )
  t.regex((await run(zoe, LOGIN, 's')).err, /is about an app, and none is named \(usage\)/)
  t.regex((await run(zoe, [...LOGIN, '--stack', 'nowhere'], 's')).err, /No stack nowhere \(stack-not-found\)/)
})

test('an environment needs an admin, a stack an operator, an app the role deploy', async t => {
  const { run, member, asked } = await registryBench(t)
  const [observer, deployer, admin] = [
    member('bea', 'observe'),
    member('dan', 'deploy'),
    member('eve', 'admin'),
  ]
  const err = async (by: typeof observer, ...where: string[]) =>
    (await run(by, [...LOGIN, ...where], 's')).err
  t.regex(await err(observer, ...APP), /You may not do this in my-env\/my-app: it needs the role deploy/)
  t.regex(await err(deployer, '--environment', 'my-env'), /in my-env: it needs the role admin \(forbidden\)/)
  t.regex(await err(admin, '--stack', 'local'), /it needs an operator of the gateway \(forbidden\)/)
  t.regex(await err(admin, '--environment', 'other'), /other was not found, or you may not see it/)
  t.deepEqual(asked, [], 'nobody is asked for somebody who may not')
  t.is(await err(deployer, ...APP), '')
  t.is(await err(admin, '--environment', 'my-env'), '')

  const import_ = await run(deployer, ['registry:import', '-', '--environment', 'my-env'], '{"auths":{}}')
  t.regex(import_.err, /it needs the role admin \(forbidden\)/)
  const logout = await run(deployer, ['registry:logout', 'ghcr.io', '--environment', 'my-env'])
  t.regex(logout.err, /it needs the role admin \(forbidden\)/)
  t.regex((await run(observer, ['registry:list', ...APP])).err, /it needs the role deploy/)
  t.regex((await run(deployer, ['registry:list', '--environment', 'my-env'])).err, /the role admin/)
  t.regex((await run(admin, ['registry:list', '--stack', 'local'])).err, /an operator/)
})

test('who loses the right while the registry is asked stores nothing', async t => {
  const { run, member, store, app, during } = await registryBench(t)
  for (const [name, where] of [
    ['ann', APP],
    ['bob', ['--environment', 'my-env']],
  ] as const) {
    const them = member(name, 'admin')
    during.question = them.lose
    t.regex((await run(them, [...LOGIN, ...where], 's')).err, /-not-found\)/)
  }
  t.deepEqual(store.registryCredentials.forHost(app, 'ghcr.io'), [])
})

const CONFIG = JSON.stringify({
  auths: {
    'quay.io': { auth: Buffer.from('robot:secret').toString('base64') },
    'https://index.docker.io/v1/': { auth: Buffer.from('ann:pass word').toString('base64') },
  },
})

test('a file is imported whole, and nobody is asked about what is in it', async t => {
  const { run, member, store, app, asked } = await registryBench(t)
  const heard = await run(member('ann', 'deploy'), ['registry:import', '-', ...APP], CONFIG)
  t.deepEqual(
    heard,
    said(
      'Stored for my-env/my-app:\n  user robot at quay.io\n  user ann at docker.io\nNone of them was shown to its registry. `fairlead registry:explain IMAGE` asks for an image with what an app has.\n',
    ),
  )
  t.deepEqual(asked, [])
  t.is(store.registryCredentials.forHost(app, 'docker.io')[0]?.auth.password.reveal(), 'pass word')
})

test('more logins than a deploy can look through are not stored, not even a part of them', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  const file = (team: number) =>
    JSON.stringify(
      Object.fromEntries(
        Array.from({ length: 1000 }, (_, n) => [
          `ghcr.io/team-${team}/repo-${n}`,
          { auth: btoa('u:secret') },
        ]),
      ),
    )
  const stored = () => store.registryCredentials.list({ kind: 'app', id: app.id }).length
  for (const team of [1, 2, 2]) t.is((await run(ann, ['registry:import', '-', ...APP], file(team))).status, 0)
  t.is(stored(), 2000)
  t.deepEqual(
    await run(ann, [...LOGIN, '--no-check', ...APP], 'secret'),
    refused(
      ' !     With these, more than 2000 logins would be stored for my-env/my-app; none of them was (usage)',
      '       What we saw:   2000 are stored for it.',
      '       What to do:    Remove those of a registry that is not used any more with `fairlead registry:logout HOST --app my-env/my-app`, or store one login for all of a host instead of one for each path.',
    ),
  )
  t.is(stored(), 2000)
})

test('a file that is not on standard input, or holds nothing, is refused', async t => {
  const { run, member } = await registryBench(t)
  const ann = member('ann', 'deploy')
  t.deepEqual(
    await run(ann, ['registry:import', 'config.json', ...APP]),
    refused(
      ' !     `registry:import` was called with wrong words (usage)',
      '       What we saw:   Only the CLI can read a file of yours. Over plain ssh, write `registry:import - < FILE`.',
      '       What to do:    fairlead registry:import FILE — see `fairlead help registry:import`.',
    ),
  )
  t.deepEqual(
    await run(ann, ['registry:import', '-', ...APP], '{"auths":{}}'),
    refused(
      ' !     standard input holds no login for any registry (dockercfg-invalid)',
      '       What to do:    Write one with `docker --config DIR login HOST`, where DIR is an empty directory: it is then in DIR/config.json.',
    ),
  )
})

test('logout forgets one path, or all of a host, and says which', async t => {
  const { run, member, store, app } = await registryBench(t)
  const ann = member('ann', 'deploy')
  for (const place of ['quay.io', 'quay.io/acme', 'quay.io/acme/shop']) {
    await run(ann, ['registry:login', place, '--username', 'robot', '--password-stdin', ...APP], 'secret')
  }
  t.deepEqual(
    await run(ann, ['registry:logout', 'quay.io/acme', ...APP]),
    said('Removed for my-env/my-app: user robot at quay.io/acme.\n'),
  )
  t.deepEqual(
    await run(ann, ['registry:logout', 'quay.io/acme', ...APP]),
    refused(
      ' !     No login for quay.io/acme is stored for my-env/my-app (not-found)',
      '       What we saw:   Stored are: user robot at quay.io; user robot at quay.io/acme/shop',
      '       What to do:    `fairlead registry:list --app my-env/my-app` lists them.',
    ),
  )
  t.deepEqual(
    await run(ann, ['registry:logout', 'quay.io', ...APP]),
    said(
      'Removed for my-env/my-app: user robot at quay.io.\nRemoved for my-env/my-app: user robot at quay.io/acme/shop.\n',
    ),
  )
  t.deepEqual(store.registryCredentials.forHost(app, 'quay.io'), [])
  t.regex(
    (await run(ann, ['registry:logout', 'quay.io', ...APP])).err,
    /What we saw: +None is stored for it\.\n/,
  )
})
