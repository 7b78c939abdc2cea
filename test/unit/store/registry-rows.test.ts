// Key pairs, URIs and generators of apps.
import test from 'ava'
import { Secret } from '../../../src/domain/secret.ts'
import { bare, opened, secrets, withApp } from './opened.ts'

const pair = (name: string) => ({ recipient: `age1${name}`, identity: new Secret(`AGE-SECRET-KEY-1${name}`) })

const generator = {
  name: 'ecr',
  image: 'acme/ecr',
  env: secrets({ AWS_SECRET_ACCESS_KEY: 'hunter2', A: 'a\nb' }),
  ttl: 39_600,
  timeout: 60,
  host: null,
  addDocker: false,
}

test('an app has no key pair at first, then one, and after the next one only the public half of the first', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  const { of, replace } = store.registryKeys
  t.deepEqual(of(app.id), { current: null, retired: [] })
  replace(app.id, pair('one'), 'ann')
  t.is(of(app.id).current?.recipient, 'age1one')
  t.is(of(app.id).current?.identity.reveal(), 'AGE-SECRET-KEY-1one')
  t.deepEqual(of(app.id).retired, [])
  replace(app.id, pair('two'), 'ben')
  replace(app.id, pair('three'), 'ben')
  const { current, retired } = of(app.id)
  t.is(current?.identity.reveal(), 'AGE-SECRET-KEY-1three')
  t.deepEqual(
    retired.map(({ recipient }) => recipient),
    ['age1two', 'age1one'],
  )
  for (const { retiredAt } of retired) t.is(new Date(retiredAt).toISOString(), retiredAt)
  t.deepEqual(of(other.id), { current: null, retired: [] })
})

test('a key pair that cannot be stored leaves the one before', t => {
  const store = opened(t)
  const app = withApp(store)
  store.registryKeys.replace(app.id, pair('one'), 'ann')
  store.registryKeys.replace(app.id, pair('two'), 'ann')
  t.throws(() => store.registryKeys.replace(app.id, pair('one'), 'ann'), { message: /UNIQUE/ })
  t.is(store.registryKeys.of(app.id).current?.identity.reveal(), 'AGE-SECRET-KEY-1two')
})

test('the URI of an app is set, replaced and removed', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  const { of, set, remove } = store.registryUris
  t.is(of(app.id), null)
  set(app.id, new Secret('file:///one'), 'ann')
  set(app.id, new Secret('https://x/two?sig=3'), 'ben')
  t.is(of(app.id)?.reveal(), 'https://x/two?sig=3')
  t.is(of(other.id), null)
  t.true(remove(app.id))
  t.false(remove(app.id))
  t.is(of(app.id), null)
})

test('generators are listed by name as they were put, each change under a new id', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  const { list, put, remove } = store.registryGenerators
  const first = put(app.id, generator, 'ann')
  const gcr = put(
    app.id,
    { ...generator, name: 'aaa', host: 'gcr.io', addDocker: true, env: new Map() },
    'ann',
  )
  t.deepEqual(list(app.id), [gcr, first])
  t.like(first, { name: 'ecr', image: 'acme/ecr', ttl: 39_600, timeout: 60, host: null, addDocker: false })
  t.deepEqual(bare(list(app.id)[1]?.env ?? new Map()), bare(generator.env))
  t.like(list(app.id)[0], { host: 'gcr.io', addDocker: true })

  const changed = put(app.id, { ...generator, ttl: 0 }, 'ben')
  t.true(changed.id > gcr.id)
  t.deepEqual(list(app.id), [gcr, changed])
  t.deepEqual(list(other.id), [])
  t.false(remove(other.id, 'ecr'))
  t.true(remove(app.id, 'ecr'))
  t.false(remove(app.id, 'ecr'))
  t.true(put(app.id, generator, 'ann').id > changed.id, 'an id is not given twice')
})

test('key pairs, URIs and generators go with their app, and the next of its name has none', t => {
  const store = opened(t)
  const app = withApp(store)
  store.registryKeys.replace(app.id, pair('one'), 'ann')
  store.registryUris.set(app.id, new Secret('https://x'), 'ann')
  store.registryGenerators.put(app.id, generator, 'ann')
  store.apps.remove(app.id)
  for (const { id } of [app, withApp(store)]) {
    t.deepEqual(store.registryKeys.of(id), { current: null, retired: [] })
    t.is(store.registryUris.of(id), null)
    t.deepEqual(store.registryGenerators.list(id), [])
  }
})

test('names that pass are of one app, and none is kept for an app that is gone', t => {
  const store = opened(t)
  const [app, other] = [withApp(store), withApp(store, 'my-env', 'other')]
  const { add, of, remove } = store.passingNames
  for (const name of ['quay.io/b:v1', 'quay.io/a@sha256:1', 'quay.io/b:v1']) add(app.id, name)
  t.deepEqual(of(app.id), ['quay.io/a@sha256:1', 'quay.io/b:v1'])
  t.deepEqual(of(other.id), [])
  for (const name of ['quay.io/b:v1', 'quay.io/c:v1']) remove(app.id, name)
  t.deepEqual(of(app.id), ['quay.io/a@sha256:1'])
  store.apps.remove(app.id)
  add(app.id, 'quay.io/d:v1')
  t.deepEqual(of(app.id), [])
})
