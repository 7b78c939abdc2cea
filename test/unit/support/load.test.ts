// The load that switches are judged by has to see what goes wrong: here everything does.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { type Counted, startLoad } from '../../support/load.ts'
import { until } from '../../support/until.ts'

async function underLoad(t: ExecutionContext, requests: number, answer: RequestListener): Promise<Counted> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>(resolve => server.close(() => resolve())))
  t.teardown(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  const load = startLoad({ port, hostname: 'shop.test', connections: 5, rate: 500 })
  await until(`${requests} requests were made`, async () => load.counted().requests >= requests)
  return load.stop()
}

test('all answers are counted by what they say, over connections that are kept and with the hostname', async t => {
  const hosts = new Set<string | undefined>()
  const sockets = new Set<unknown>()
  const counted = await underLoad(t, 50, ({ headers, socket }, response) => {
    hosts.add(headers.host)
    sockets.add(socket)
    response.end('v1\n')
  })
  t.is(counted.failed, 0)
  t.true(counted.requests >= 50)
  t.deepEqual([...counted.answers], [['v1', counted.requests]])
  t.deepEqual([...hosts], ['shop.test'])
  t.is(sockets.size, 5)
})

const broken: Record<string, [RequestListener, RegExp]> = {
  'answered with an error': [(_, response) => response.writeHead(503).end('down\n'), /^503 down$/],
  'closed without an answer': [({ socket }) => socket.end(), /socket hang up/],
  reset: [({ socket }) => socket.resetAndDestroy(), /ECONNRESET/],
  'cut off in the middle of its answer': [
    ({ socket }, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('half')
      setImmediate(() => socket.end())
    },
    /aborted/,
  ],
}

for (const [what, [fail, words]] of Object.entries(broken)) {
  test(`a request that is ${what} has failed`, async t => {
    let number = 0
    const counted = await underLoad(t, 20, (request, response) => {
      number += 1
      if (number % 4 === 0) fail(request, response)
      else response.end('v1\n')
    })
    t.is(counted.failed, Math.floor(number / 4))
    t.is(counted.failed + (counted.answers.get('v1') ?? 0), counted.requests)
    for (const failure of counted.failures) t.regex(failure, words)
  })
}
