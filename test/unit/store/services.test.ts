// Counts and sizes of an app's services, and what a promotion makes of them.
import test from 'ava'
import type { Service } from '../../../src/domain/service.ts'
import { cut, opened, withApp } from './opened.ts'

const web: Service = { process: 'web', count: 3, memory: 64, cpus: 0.5, startedBy: [0, 4, 4], rollout: null }
const worker: Service = {
  process: 'worker',
  count: 0,
  memory: null,
  cpus: null,
  startedBy: [],
  rollout: null,
}

test('services are kept by app and process, replaced when written again, and go with the app', t => {
  const store = opened(t)
  const { id: a } = withApp(store)
  const { id: b } = withApp(store, 'my-env', 'other')
  t.deepEqual(store.services.of(a), new Map())
  store.services.write(a, [worker, web], 9)
  store.services.write(b, [{ ...web, count: 1 }], 9)
  t.deepEqual(
    [...store.services.of(a)],
    [
      ['web', web],
      ['worker', worker],
    ],
  )
  t.true(store.services.wasShapedBy(a, 9))
  store.services.write(a, [{ ...web, count: 2, cpus: null }], 10)
  t.deepEqual(
    [9, 10, 11].map(number => store.services.wasShapedBy(a, number)),
    [true, true, false],
  )
  t.false(store.services.wasShapedBy(b, 10))
  t.deepEqual(store.services.of(a).get('web'), { ...web, count: 2, cpus: null })
  t.is(store.services.of(b).get('web')?.count, 1)
  store.apps.remove(a)
  t.deepEqual(store.services.of(a), new Map())
})

test('all rows of a write are written or none', t => {
  const store = opened(t)
  const app = withApp(store)
  t.throws(() => store.services.write(app.id, [web, { ...worker, count: -1 }], 9))
  t.deepEqual(store.services.of(app.id), new Map())
})

test('a promotion keeps counts and sizes, and means the containers that the release was started with', t => {
  const store = opened(t)
  const app = withApp(store)
  store.services.write(app.id, [web], 9)
  const { number } = store.releases.create(app.id, cut(1))
  t.deepEqual(store.services.of(app.id).get('web'), web)
  store.releases.promote(app.id, number)
  t.deepEqual(store.services.of(app.id).get('web'), { ...web, startedBy: [] })
})
