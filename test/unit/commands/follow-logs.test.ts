// Following an app's logs over everything that befalls its containers, before the engine in memory.
import test, { type ExecutionContext } from 'ava'
import { type Followed, followLogs } from '../../../src/commands/follow-logs.ts'
import type { LogMark } from '../../../src/commands/log-mark.ts'
import type { Container, ContainerSpec } from '../../../src/domain/container.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { fakeEngine } from '../../support/fake-engine.ts'
import type { FakeContainer } from '../../support/fake-host.ts'
import { until } from '../../support/until.ts'

const here = new AbortController().signal
const away = () =>
  new Problem('engine-unreachable', { headline: 'The engine does not answer', hint: 'Wait.' })

async function followed(t: ExecutionContext, changes: Partial<Followed> = {}) {
  const engine = fakeEngine()
  engine.host.addImage('app')
  await engine.ensureNetwork('net', 'env', ['10.9.0.0/28'], here)
  let made = 0
  async function started(process: string, release = 1): Promise<FakeContainer> {
    made += 1
    const spec: ContainerSpec = {
      name: `c${made}`,
      labels: { environment: 'env', app: 'app', release, process, index: 1, oneOff: false },
      image: 'app',
      env: new Map(),
      network: 'net',
      limits: { memory: 1, cpus: 1, pids: 1 },
      grace: 1,
    }
    const id = await engine.create(spec, here)
    await engine.start(id, here)
    return engine.containers.find(each => each.id === id) as FakeContainer
  }
  const seen: string[] = []
  const said: string[] = []
  const marks = new Map<string, LogMark>()
  const leave = new AbortController()
  const start = () => {
    const following = followLogs(
      {
        list: signal => engine.list({}, signal),
        read: ({ id }, options, line, signal) => engine.logs(id, options, line, signal),
        emit: ({ labels }: Container, text) => {
          seen.push(`${labels.process} v${labels.release} ${text}`)
        },
        from: { lines: 'all' },
        say: words => said.push(words),
        marks,
        ...changes,
      },
      leave.signal,
      1,
    )
    following.catch(() => {})
    return following
  }
  t.teardown(() => leave.abort())
  const sees = (...lines: string[]) =>
    until(`${lines.join()} came, not ${seen.join()}`, async () => lines.every(line => seen.includes(line)))
  /** After this, whatever the list now shows is followed. */
  const looked = async () => {
    const before = engine.calls.filter(call => call === 'list').length
    await until(
      'it looked twice',
      async () => engine.calls.filter(call => call === 'list').length > before + 1,
    )
  }
  return { engine, started, seen, said, marks, start, sees, looked, leave }
}

test('a container of a later release is picked up from its first line, and one that went ends quietly', async t => {
  const { engine, started, seen, said, marks, start, sees, looked } = await followed(t)
  const old = await started('web')
  start()
  old.print('one')
  await sees('web v1 one')
  const next = await started('web', 2)
  next.print('starting')
  await sees('web v2 starting')
  old.print('bye')
  await sees('web v1 bye')
  await engine.remove(old.id, here)
  next.print('serving')
  await sees('web v2 serving')
  await looked()
  t.deepEqual(seen, ['web v1 one', 'web v2 starting', 'web v1 bye', 'web v2 serving'])
  t.deepEqual([...marks.keys()], [next.id])
  t.deepEqual(said, [])
})

test('a container that was started again is followed on, without a line twice', async t => {
  const { engine, started, seen, start, sees, looked } = await followed(t)
  const web = await started('web')
  start()
  web.print('one')
  await sees('web v1 one')
  web.exit(1)
  await looked()
  await engine.start(web.id, here)
  web.print('two')
  await sees('web v1 two')
  await looked()
  t.deepEqual(seen, ['web v1 one', 'web v1 two'])
})

test('a stopped container is read to its end once, and not again', async t => {
  const { engine, started, seen, start, sees, looked } = await followed(t)
  const web = await started('web')
  web.print('last words')
  web.exit(1)
  start()
  await sees('web v1 last words')
  await looked()
  const reads = () => engine.calls.filter(call => call.startsWith('logs')).length
  const before = reads()
  await looked()
  t.is(reads(), before)
  t.deepEqual(seen, ['web v1 last words'])
})

test('an engine that breaks off is asked until it answers; no line is lost or repeated', async t => {
  const cut = new AbortController()
  let connection = cut
  const { engine, started, seen, said, start, sees } = await followed(t, {
    read: ({ id }, options, line, signal) =>
      engine.logs(id, options, line, AbortSignal.any([signal, connection.signal])),
  })
  const web = await started('web')
  start()
  web.print('one', 'two')
  await sees('web v1 two')
  const gone = engine.on('list', () => {
    throw away()
  })
  connection = new AbortController()
  cut.abort(away())
  await until('it was said', async () => said.length > 0)
  web.print('three')
  web.exit(0)
  gone()
  await sees('web v1 three')
  t.deepEqual(seen, ['web v1 one', 'web v1 two', 'web v1 three'])
  t.deepEqual(said, [
    'The engine broke off; the logs go on as soon as it answers.',
    'The engine answers again.',
  ])
})

test('who leaves ends it with the reason, and nothing is read on', async t => {
  const { started, seen, start, sees, leave } = await followed(t)
  const web = await started('web')
  const following = start()
  web.print('one')
  await sees('web v1 one')
  const reason = new Error('left')
  leave.abort(reason)
  t.is(await t.throwsAsync(following), reason)
  web.print('two')
  t.deepEqual(seen, ['web v1 one'])
})

test('a fault that is not of the engine ends it', async t => {
  const { started, start } = await followed(t, {
    emit: () => {
      throw new Error('a bug')
    },
  })
  const web = await started('web')
  web.print('one')
  await t.throwsAsync(start(), { message: 'a bug' })
})

test('a reader who takes no line holds the log back', async t => {
  const room = Promise.withResolvers<void>()
  const taken: string[] = []
  const { started, start, looked } = await followed(t, {
    emit: (_, text) => {
      taken.push(text)
      return room.promise
    },
  })
  const web = await started('web')
  start()
  web.print('one', 'two', 'three')
  await looked()
  await looked()
  t.deepEqual(taken, ['one'])
  room.resolve()
  await until('all came', async () => taken.length === 3)
})
