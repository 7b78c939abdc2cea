// The loopback port before friendly and hostile clients.
import { once } from 'node:events'
import { connect } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { isLoopback, startMonitor } from '../../../src/monitor/listener.ts'
import type { Watched } from '../../../src/monitor/monitor.ts'

async function served(t: ExecutionContext, changes: Partial<Watched> = {}) {
  const errors: string[] = []
  const log = { info: () => {}, warn: () => {}, error: (_: object, msg: string) => void errors.push(msg) }
  const watched: Watched = {
    writeToStore: () => {},
    counts: () => ({ apps: 2, releases: 7 }),
    unfinished: () => [{ state: 'running' }, { state: 'queued' }, { state: 'queued' }],
    sshListens: () => true,
    sshConnections: () => 3,
    engines: async () => [],
    families: () => [],
    ...changes,
  }
  const monitor = await startMonitor({ host: '127.0.0.1', port: 0 }, watched, log)
  t.teardown(() => monitor.close())
  const url = `http://127.0.0.1:${monitor.port}`
  /** Says something and returns all that came until the end. */
  async function raw(text: string): Promise<string> {
    const socket = connect(monitor.port, '127.0.0.1')
    let heard = ''
    socket.setEncoding('latin1').on('data', chunk => {
      heard += chunk
    })
    socket.on('error', () => {})
    socket.write(text)
    await once(socket, 'close')
    return heard
  }
  return { monitor, url, raw, errors, log, watched }
}

const engineAway = { stack: 'far', trouble: 'The engine of far does not answer', containers: [] }

test('healthz is 200 while the gateway works, with an engine that is away as degraded', async t => {
  const { url } = await served(t, { engines: async () => [engineAway] })
  const answer = await fetch(`${url}/healthz?any=query`)
  t.is(answer.status, 200)
  t.is(answer.headers.get('content-type'), 'application/json')
  t.deepEqual(await answer.json(), {
    status: 'ok',
    failing: [],
    degraded: ['The engine of far does not answer'],
  })
})

test('healthz is 503 and says what is wrong when nothing can be written or nobody can log in', async t => {
  const { url } = await served(t, {
    sshListens: () => false,
    writeToStore: () => {
      throw new Error('database or disk is full')
    },
  })
  const answer = await fetch(`${url}/healthz`)
  t.is(answer.status, 503)
  t.deepEqual(await answer.json(), {
    status: 'failing',
    failing: ['The SSH server does not listen', 'The database cannot be written: database or disk is full'],
    degraded: [],
  })
})

test('metrics are in the text format, with the numbers of now', async t => {
  const labels = { environment: 'env', app: 'app', release: 1, process: 'web', index: 1, oneOff: false }
  const container = { id: '1', name: 'n', labels, state: 'running', status: 'Up', address: null } as const
  const { url } = await served(t, {
    engines: async () => [
      engineAway,
      {
        stack: 'local',
        trouble: null,
        containers: [container, container, { ...container, state: 'exited' }],
      },
    ],
    families: () => [{ name: 'fairlead_more', help: 'More.', type: 'gauge', samples: [{ value: 1 }] }],
  })
  const answer = await fetch(`${url}/metrics`)
  t.is(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await answer.text()
  for (const line of [
    'fairlead_more 1',
    '# TYPE fairlead_operations gauge',
    'fairlead_operations{state="running"} 1',
    'fairlead_operations{state="waiting"} 2',
    'fairlead_apps 2',
    'fairlead_releases 7',
    'fairlead_containers{stack="local",app="env/app",state="running"} 2',
    'fairlead_containers{stack="local",app="env/app",state="exited"} 1',
    'fairlead_engine_up{stack="far"} 0',
    'fairlead_engine_up{stack="local"} 1',
    'fairlead_ssh_connections 3',
  ])
    t.true(text.split('\n').includes(line), `${line}\n${text}`)
  t.regex(text, /\nfairlead_process_resident_memory_bytes \d{7,}\n/)
  t.regex(text, /\nfairlead_process_uptime_seconds \d/)
  for (const line of text.trimEnd().split('\n'))
    t.regex(line, /^(?:# (?:HELP|TYPE) fairlead_\w+ \S.*|fairlead_\w+(?:\{(?:\w+="[^"]*",?)+\})? [\d.e+-]+)$/)
})

test('a name that is not of loopback is refused, whatever it leads to', async t => {
  const { raw } = await served(t)
  const ask = (host: string) => raw(`GET /metrics HTTP/1.1\r\n${host}connection: close\r\n\r\n`)
  for (const host of ['localhost', 'LOCALHOST:9464', '127.0.0.1:1', '127.1.2.3', '[::1]:9464'])
    t.regex(await ask(`host: ${host}\r\n`), /^HTTP\/1\.1 200 /, host)
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '[::2]',
  ])
    t.regex(await ask(`host: ${host}\r\n`), /^HTTP\/1\.1 403 /, host)
  t.regex(await ask(''), /^HTTP\/1\.1 400 /)
  t.regex(await raw('GET /metrics HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 403 /)
  t.false(isLoopback('localhost@evil.example'))
})

test('it listens on the address that it was given, and on no other of the machine', async t => {
  const { monitor } = await served(t)
  const other = connect(monitor.port, '127.0.0.2')
  t.teardown(() => other.destroy())
  const [error] = await Promise.race([
    once(other, 'connect'),
    new Promise<[Error]>(resolve => other.once('error', thrown => resolve([thrown]))),
  ])
  t.is((error as NodeJS.ErrnoException | undefined)?.code, 'ECONNREFUSED')
})

test('other methods and paths are refused, and HEAD has no body', async t => {
  const { url, raw } = await served(t)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const answer = await fetch(`${url}/metrics`, { method })
    t.is(answer.status, 405, method)
    t.is(answer.headers.get('allow'), 'GET, HEAD')
  }
  t.is((await fetch(`${url}/healthz`, { method: 'HEAD' })).status, 200)
  for (const path of ['/', '/metrics/', '/..%2fmetrics', '//metrics'])
    t.is((await fetch(url + path)).status, 404, path)
  t.regex(
    await raw('GET http://evil.example/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n'),
    /^HTTP\/1\.1 404 /,
  )
})

test('huge headers and what is no HTTP are cut off, and the next is served', async t => {
  const { raw, url } = await served(t)
  const huge = `GET /metrics HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`
  t.regex(await raw(huge), /^HTTP\/1\.1 431 /)
  t.regex(await raw('SSH-2.0-nobody\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.is((await fetch(`${url}/healthz`)).status, 200)
})

test('a client that never ends its request is cut off', async t => {
  const { raw } = await served(t)
  t.regex(await raw('GET /metrics HTTP/1.1\r\nhost: localh'), /^HTTP\/1\.1 408 /)
})

test('many that say nothing do not keep it from closing', async t => {
  const { monitor } = await served(t)
  const sockets = Array.from({ length: 40 }, () => connect(monitor.port, '127.0.0.1').on('error', () => {}))
  const closed = sockets.map(socket => new Promise(resolve => socket.on('close', resolve)))
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  await monitor.close()
  await Promise.all(closed)
  t.pass()
})

test('a fault is answered with 500 and logged, without its words', async t => {
  const { url, errors } = await served(t, {
    engines: async () => {
      throw new Error('hunter2')
    },
  })
  const answer = await fetch(`${url}/metrics`)
  t.is(answer.status, 500)
  t.is(await answer.text(), 'A fault of the gateway: see its log.\n')
  t.deepEqual(errors, ['a question about health or metrics failed'])
})

test('a port that is taken is a Problem that names the setting', async t => {
  const { monitor, watched, log } = await served(t)
  const thrown = await t.throwsAsync(startMonitor({ host: '127.0.0.1', port: monitor.port }, watched, log), {
    instanceOf: Problem,
  })
  t.is(thrown?.code, 'settings-invalid')
  t.regex(thrown?.hint ?? '', /FAIRLEAD_METRICS/)
})
