// When a candidate counts as started: with real TCP listeners on loopback.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { probeHttp } from '../../../src/deploy/probe.ts'
import { settle } from '../../../src/deploy/settle.ts'
import type { Container } from '../../../src/domain/container.ts'
import { fakeEngine } from '../../support/fake-engine.ts'

const LONG = 3600
/** Nothing tells its health. */
const silent = { checks: [], healthy: LONG, probe: probeHttp }
const never = new Promise<number>(() => {})
const alive = () => new AbortController().signal

/** An engine whose every container has this address, once `ready` has passed. */
function engineAt(address: string | null) {
  const engine = fakeEngine()
  const view = (id: string) => ({ id, address }) as Container
  return { ...engine, inspect: async (id: string) => view(id) }
}

async function listener(t: ExecutionContext): Promise<number> {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

test('a port that answers settles a candidate at once, long before the settle time', async t => {
  const port = await listener(t)
  const candidate = { ...silent, id: 'x', exit: never, port, settle: LONG }
  t.deepEqual(await settle(engineAt('127.0.0.1'), candidate, alive()), { kind: 'answers', port })
})

test('a port that begins to answer later settles the candidate then', async t => {
  const port = await listener(t)
  const engine = engineAt('127.0.0.1')
  let looked = 0
  const slow = {
    ...engine,
    inspect: async (id: string) => {
      looked += 1
      return { id, address: looked < 3 ? null : '127.0.0.1' } as Container
    },
  }
  const candidate = { ...silent, id: 'x', exit: never, port, settle: LONG }
  t.deepEqual(await settle(slow, candidate, alive()), { kind: 'answers', port })
  t.is(looked, 3)
})

test('a process that serves nothing settles when it has stayed up for the settle time', async t => {
  const candidate = { ...silent, id: 'x', exit: never, port: null, settle: 0.01 }
  t.deepEqual(await settle(engineAt('127.0.0.1'), candidate, alive()), { kind: 'up' })
})

test('a port that never answers leaves the decision to the settle time', async t => {
  // Not one that was free a moment ago: other tests listen where the system lets them.
  const candidate = { ...silent, id: 'x', exit: never, port: 1, settle: 0.1 }
  t.deepEqual(await settle(engineAt('127.0.0.1'), candidate, alive()), { kind: 'up' })
})

test('a container that exits is told with its exit code', async t => {
  const candidate = { ...silent, id: 'x', exit: Promise.resolve(7), port: 1, settle: LONG }
  t.deepEqual(await settle(engineAt(null), candidate, alive()), { kind: 'exited', exitCode: 7 })
})

test('a container whose exit is told late has not stayed up', async t => {
  const { promise: exit, resolve } = Promise.withResolvers<number>()
  const engine = {
    ...fakeEngine(),
    inspect: async (id: string) => {
      setImmediate(() => resolve(7))
      return { id, state: 'exited' } as Container
    },
  }
  const candidate = { ...silent, id: 'x', exit, port: null, settle: 0.01 }
  t.deepEqual(await settle(engine, candidate, alive()), { kind: 'exited', exitCode: 7 })
})

test('an abort ends the waiting', async t => {
  const leaving = new AbortController()
  const waiting = settle(
    engineAt(null),
    { ...silent, id: 'x', exit: never, port: 1, settle: LONG },
    leaving.signal,
  )
  leaving.abort()
  await t.throwsAsync(waiting)
})

test('an engine that breaks off while a container is watched fails the candidate', async t => {
  const exit = Promise.reject(new Error('broke off'))
  await t.throwsAsync(settle(engineAt(null), { ...silent, id: 'x', exit, port: 1, settle: LONG }, alive()), {
    message: 'broke off',
  })
})
