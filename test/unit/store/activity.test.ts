// The rows of activity: kept when everything that they are about is gone.
import test from 'ava'
import type { NewActivity } from '../../../src/domain/activity.ts'
import { directory, opened, withApp } from './opened.ts'

const did = (changes: Partial<NewActivity> = {}): NewActivity => ({
  actor: 'ann',
  key: 'SHA256:k',
  address: '192.0.2.1',
  command: 'config:set',
  words: ['COLOR'],
  options: ['app'],
  environmentId: 1,
  environment: 'my-env',
  app: 'my-app',
  stack: null,
  ...changes,
})

test('what was done is listed newest first, with how it ended; the first end stays', t => {
  const { activity } = opened(t)
  const first = activity.begin(did())
  const second = activity.begin(did({ command: 'deploy' }))
  activity.finish(first, 'ok')
  activity.finish(first, 'internal')
  t.like(activity.list(null, null, 10), [
    { id: second, command: 'deploy', outcome: null },
    { id: first, ...did(), outcome: 'ok' },
  ])
  t.is(activity.list(null, null, 1).length, 1)
})

test('a list is of some environments, and of one app in them', t => {
  const { activity } = opened(t)
  for (const [environmentId, app] of [
    [1, 'shop'],
    [2, 'shop'],
    [2, 'other'],
    [null, null],
  ] as const)
    activity.begin(did({ environmentId, app }))
  const found = (environments: number[] | null, app: string | null = null) =>
    activity.list(environments, app, 10).map(row => `${row.environmentId} ${row.app}`)
  t.deepEqual(found(null), ['null null', '2 other', '2 shop', '1 shop'])
  t.deepEqual(found([2]), ['2 other', '2 shop'])
  t.deepEqual(found([2], 'shop'), ['2 shop'])
  t.deepEqual(found([]), [])
})

test('what a stop of the gateway cut off is called interrupted', t => {
  const { activity } = opened(t)
  activity.finish(activity.begin(did()), 'ok')
  activity.begin(did())
  activity.failInterrupted()
  t.deepEqual(
    activity.list(null, null, 10).map(({ outcome }) => outcome),
    ['interrupted', 'ok'],
  )
})

test('it outlives its app, its environment and its member, and goes when it is old', t => {
  const store = opened(t, directory(t))
  const app = withApp(store)
  store.activity.begin(did({ environmentId: app.environmentId }))
  store.apps.remove(app.id)
  store.environments.remove(app.environmentId)
  const [row] = store.activity.list(null, null, 10)
  t.is(row?.environment, 'my-env')
  t.is(store.activity.trim(row?.createdAt ?? ''), 0)
  t.is(store.activity.trim(new Date(Date.now() + 60_000).toISOString()), 1)
  t.deepEqual(store.activity.list(null, null, 10), [])
})
