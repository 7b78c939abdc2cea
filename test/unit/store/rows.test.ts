import { createHash } from 'node:crypto'
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { bare, change, cut, deployBy, handle, opened, secrets, withApp } from './opened.ts'

const key = (n: number) => ({
  fingerprint: `SHA256:${createHash('sha256').update(String(n)).digest('base64')}`,
  type: 'ssh-ed25519',
  blob: Buffer.of(n),
  comment: `key ${n}`,
})

test('a member is found by name and by any of their keys, with their roles', t => {
  const { members, keys, environments } = opened(t)
  const env = environments.create(handle('my-env'), 'local')
  const ann = members.create(handle('ann'), true)
  const ben = members.create(handle('ben'), false)
  keys.add(ann.id, key(1))
  keys.add(ben.id, key(2))
  keys.add(ben.id, key(3))
  members.grant(env.id, ben.id, 'observe')
  members.grant(env.id, ben.id, 'deploy')
  t.deepEqual(members.byName('ann'), { id: ann.id, name: handle('ann'), operator: true })
  t.is(members.byName('nobody'), null)
  t.deepEqual(members.byKey(key(3).fingerprint), {
    member: ben,
    roles: new Map([[env.id, 'deploy']]),
    secretPaths: [],
  })
  t.is(members.byKey(key(4).fingerprint), null)
  t.deepEqual(members.list(), [ann, ben])
  t.deepEqual(members.operators(), [ann])
  t.deepEqual(members.inEnvironment(env.id), [{ member: ben, role: 'deploy' }])
  t.deepEqual(
    keys
      .list(ben.id)
      .map(({ comment, type }) => ({ comment, type }))
      .sort((a, b) => a.comment.localeCompare(b.comment)),
    [
      { comment: 'key 2', type: 'ssh-ed25519' },
      { comment: 'key 3', type: 'ssh-ed25519' },
    ],
  )
})

test('a role that is revoked and a member who is removed are gone with everything of theirs', t => {
  const { members, keys, environments } = opened(t)
  const env = environments.create(handle('my-env'), 'local')
  const ben = members.create(handle('ben'), false)
  keys.add(ben.id, key(1))
  members.grant(env.id, ben.id, 'admin')
  t.true(members.revoke(env.id, ben.id))
  t.false(members.revoke(env.id, ben.id))
  t.deepEqual(members.roles(ben.id), new Map())
  members.grant(env.id, ben.id, 'admin')
  members.remove(ben.id)
  members.remove(ben.id)
  t.is(members.byKey(key(1).fingerprint), null)
  t.deepEqual(members.inEnvironment(env.id), [])
  const next = members.create(handle('ben'), false)
  t.not(next.id, ben.id)
  t.deepEqual(members.roles(next.id), new Map())
  t.notThrows(() => keys.add(next.id, key(1)))
})

test('a key belongs to one member only, and the refusal does not say to whom', t => {
  const { members, keys } = opened(t)
  const [ann, ben] = [members.create(handle('ann'), false), members.create(handle('ben'), false)]
  keys.add(ann.id, key(1))
  const problem = t.throws(() => keys.add(ben.id, key(1)), { instanceOf: Problem })
  t.is(problem.code, 'name-taken')
  t.is(problem.headline, `The key ${key(1).fingerprint} is registered already`)
  t.false(JSON.stringify([problem.headline, problem.saw, problem.hint]).includes('ann'))
  t.false(keys.remove(ben.id, key(1).fingerprint))
  t.is(members.byKey(key(1).fingerprint)?.member.id, ann.id)
  t.true(keys.remove(ann.id, key(1).fingerprint))
  t.is(members.byKey(key(1).fingerprint), null)
})

test('names of members, environments and apps are taken once', t => {
  const { members, environments, apps } = opened(t)
  const env = environments.create(handle('one'), 'local')
  const two = environments.create(handle('two'), 'local')
  members.create(handle('ann'), false)
  apps.create(env.id, handle('shop'))
  for (const [again, headline] of [
    [() => members.create(handle('ann'), false), 'There is a member ann already'],
    [() => environments.create(handle('one'), 'local'), 'There is an environment one already'],
    [() => apps.create(env.id, handle('shop')), 'There is an app shop in this environment already'],
  ] as const) {
    const problem = t.throws(again, { instanceOf: Problem })
    t.is(problem.code, 'name-taken')
    t.is(problem.headline, headline)
  }
  t.notThrows(() => apps.create(two.id, handle('shop')))
})

test('an app is found by its full name and carries the stack of its environment', t => {
  const store = opened(t)
  const app = withApp(store, 'b-env', 'shop')
  withApp(store, 'a-env', 'shop')
  const name = { environment: handle('b-env'), app: handle('shop') }
  t.deepEqual(store.apps.find(name), app)
  t.deepEqual(app, { id: app.id, name, environmentId: app.environmentId, stack: 'local', liveRelease: null })
  t.is(store.apps.find({ ...name, app: handle('other') }), null)
  t.deepEqual(store.apps.byId(app.id), app)
  t.is(store.apps.byId(999), null)
  t.deepEqual(
    store.apps.list().map(each => each.name.environment as string),
    ['a-env', 'b-env'],
  )
  t.deepEqual(store.apps.list(app.environmentId), [app])
})

test('an environment with apps is not removed', t => {
  const store = opened(t)
  const app = withApp(store)
  const problem = t.throws(() => store.environments.remove(app.environmentId), { instanceOf: Problem })
  t.is(problem.code, 'usage')
  t.is(problem.headline, 'The environment still has 1 app')
  store.apps.remove(app.id)
  store.networks.record(app.environmentId, '10.210.0.0/26')
  store.environments.remove(app.environmentId)
  t.deepEqual(store.environments.list(), [])
  t.is(store.environments.byHandle('my-env'), null)
  t.deepEqual(store.networks.inUse('local'), [])
})

test('a removed app takes all its rows along, those of others stay, and its id is never given again', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  for (const each of [app, other]) {
    store.configs.write(each.id, secrets({ A: each.name.app }), change)
    const operation = store.operations.create(each.id, deployBy('ann'))
    store.operations.appendLine(operation.id, 'a line')
    store.releases.promote(each.id, store.releases.create(each.id, cut(operation.number)).number)
  }
  const { id } = store.operations.list(app.id, 1)[0] as { id: number }
  store.apps.remove(app.id)
  store.apps.remove(app.id)
  t.deepEqual(store.operations.list(app.id, 9), [])
  t.deepEqual(store.operations.lines(id), [])
  t.deepEqual(store.releases.list(app.id, 9), [])
  t.is(store.configs.current(app.id).version, 0)
  t.deepEqual(bare(store.configs.current(other.id).values), [['A', 'other']])
  t.is(store.releases.live(other.id)?.number, 1)
  store.apps.remove(other.id)
  t.true(withApp(store).id > other.id)
})

test('releases are numbered per app, and only a promoted one is live', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  const first = store.releases.create(app.id, cut(1))
  const abandoned = store.releases.create(app.id, cut(2))
  const third = store.releases.create(app.id, {
    ...cut(3, 4),
    image: { ...cut(3).image, digest: 'quay.io/a@sha256:b' },
  })
  t.is(store.releases.create(other.id, cut(1)).number, 1)
  t.deepEqual([first.number, abandoned.number, third.number], [1, 2, 3])
  t.is(store.releases.live(app.id), null)
  store.releases.promote(app.id, 1)
  store.releases.promote(app.id, 3)
  t.is(store.apps.byId(app.id)?.liveRelease, 3)
  const { createdAt, promotedAt, id, ...rest } = store.releases.live(app.id) ?? t.fail()
  t.deepEqual(rest, {
    appId: app.id,
    number: 3,
    ...cut(3, 4),
    image: { ...cut(3).image, digest: 'quay.io/a@sha256:b' },
  })
  t.is(id, third.id)
  t.true((promotedAt ?? '') >= createdAt)
  t.deepEqual(
    store.releases.list(app.id, 9).map(release => [release.number, release.promotedAt !== null]),
    [
      [3, true],
      [2, false],
      [1, true],
    ],
  )
  t.deepEqual(
    store.releases.list(app.id, 2).map(release => release.number),
    [3, 2],
  )
  t.deepEqual(store.releases.list(app.id, 9)[1], abandoned)
  t.throws(() => store.releases.promote(app.id, 4), { message: `App ${app.id} has no release 4` })
  t.is(store.releases.live(app.id)?.number, 3)
})

test('an operation goes from queued over running to one outcome, which stays', t => {
  const { operations, ...store } = opened(t)
  const app = withApp({ operations, ...store })
  const operation = operations.create(app.id, deployBy('ann'))
  const now = () => operations.byNumber(app.id, operation.number) ?? t.fail()
  t.like(now(), { number: 1, appId: app.id, kind: 'deploy', state: 'queued', actor: 'ann', subject: 'abc' })
  t.like(now(), { problem: null, startedAt: null, endedAt: null })
  operations.start(operation.id)
  const { startedAt } = now()
  t.is(now().state, 'running')
  operations.start(operation.id)
  t.is(now().startedAt, startedAt)
  operations.finish(operation.id, 'failed', 'build-failed')
  const ended = now()
  t.like(ended, { state: 'failed', problem: 'build-failed' })
  operations.finish(operation.id, 'succeeded', null)
  operations.start(operation.id)
  t.deepEqual(now(), ended)
})

test('unfinished operations of all apps are found, oldest first', t => {
  const { operations, ...store } = opened(t)
  const [app, other] = [
    withApp({ operations, ...store }),
    withApp({ operations, ...store }, 'my-env', 'other'),
  ]
  const ops = [app, other, app, app].map(({ id }) => operations.create(id, deployBy('ann')))
  operations.start(ops[1]?.id as number)
  operations.finish(ops[2]?.id as number, 'cancelled', 'cancelled')
  t.deepEqual(
    operations.unfinished().map(({ appId, number, state }) => ({ appId, number, state })),
    [
      { appId: app.id, number: 1, state: 'queued' },
      { appId: other.id, number: 1, state: 'running' },
      { appId: app.id, number: 3, state: 'queued' },
    ],
  )
  t.deepEqual(
    operations.list(app.id, 2).map(operation => operation.number),
    [3, 2],
  )
})

test('the lines of an operation are kept in order, those of another apart', t => {
  const { operations, ...store } = opened(t)
  const app = withApp({ operations, ...store })
  const [one, two] = [operations.create(app.id, deployBy('ann')), operations.create(app.id, deployBy('ben'))]
  for (let i = 0; i < 12; i++) {
    operations.appendLine(one.id, `line ${i}`)
    operations.appendLine(two.id, `other ${i}`)
  }
  t.deepEqual(
    operations.lines(one.id),
    Array.from({ length: 12 }, (_, i) => `line ${i}`),
  )
})

test('the subnet of an environment is remembered, replaced and forgotten, and listed by stack', t => {
  const { networks, environments } = opened(t)
  const one = environments.create(handle('one'), 'local')
  const two = environments.create(handle('two'), 'local')
  const far = environments.create(handle('far'), 'remote')
  t.is(networks.subnet(one.id), null)
  networks.record(one.id, '10.210.0.0/26')
  networks.record(two.id, '10.210.0.64/26')
  networks.record(far.id, '10.210.0.0/26')
  networks.record(one.id, '10.210.0.128/26')
  t.is(networks.subnet(one.id), '10.210.0.128/26')
  t.deepEqual(networks.inUse('local'), ['10.210.0.128/26', '10.210.0.64/26'])
  networks.forget(two.id)
  networks.forget(two.id)
  t.deepEqual(networks.inUse('local'), ['10.210.0.128/26'])
  t.deepEqual(networks.inUse('remote'), ['10.210.0.0/26'])
})

test('what was live before a release is found, and which tags it went live under, the newest first', t => {
  const { releases, ...store } = opened(t)
  const app = withApp({ releases, ...store })
  const other = withApp({ releases, ...store }, 'my-env', 'other')
  const make = (tag: string, id: string, of = app) =>
    releases.create(of.id, { ...cut(1), image: { ...cut(1).image, tag, id } }).number
  const live = [make('a:op1', 'one'), make('a:op2', 'two'), make('a:op3', 'one'), make('a:op2', 'two')]
  const failed = make('a:op5', 'one')
  for (const number of live) releases.promote(app.id, number)
  releases.promote(other.id, make('b:op1', 'one', other))

  t.is(releases.promotedBefore(app.id, failed)?.number, 4)
  t.is(releases.promotedBefore(app.id, 4)?.number, 3)
  t.is(releases.promotedBefore(app.id, 1), null)
  t.is(releases.byNumber(app.id, failed)?.promotedAt, null)
  t.is(releases.byNumber(app.id, 6), null)
  t.deepEqual(releases.promotedTags(app.id, 9), ['a:op2', 'a:op3', 'a:op1'])
  t.deepEqual(releases.promotedTags(app.id, 2), ['a:op2', 'a:op3'])
  t.deepEqual(releases.tagsOf(app.id, 'one'), ['a:op3', 'a:op1'])
})

test('a release that a rollback made remembers which one it brought back', t => {
  const store = opened(t)
  const app = withApp(store)
  store.releases.create(app.id, cut(1))
  store.releases.create(app.id, { ...cut(2), rollbackOf: 1 })
  t.deepEqual(
    store.releases.list(app.id, 9).map(({ rollbackOf }) => rollbackOf),
    [1, null],
  )
})
