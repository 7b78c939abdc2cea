// When a candidate is fit to serve: real servers on loopback, and a HEALTHCHECK as the engine tells it.
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as listen } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { type Check, type Health, untilHealthy } from '../../../src/deploy/health.ts'
import { probeHttp } from '../../../src/deploy/probe.ts'
import { unhealthyProblem } from '../../../src/deploy/unhealthy.ts'
import type { Condition, Container, HealthRun, Listener } from '../../../src/domain/container.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { problemLines } from '../../../src/domain/problem.ts'
import { fakeEngine } from '../../support/fake-engine.ts'
import { FILES, live, reshapeBench } from '../../support/reshape-bench.ts'

const here = () => new AbortController().signal
const LONG = 3600

function engineWith(health: (nth: number) => Condition['health'] = () => null, healthRuns: HealthRun[] = []) {
  let asked = 0
  return {
    ...fakeEngine(),
    condition: async () => {
      asked += 1
      return { health: health(asked), healthRuns, restarts: 0, kept: false }
    },
    inspect: async (id: string) => ({ id, address: '127.0.0.1' }) as Container,
    asked: () => asked,
  }
}

async function served(t: ExecutionContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const check = (port: number, path: string | null = null): Check => ({
  hostname: 'a.test' as Hostname,
  port,
  path: path ?? '/',
  strict: path !== null,
})
const ask = (checks: Check[], healthy = LONG, engine = engineWith()) =>
  untilHealthy(engine, { id: 'x', checks, probe: probeHttp, healthy }, here())

test('a container of which nothing tells the health is left to others to judge', async t => {
  t.is(await ask([]), null)
})

test('an endpoint’s path is asked as the router asks, and 2xx and 3xx will do', async t => {
  const seen: unknown[] = []
  for (const status of [200, 204, 301]) {
    const port = await served(t, (request, response) => {
      const { host, 'x-fairlead-health-check': mark, 'user-agent': agent } = request.headers
      seen.push([request.method, request.url, host, mark, agent])
      response.writeHead(status, { Location: '/elsewhere' }).end()
    })
    t.deepEqual(await ask([check(port, '/up?deep=1')]), { kind: 'healthy', by: 'HTTP' })
  }
  const asked = ['GET', '/up?deep=1', 'a.test', '1', 'fairlead-health-check']
  t.deepEqual(seen, [asked, asked, asked])
})

test('without a path any answer below 500 will do, and with one 404 will not', async t => {
  const port = await served(t, (_, response) => response.writeHead(404).end('no such page\nmore'))
  t.deepEqual(await ask([check(port)]), { kind: 'healthy', by: 'HTTP' })
  const strict = check(port, '/up')
  t.deepEqual(await ask([strict], 3), {
    kind: 'unhealthy',
    by: 'HTTP',
    failed: [{ check: strict, answer: { status: 404, line: 'no such page' } }],
  })
})

test('it is healthy when the last of its endpoints answers, however often they did not before', async t => {
  let asked = 0
  const slow = await served(t, (_, response) => {
    asked += 1
    response.writeHead(asked < 5 ? 503 : 200).end('booting')
  })
  const quick = await served(t, (_, response) => response.end())
  t.deepEqual(await ask([check(quick), check(slow)]), { kind: 'healthy', by: 'HTTP' })
  t.is(asked, 5)
})

test('what does not speak HTTP, closes, or does not listen is told apart', async t => {
  const answers: string[] = []
  for (const reply of ['SSH-2.0-x\r\n', '', null]) {
    const server = listen(socket => (reply ? socket.end(reply) : socket.destroy())).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    if (reply === null) {
      server.close()
      await once(server, 'close')
    } else t.teardown(() => server.close())
    const question = { ...check(port), address: '127.0.0.1' }
    const answer = await probeHttp(question, here())
    answers.push(answer.status === null ? answer.why : '')
  }
  t.deepEqual(answers, [
    'no HTTP (HPE_INVALID_CONSTANT)',
    'the connection was closed without an answer',
    'connection refused',
  ])
})

test('a HEALTHCHECK decides alone: healthy at once, unhealthy at once, and starting until the time is over', async t => {
  const refused = check(1)
  const engine = engineWith(nth => (nth < 4 ? 'starting' : 'healthy'))
  t.deepEqual(await ask([refused], LONG, engine), { kind: 'healthy', by: 'HEALTHCHECK' })
  t.is(engine.asked(), 4)
  const runs = [{ exitCode: 1, output: 'no\n' }]
  const bad = engineWith(nth => (nth < 3 ? 'starting' : 'unhealthy'), runs)
  t.deepEqual(await ask([], LONG, bad), { kind: 'unhealthy', by: 'HEALTHCHECK', last: 'unhealthy', runs })
  const slow = engineWith(() => 'starting', runs)
  t.deepEqual(await ask([], 0.1, slow), { kind: 'unhealthy', by: 'HEALTHCHECK', last: 'starting', runs })
})

test('an abort ends the waiting', async t => {
  const leaving = new AbortController()
  const engine = engineWith(() => 'starting')
  const waiting = untilHealthy(
    engine,
    { id: 'x', checks: [], probe: probeHttp, healthy: LONG },
    leaving.signal,
  )
  leaving.abort()
  await t.throwsAsync(waiting)
})

const text = (
  health: Extract<Health, { kind: 'unhealthy' }>,
  output: string[] = [],
  listeners: readonly Listener[] | null = null,
  hide = (said: string) => said,
) => problemLines(unhealthyProblem('web.1', health, 60, { output, listeners, hide })).join('\n')

test('the problem says what was asked, what came back, what it printed and what to do', t => {
  const failed = (
    answer: { status: number; line: string } | { status: null; why: string },
    path: string | null,
  ) => text({ kind: 'unhealthy', by: 'HTTP', failed: [{ check: check(5000, path), answer }] }, ['booting'])
  const refused = failed({ status: null, why: 'connection refused' }, null)
  t.regex(refused, /web\.1 did not become healthy within 60 s \(health-check-failed\)/)
  t.regex(refused, /GET \/ at port 5000, for a\.test: connection refused\n.*Its last output:\n.*booting/)
  t.regex(refused, /listen on 0\.0\.0\.0:5000 \(not on 127\.0\.0\.1\).*fairlead endpoints:modify … --port N/)
  t.regex(failed({ status: 404, line: 'gone' }, '/up'), /GET \/up .*: 404 gone\n[\s\S]*2xx or 3xx/)
  t.regex(failed({ status: 500, line: '' }, null), /: 500\n[\s\S]*Any answer below 500 will do/)
})

const sick = (
  runs: HealthRun[],
  hide?: (said: string) => string,
  last: 'starting' | 'unhealthy' = 'unhealthy',
) => text({ kind: 'unhealthy', by: 'HEALTHCHECK', last, runs }, [], [{ address: '::', port: 3000 }], hide)

test('of a HEALTHCHECK that says no the last runs are shown, and where the container listens', t => {
  const said = sick([
    { exitCode: 1, output: 'the first of four is left out\n' },
    { exitCode: 7, output: '\r\n \n' },
    { exitCode: null, output: 'Health check exceeded timeout (1s)' },
    { exitCode: 1, output: 'one\r\ntwo\nthree\nfour\nfive\nsix\n' },
  ])
  const indent = ' '.repeat(22)
  t.is(
    said,
    [
      ' !     web.1 is unhealthy by the HEALTHCHECK of its image (health-check-failed)',
      '       What we saw:   The HEALTHCHECK of its image says: unhealthy. Its last runs:',
      `${indent}- exit code 7, and it printed nothing`,
      `${indent}- no exit code: Health check exceeded timeout (1s)`,
      `${indent}- exit code 1, the last 5 of 6 lines:`,
      ...['two', 'three', 'four', 'five', 'six'].map(line => `${indent}  ${line}`),
      `${indent}It listens on [::]:3000`,
      `${indent}It printed nothing.`,
      "       What to do:    Run the HEALTHCHECK's command in the image, and mend what it finds. One that needs longer: have an operator raise `healthy` in the stack file.",
    ].join('\n'),
  )
})

test('a HEALTHCHECK that was still starting when the time was over is told from one that never ran', t => {
  const slow = sick([{ exitCode: 1, output: 'booting' }], undefined, 'starting')
  t.regex(slow, /web\.1 did not become healthy within 60 s \(health-check-failed\)/)
  t.regex(slow, /says: starting\. Its last runs:\n +- exit code 1: booting\n/)
  const never = sick([], undefined, 'starting')
  t.regex(never, /says: starting\. No run of it has ended yet\.\n/)
  t.regex(
    never,
    /What to do: +The engine runs it first when its --interval is over: give it one well below 60 s\./,
  )
})

test('what a HEALTHCHECK prints steers no terminal, is cut, and shows no part of a secret', t => {
  const output = `\u001b[31mred\u001b[0m \u001b]0;title\u0007\u0008back\u202e\n${'x'.repeat(295)}sesame-open${'y'.repeat(9000)}\n`
  const said = sick([{ exitCode: 1, output }], shown => shown.replaceAll('sesame-open', '[redacted]'))
  t.true(said.includes('  red \\u{8}back\\u{202e}\n'), said)
  t.true(said.includes(`  ${'x'.repeat(295)}[red…\n`), said)
  t.notRegex(said, /sesa/)
})

test('a candidate whose endpoint does not answer fails the deploy, and one without an endpoint is not asked', async t => {
  const asked: string[] = []
  const made = await live(t, {
    stack: { healthy: 0.2 },
    program: () => ({ prints: ['famous last words'] }),
    probe: async ({ hostname, port, path }) => {
      asked.push(`${hostname}:${port}${path}`)
      return { status: 502, line: 'bad gateway' }
    },
  })
  t.deepEqual(asked, [])
  const endpoint = {
    hostname: 'a.test' as Hostname,
    service: 'web',
    port: 81,
    path: '/up',
    tls: 'off',
  } as const
  made.ground.store.endpoints.create(made.app.id, endpoint)
  const before = made.ids()
  const push = await made.push(await made.commit({ ...FILES, changed: '' }))
  t.is(push.operation?.problem, 'health-check-failed')
  t.regex(
    push.said,
    /GET \/up at port 81, for a\.test: 502 bad gateway\n *It listens on no TCP port\.\n *Its last output:\n *famous last words\n/,
  )
  t.true(push.said.includes('What runs now: Release v1 (web, worker), as before.\n'), push.said)
  await made.background.idle()
  t.deepEqual(made.ids(), before)
  t.deepEqual([...new Set(asked)], ['a.test:81/up'])
})

test('each endpoint is asked at the port where its requests will go: its own, else the lowest EXPOSEd one, whatever PORT says', async t => {
  const asked = new Set<string>()
  const made = await reshapeBench(t, {
    image: () => ({ exposedPorts: [80, 8080], env: new Map([['PORT', '3000']]) }),
    probe: async ({ hostname, port }) => {
      asked.add(`${hostname}:${port}`)
      return { status: 200, line: '' }
    },
  })
  const { endpoints } = made.ground.store
  for (const [hostname, port] of [
    ['a.test', null],
    ['b.test', 81],
  ] as const) {
    const endpoint = { hostname: hostname as Hostname, service: 'web', port, path: null, tls: 'off' } as const
    endpoints.create(made.app.id, endpoint)
  }
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  t.deepEqual([...asked].sort(), ['a.test:80', 'b.test:81'])
  const [a = '', b = ''] = await made.router.shown()
  t.true(a.endsWith(':80') && b.endsWith(':81'))
})

test('the problem says where it listens instead, and how requests get there', t => {
  const refused = { check: check(5000), answer: { status: null, why: 'connection refused' } } as const
  const at = (...listeners: Listener[]) =>
    text({ kind: 'unhealthy', by: 'HTTP', failed: [refused] }, [], listeners)
  t.regex(at(), /It listens on no TCP port\.\n/)
  const loopback = at({ address: '127.0.0.1', port: 5000 })
  t.regex(
    loopback,
    /It listens on 127\.0\.0\.1:5000\n[\s\S]*for its own container only: make it listen on 0\.0\.0\.0:5000\./,
  )
  const elsewhere = at({ address: '::', port: 3000 }, { address: '127.0.0.1', port: 9 })
  t.regex(
    elsewhere,
    /It listens on \[::\]:3000, 127\.0\.0\.1:9\n[\s\S]*--port 3000` or EXPOSE 3000 in the Dockerfile/,
  )
  t.regex(at({ address: '::1', port: 3000 }), /--port 3000`.*make it listen on 0\.0\.0\.0 instead of ::1\./)
})
