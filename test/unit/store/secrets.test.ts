// The secret store's rows: values, who uses them, who may.
import test from 'ava'
import { Secret } from '../../../src/domain/secret.ts'
import { handle, opened, withApp } from './opened.ts'

test('a secret is created, read, replaced in its place and removed', t => {
  const { secrets } = opened(t)
  t.is(secrets.find('a/b'), null)
  t.is(secrets.read('a/b'), null)
  t.is(secrets.put('a/b', new Secret('one'), 'ann'), 'created')
  const first = secrets.find('a/b')
  t.like(first, { path: 'a/b', actor: 'ann', apps: [] })
  t.is(secrets.put('a/b', new Secret('two'), 'ben'), 'replaced')
  t.like(secrets.find('a/b'), { id: first?.id ?? 0, actor: 'ben' })
  t.is(secrets.read('a/b')?.reveal(), 'two')
  t.is(secrets.put('A/b', new Secret('case'), 'ben'), 'created')
  t.deepEqual(
    secrets.list().map(({ path }) => path),
    ['A/b', 'a/b'],
  )
  t.true(secrets.remove('a/b'))
  t.false(secrets.remove('a/b'))
  t.is(secrets.read('a/b'), null)
})

test('an app uses one secret at most, many apps one, and the value that is there now', t => {
  const store = opened(t)
  const [b, a] = [withApp(store, 'b-env', 'shop'), withApp(store, 'a-env', 'shop')]
  const { secrets } = store
  secrets.put('one', new Secret('1'), 'ann')
  secrets.put('two', new Secret('2'), 'ann')
  t.is(secrets.usedBy(a.id), null)
  for (const { id } of [b, a]) secrets.use(id, 'one', 'ann')
  t.deepEqual(secrets.find('one')?.apps, [a, b])
  secrets.use(a.id, 'two', 'ben')
  secrets.use(a.id, 'two', 'ben')
  t.is(secrets.usedBy(a.id), 'two')
  t.deepEqual(
    secrets.list().map(({ path, apps }) => [path, apps]),
    [
      ['one', [b]],
      ['two', [a]],
    ],
  )
  secrets.put('two', new Secret('3'), 'ann')
  t.is(secrets.usedBy(a.id), 'two')
  t.true(secrets.unuse(a.id))
  t.false(secrets.unuse(a.id))
  t.is(secrets.usedBy(a.id), null)
})

test('a secret that is used is not removed, until its apps are gone or use it no more', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  store.secrets.put('one', new Secret('1'), 'ann')
  for (const { id } of [app, other]) store.secrets.use(id, 'one', 'ann')
  store.apps.remove(app.id)
  t.deepEqual(store.secrets.find('one')?.apps, [other])
  t.throws(() => store.secrets.remove('one'), { message: /FOREIGN KEY/ })
  t.is(store.secrets.read('one')?.reveal(), '1')
  store.secrets.unuse(other.id)
  t.true(store.secrets.remove('one'))
})

test('a secret that is not there is not used', t => {
  const store = opened(t)
  const app = withApp(store)
  store.secrets.put('one', new Secret('1'), 'ann')
  store.secrets.use(app.id, 'one', 'ann')
  t.throws(() => store.secrets.use(app.id, 'none', 'ann'), { message: 'There is no secret none' })
  t.is(store.secrets.usedBy(app.id), 'one')
})

test('rights on paths are of one member, come with their key, and go with them', t => {
  const { secretGrants, members, keys } = opened(t)
  const [ann, ben] = [members.create(handle('ann'), false), members.create(handle('ben'), false)]
  keys.add(ann.id, { fingerprint: 'SHA256:1', type: 'ssh-ed25519', blob: Buffer.of(1), comment: '' })
  const now = () => members.byKey('SHA256:1')?.secretPaths
  t.deepEqual(now(), [])
  secretGrants.add(ann.id, 'b')
  secretGrants.add(ann.id, 'a')
  secretGrants.add(ann.id, 'a')
  secretGrants.add(ben.id, 'a')
  t.deepEqual(secretGrants.of(ann.id), ['a', 'b'])
  t.deepEqual(now(), ['a', 'b'])
  t.deepEqual(secretGrants.list(), [
    { path: 'a', member: 'ann' },
    { path: 'a', member: 'ben' },
    { path: 'b', member: 'ann' },
  ])
  t.true(secretGrants.remove(ann.id, 'a'))
  t.false(secretGrants.remove(ann.id, 'a'))
  t.deepEqual(now(), ['b'])
  t.deepEqual(secretGrants.of(ben.id), ['a'])
  members.remove(ben.id)
  t.deepEqual(secretGrants.of(members.create(handle('ben'), false).id), [])
  t.deepEqual(secretGrants.list(), [{ path: 'b', member: 'ann' }])
  t.throws(() => secretGrants.add(ben.id, 'a'), { message: /FOREIGN KEY/ })
})
