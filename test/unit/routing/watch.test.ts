// The watch over HAProxy, on a clock that only the test moves. A socket of the test's own stands for HAProxy's: it runs
// as long as a connection to it is held.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { watch } from '../../../src/routing/watch.ts'

interface Life {
  /** Milliseconds that HAProxy runs until the connection to it breaks off. Null: there is none to connect to. */
  readonly ran: number | null
  /** What is found then. */
  readonly found: 'reloaded' | 'started' | 'cannot start'
}

const lives = (count: number, ran: Life['ran'], found: Life['found']): Life[] =>
  Array.from({ length: count }, () => ({ ran, found }))

/** @returns what the watch did through these lives, one after the other: `pause 200`, `started`, … */
async function watched(
  t: ExecutionContext,
  story: readonly Life[],
): Promise<{ did: string[]; logged: string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-watch-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const socket = join(directory, 'master.sock')
  const did: string[] = []
  const logged: string[] = []
  // What the watch waits for keeps no process running: a gateway has other things to do.
  const running = setInterval(() => {}, 60_000)
  t.teardown(() => clearInterval(running))
  let now = 1_000_000
  let life = 0
  const server = createServer(connection => {
    now += story[life]?.ran ?? 0
    connection.destroy()
  })
  t.teardown(() => server.close())
  const listens = async () => {
    const wanted = (story[life]?.ran ?? null) !== null
    if (wanted && !server.listening) await once(server.listen(socket), 'listening')
    if (!wanted && server.listening) await once(server.close(), 'close')
  }
  await listens()

  const { promise: told, resolve: end } = Promise.withResolvers<void>()
  const guard = watch({
    socket,
    mend: async () => {
      const { found } = story[life] ?? { found: 'reloaded' }
      if (life >= story.length) end()
      else did.push(found)
      life += 1
      await listens()
      if (found !== 'cannot start') return found === 'started'
      throw new Problem('router-unreachable', { headline: 'HAProxy does not start', hint: 'Mend it.' })
    },
    log: {
      info: () => {},
      warn: (_, message) => logged.push(message),
      error: (fields, message) => logged.push(`${message} ${JSON.stringify(fields)}`),
    },
    clock: {
      now: () => now,
      pause: async length => {
        if (life < story.length) did.push(`pause ${length}`)
        now += length
      },
    },
  })
  t.teardown(() => guard.close())
  guard.begin()
  await told
  await guard.close()
  return { did, logged }
}

const OVER = { headline: 'HAProxy does not start', again: 200 }

test('an HAProxy that ends after it was well is started again at once', async t => {
  const { did, logged } = await watched(t, lives(3, 10_001, 'started'))
  t.deepEqual(did, ['started', 'started', 'started'])
  t.deepEqual(logged, Array(3).fill('HAProxy was gone, and has been started again'))
})

test('one that ends soon after every start is started after pauses that double, up to half a minute', async t => {
  const { did } = await watched(t, lives(12, 10_000, 'started'))
  const pauses = [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]
  t.deepEqual(did, ['started', ...pauses.flatMap(length => [`pause ${length}`, 'started'])])
})

test('one that cannot be started is tried again after such pauses, and the log says after which', async t => {
  const { did, logged } = await watched(t, lives(10, null, 'cannot start'))
  const pauses = [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]
  t.deepEqual(did, ['cannot start', ...pauses.flatMap(length => [`pause ${length}`, 'cannot start'])])
  const said = logged.map(line => /^HAProxy is gone, and cannot be started (\{.*\})$/.exec(line)?.[1] ?? '{}')
  t.deepEqual(
    said.map(fields => JSON.parse(fields)),
    [...pauses, 30_000].map(again => ({ ...OVER, again })),
  )
})

test('the pause is short again after one was well, however long it had become', async t => {
  const ended = lives(4, 50, 'started')
  const { did } = await watched(t, [
    ...ended,
    { ran: 10_001, found: 'started' },
    { ran: 50, found: 'started' },
    { ran: null, found: 'cannot start' },
  ])
  const until = ['started', 'pause 200', 'started', 'pause 400', 'started', 'pause 800', 'started']
  t.deepEqual(did, [...until, 'started', 'pause 200', 'started', 'pause 400', 'cannot start'])
})

test('reloads, however many, make no pause longer', async t => {
  const reload: Life = { ran: 50, found: 'reloaded' }
  const end: Life = { ran: 50, found: 'started' }
  const { did, logged } = await watched(t, [reload, reload, reload, end, reload, reload, end])
  t.deepEqual(
    did.filter(each => each !== 'reloaded'),
    // After each reload a moment for its socket; before each look soon after a start, the pause that is due.
    ['pause 200', 'pause 200', 'pause 200', 'started', ...Array(5).fill('pause 200'), 'started'],
  )
  t.is(logged.length, 2)
})
