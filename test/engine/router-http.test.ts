// What clients and apps see of the router.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import test from 'ava'
import type { Route, Server } from '../../src/domain/router.ts'
import { Secret } from '../../src/domain/secret.ts'
import { backendServer } from '../support/backend-server.ts'
import { caughtProblem } from '../support/caught-problem.ts'
import { realRouter } from '../support/haproxy.ts'
import { certificateFor } from '../support/hostname-certificate.ts'
import { name } from '../support/route.ts'
import { askRouted, shownCertificate } from '../support/routed.ts'

const { signal } = new AbortController()
const route = (hostname: string, slot: number, servers: readonly Server[], secure = false): Route => ({
  hostname: name(hostname),
  slot,
  servers: servers.map(({ address, port }) => ({ address, port })),
  secure,
})

function splitPem(pem: string): readonly [certificate: string, key: string] {
  const at = pem.indexOf('-----BEGIN PRIVATE')
  return [pem.slice(0, at), pem.slice(at)]
}

async function askHttp2(origin: string, hostname: string) {
  const session = connectHttp2(origin, { servername: hostname, rejectUnauthorized: false })
  try {
    const stream = session.request({ ':path': '/', ':authority': hostname })
    const [headers] = await once(stream, 'response')
    const { alpnProtocol: protocol } = session
    return { status: Number(headers[':status']), body: await text(stream), protocol }
  } finally {
    session.destroy()
  }
}

test('an app is told where a request came from, and a client cannot forge it', async t => {
  const { router, http } = await realRouter(t)
  const server = await backendServer(t, '127.0.5.1')
  await router.replace([route('a.example', 0, [server])], signal)
  const forged = {
    'x-forwarded-for': '192.0.2.1, 192.0.2.2',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'bank.example',
    'x-forwarded-port': '443',
    'x-real-ip': '192.0.2.1',
    forwarded: 'for=192.0.2.1',
    'x-fairlead-handed': 'guess',
  }
  await askRouted(http, `A.example:${http.port}`, '/', {
    headers: { host: `A.example:${http.port}`, ...forged },
  })
  const told = Object.fromEntries(
    Object.entries(server.headers).filter(([key]) => /^(?:x-|forwarded)/.test(key)),
  )
  t.deepEqual(told, {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': `A.example:${http.port}`,
    'x-forwarded-port': String(http.port),
  })
})

test('what a worker hands on after a reload still tells where it came from, and not the word it is handed on with', async t => {
  const { router, http } = await realRouter(t)
  const server = await backendServer(t, '127.0.5.2')
  await router.replace([route('a.example', 0, [server])], signal)
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: '127.0.5.99' })
  t.teardown(() => agent.destroy())
  await askRouted(http, 'a.example', '/', { agent })
  await router.update([route('b.example', 40, [server])], signal)
  await askRouted(http, 'b.example', '/', { agent })
  t.is(server.headers['x-forwarded-for'], '127.0.5.99')
  t.is(server.headers['x-forwarded-host'], 'b.example')
  t.is(server.headers['x-fairlead-handed'], undefined)
})

test('what comes over HTTPS on a connection of before a reload is handed on as that, and not sent to HTTPS', async t => {
  const { router, https } = await realRouter(t)
  const server = await backendServer(t, '127.0.5.6')
  await router.replace([route('a.example', 0, [server], true)], signal)
  await router.putCertificate(name('a.example'), new Secret(certificateFor(name('a.example')).pem), signal)
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, localAddress: '127.0.5.99' })
  t.teardown(() => agent.destroy())
  const ask = async () => {
    const headers = { host: 'a.example' }
    const outgoing = requestHttps({
      ...https,
      agent,
      headers,
      servername: 'a.example',
      rejectUnauthorized: false,
    })
    outgoing.end()
    const [response] = await once(outgoing, 'response')
    return { status: response.statusCode, body: await text(response), reused: outgoing.reusedSocket }
  }
  t.deepEqual(await ask(), { status: 200, body: server.address, reused: false })
  await router.update([route('b.example', 40, [])], signal)
  t.deepEqual(await ask(), { status: 200, body: server.address, reused: true })
  t.is(server.headers['x-forwarded-for'], '127.0.5.99')
  t.is(server.headers['x-forwarded-proto'], 'https')
  t.is(server.headers['x-forwarded-port'], String(https.port))
})

test('unknown hosts and apps that are down get short answers that name no program', async t => {
  const { router, http } = await realRouter(t)
  await router.replace([route('a.example', 0, [])], signal)
  const unknown = await askRouted(http, 'b.example')
  t.deepEqual([unknown.status, unknown.body], [404, 'No app answers to this name.\n'])
  const down = await askRouted(http, 'a.example')
  t.deepEqual([down.status, down.body], [503, 'This app is not running at the moment.\n'])
  for (const { headers } of [unknown, down]) {
    t.is(headers['content-type'], 'text/plain')
    t.notRegex(JSON.stringify(headers), /haproxy|fairlead/i)
  }
})

test('HTTP/2 is spoken over TLS and, by those who know of it, without', async t => {
  const { router, http, https } = await realRouter(t)
  const server = await backendServer(t, '127.0.5.3')
  const certificate = certificateFor(name('a.example'))
  await router.replace([route('a.example', 0, [server])], signal)
  await router.putCertificate(name('a.example'), new Secret(certificate.pem), signal)
  const expected = { status: 200, body: server.address }
  const plain = await askHttp2(`http://127.0.0.1:${http.port}`, 'a.example')
  t.deepEqual(plain, { ...expected, protocol: 'h2c' })
  // Browsers speak it only where the handshake has agreed on it.
  const secure = await askHttp2(`https://127.0.0.1:${https.port}`, 'a.example')
  t.deepEqual(secure, { ...expected, protocol: 'h2' })
  t.is(server.headers['x-forwarded-proto'], 'https')
})

test('who does not know HTTP/2 is answered in HTTP/1.1 over TLS too', async t => {
  const { router, https } = await realRouter(t)
  await router.putCertificate(name('a.example'), new Secret(certificateFor(name('a.example')).pem), signal)
  const socket = connectTls({
    ...https,
    servername: 'a.example',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  t.is(socket.alpnProtocol, 'http/1.1')
  socket.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n')
  t.regex(await text(socket), /^HTTP\/1\.1 404 /)
})

test('a secure hostname is sent on to HTTPS with its path, but not the challenges of an authority', async t => {
  const { router, http } = await realRouter(t)
  const server = await backendServer(t, '127.0.5.4')
  await router.replace([route('a.example', 0, [server], true)], signal)
  const { status, headers } = await askRouted(http, 'a.example', '/page?x=1')
  t.deepEqual([status, headers.location], [308, 'https://a.example/page?x=1'])
  t.is((await askRouted(http, 'a.example', '/.well-known/acme-challenge/of-the-app')).body, server.address)
})

test('no certificate is shown to who asks for no name or for one that has none', async t => {
  const { router, https } = await realRouter(t)
  await router.putCertificate(name('a.example'), new Secret(certificateFor(name('a.example')).pem), signal)
  t.is(await shownCertificate(https, ''), null)
  t.is(await shownCertificate(https, 'b.example'), null)
})

test('certificates and challenges outlast a reload', async t => {
  const { router, http, https } = await realRouter(t)
  const certificate = certificateFor(name('a.example'))
  await router.putCertificate(name('a.example'), new Secret(certificate.pem), signal)
  await router.answerChallenge('token', 'token.print', signal)
  await router.update([route('b.example', 40, [])], signal)
  t.is(await shownCertificate(https, 'a.example'), certificate.fingerprint)
  t.is((await askRouted(http, 'a.example', '/.well-known/acme-challenge/token')).body, 'token.print')
})

test('a chain that is too long to be handed over is put in by a reload', async t => {
  const { router, http, https } = await realRouter(t)
  const server = await backendServer(t, '127.0.5.5')
  await router.replace([route('a.example', 0, [server])], signal)
  const { pem, fingerprint } = certificateFor(name('a.example'))
  const [leaf, key] = splitPem(pem)
  await router.putCertificate(name('a.example'), new Secret(leaf.repeat(40) + key), signal)
  t.is(await shownCertificate(https, 'a.example'), fingerprint)
  t.is((await askRouted(http, 'a.example')).body, server.address)
})

test('what is no certificate and key is refused before HAProxy sees it', async t => {
  const { router, directory } = await realRouter(t)
  const { pem } = certificateFor(name('a.example'))
  const other = certificateFor(name('a.example')).pem
  const [leaf, key] = splitPem(pem)
  const hostile = [
    '',
    leaf,
    key,
    `${pem}\n\nset server fairlead_0/s1 state maint\n`,
    pem.replace('-----END CERTIFICATE', '\n\nshow env\n-----END CERTIFICATE'),
    leaf + splitPem(other)[1],
    pem + key,
  ]
  for (const each of hostile) {
    const { code, saw } = await caughtProblem(
      router.putCertificate(name('a.example'), new Secret(each), signal),
    )
    t.is(code, 'router-failed')
    t.notRegex(saw ?? '', /BEGIN|MII/)
  }
  t.false(existsSync(`${directory}/haproxy.pid`))
})

test('words that would be other commands are refused', async t => {
  const { router } = await realRouter(t)
  await t.throwsAsync(router.answerChallenge('a b', 'c', signal), { instanceOf: TypeError })
  await t.throwsAsync(router.answerChallenge('a', 'c; show env', signal), { instanceOf: TypeError })
  await t.throwsAsync(router.answerChallenge('a\nshow env', 'c', signal), { instanceOf: TypeError })
})
