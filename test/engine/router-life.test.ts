// HAProxy outlives the gateway, and whatever happens to either the routes are right again.
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Secret } from '../../src/domain/secret.ts'
import { backendServer } from '../support/backend-server.ts'
import { caughtProblem } from '../support/caught-problem.ts'
import { freePort, isHaproxy, realRouter } from '../support/haproxy.ts'
import { certificateFor } from '../support/hostname-certificate.ts'
import { name, route } from '../support/route.ts'
import { askRouted, shownCertificate, upgradeRouted } from '../support/routed.ts'
import { until } from '../support/until.ts'

const { signal } = new AbortController()
test('no HAProxy is started for what can be said without one', async t => {
  const { router, directory } = await realRouter(t)
  t.false(await router.answers(signal))
  t.deepEqual(await router.seen(signal), [])
  await router.remove(name('a.example'), signal)
  await router.removeCertificate(name('a.example'), signal)
  await router.forgetChallenge('token', signal)
  t.is(await router.underWay(new Set(['127.0.0.1']), signal), 0)
  await router.cut(new Set(['127.0.0.1']), signal)
  t.deepEqual(readdirSync(directory), [])
})

test('a gateway that comes back finds HAProxy with its routes, and leaves it running when it goes', async t => {
  const real = await realRouter(t)
  const server = await backendServer(t, '127.0.4.1')
  await real.router.replace([route('a.example', 0, server)], signal)
  const held = await upgradeRouted(real.http, 'a.example')
  const pid = real.pid()
  await real.router.close()
  t.is((await askRouted(real.http, 'a.example')).body, server.address)
  const workers = real.workers()
  const again = real.again()
  t.deepEqual(await again.seen(signal), [route('a.example', 0, server)])
  await again.update([route('b.example', 1, server)], signal)
  t.is((await askRouted(real.http, 'b.example')).body, server.address)
  await real.again().replace([route('a.example', 0, server)], signal)
  t.is((await askRouted(real.http, 'b.example')).status, 404)
  t.is(real.pid(), pid)
  t.deepEqual(real.workers(), workers)
  t.is(await held.echo('still here'), 'still here')
})

for (const victim of ['master', 'worker'] as const) {
  test(`HAProxy whose ${victim} is killed comes back with routes, certificates and challenges`, async t => {
    const { router, http, https, logged, pid, workers } = await realRouter(t)
    const server = await backendServer(t, victim === 'master' ? '127.0.4.2' : '127.0.4.3')
    const certificate = certificateFor(name('a.example'))
    await router.replace([route('a.example', 0, server)], signal)
    await router.update([route('b.example', 1, server), route('c.example', 2)], signal)
    await router.putCertificate(name('a.example'), new Secret(certificate.pem), signal)
    await router.answerChallenge('token', 'token.print', signal)
    const before = pid()
    const [worker = 0] = workers()
    process.kill(victim === 'master' ? before : worker, 'SIGKILL')
    await until('another one runs', async () => pid() !== before && isHaproxy(pid()))
    await until(
      'it answers',
      async () => (await askRouted(http, 'a.example').catch(() => null))?.status === 200,
    )
    t.is((await askRouted(http, 'b.example')).body, server.address)
    t.is((await askRouted(http, 'c.example')).status, 503)
    t.is((await askRouted(http, 'x.example', '/.well-known/acme-challenge/token')).body.trim(), 'token.print')
    t.is(await shownCertificate(https, 'a.example'), certificate.fingerprint)
    await until('it is logged', async () => logged.some(line => line.includes('has been started again')))
    await router.update([route('a.example', 0)], signal)
    t.is((await askRouted(http, 'a.example')).status, 503)
    t.true(await router.answers(signal))
  })
}

test('a socket and a pid file that were left behind do not hinder a start', async t => {
  const real = await realRouter(t)
  const server = await backendServer(t, '127.0.4.4')
  await real.router.replace([route('a.example', 0, server)], signal)
  await real.router.close()
  const before = real.pid()
  process.kill(before, 'SIGKILL')
  await until('it has ended', async () => !isHaproxy(before))
  t.true(existsSync(join(real.directory, 'master.sock')))
  await real.again().replace([route('b.example', 0, server)], signal)
  t.is((await askRouted(real.http, 'b.example')).body, server.address)
  t.is((await askRouted(real.http, 'a.example')).status, 404)
})

test('other addresses in the settings are taken over from what runs, with the routes it has', async t => {
  const real = await realRouter(t)
  const server = await backendServer(t, '127.0.4.5')
  await real.router.replace([route('a.example', 0, server)], signal)
  const held = await upgradeRouted(real.http, 'a.example')
  const pid = real.pid()
  await real.router.close()
  const http = { host: '127.0.0.1', port: await freePort() }
  await real.again({ http, https: null }).update([route('b.example', 1, server)], signal)
  t.is((await askRouted(http, 'a.example')).body, server.address)
  t.is((await askRouted(http, 'b.example')).body, server.address)
  await until('nobody listens there any more', async () => {
    return await askRouted(real.http, 'a.example').then(
      () => false,
      () => true,
    )
  })
  t.is(real.pid(), pid)
  t.is(await held.echo('still here'), 'still here')
})

test('a configuration that an older Fairlead wrote is replaced without a request lost', async t => {
  const real = await realRouter(t)
  const server = await backendServer(t, '127.0.4.6')
  await real.router.replace([route('a.example', 0, server)], signal)
  await real.router.close()
  const config = join(real.directory, 'haproxy.cfg')
  const older = readFileSync(config, 'utf8').replace(/frame=\w+ generation=\w+/, 'frame=0123 generation=4567')
  writeFileSync(config, older.replace('timeout server 60s', 'timeout server 7s'))
  process.kill(real.pid(), 'SIGUSR2')
  const again = real.again()
  t.deepEqual(await again.seen(signal), [route('a.example', 0, server)])
  await again.replace([route('a.example', 0, server)], signal)
  t.regex(readFileSync(config, 'utf8'), /timeout server 60s/)
  t.is((await askRouted(real.http, 'a.example')).body, server.address)
})

test('an address that somebody else listens on is named, with what HAProxy says of it', async t => {
  const server = await backendServer(t, '127.0.0.1')
  const { router } = await realRouter(t, { http: { host: '127.0.0.1', port: server.port }, https: null })
  const { code, headline, saw, hint } = await caughtProblem(router.replace([], signal))
  t.is(code, 'router-unreachable')
  t.is(headline, `HAProxy cannot listen on 127.0.0.1:${server.port}`)
  t.regex(saw ?? '', /Address already in use/)
  t.regex(hint, /^Stop what listens there \(ss -ltnp names it\), or set FAIRLEAD_HTTP/)
})

test('an address on which another HAProxy listens is not shared with it', async t => {
  const { router, http } = await realRouter(t)
  await router.replace([], signal)
  const other = await realRouter(t, { http })
  const { headline } = await caughtProblem(other.router.replace([], signal))
  t.regex(headline, new RegExp(`^HAProxy cannot listen on 127\\.0\\.0\\.1:${http.port} `))
})

test('an address that is taken leaves a running HAProxy as it is, also for later', async t => {
  const real = await realRouter(t)
  const server = await backendServer(t, '127.0.0.1')
  await real.router.replace([route('a.example', 0, server)], signal)
  const other = real.again({ http: { host: '127.0.0.1', port: server.port } })
  const { code, saw } = await caughtProblem(other.update([], signal))
  const wanted = `It is to listen on 127.0.0.1:${server.port} and 127.0.0.1:${real.https.port}.`
  t.deepEqual([code, saw], ['router-unreachable', wanted])
  await other.close()
  await real.router.update([route('b.example', 1, server)], signal)
  t.is((await askRouted(real.http, 'a.example')).body, server.address)
  t.is((await askRouted(real.http, 'b.example')).body, server.address)
})

test('an HAProxy that is being reloaded by somebody else is waited for, not started a second time', async t => {
  const real = await realRouter(t)
  await real.router.replace([route('a.example', 0)], signal)
  const pid = real.pid()
  for (let turn = 0; turn < 5; turn += 1) {
    const before = real.workers()
    process.kill(pid, 'SIGUSR2')
    t.deepEqual(await real.router.seen(signal), [route('a.example', 0)])
    // The signal would end a master that is just beginning anew.
    await until('it was reloaded', async () => real.workers().some(id => id > 0 && !before.includes(id)))
  }
  t.is(real.pid(), pid)
  t.deepEqual(real.logged, [])
})

test('an HAProxy whose process id is just being written down is waited for, not started a second time', async t => {
  const real = await realRouter(t)
  await real.router.replace([route('a.example', 0)], signal)
  const [pid, file, socket] = [
    real.pid(),
    join(real.directory, 'haproxy.pid'),
    join(real.directory, 'master.sock'),
  ]
  let asked = 0
  const silent = createServer(connection => {
    asked += 1
    connection.destroy()
  })
  t.teardown(() => silent.close())
  await new Promise<void>(resolve => silent.listen(`${socket}.silent`, resolve))
  renameSync(socket, `${socket}.aside`)
  renameSync(`${socket}.silent`, socket)
  writeFileSync(file, '')
  const seen = real.router.seen(signal)
  await until('it was asked twice', async () => asked > 1)
  writeFileSync(file, `${pid}\n`)
  renameSync(`${socket}.aside`, socket)
  t.deepEqual(await seen, [route('a.example', 0)])
  t.deepEqual(real.logged, [])
})

test('an HAProxy that ended, and of which no process id is left, is started again', async t => {
  const real = await realRouter(t)
  await real.router.replace([route('a.example', 0)], signal)
  await real.router.close()
  const before = real.pid()
  process.kill(before, 'SIGKILL')
  await until('it has ended', async () => !isHaproxy(before))
  rmSync(join(real.directory, 'haproxy.pid'))
  await real.again().update([route('b.example', 1)], signal)
  t.is((await askRouted(real.http, 'a.example')).status, 503)
  t.is((await askRouted(real.http, 'b.example')).status, 503)
})

test('a program that is not there is named, with the package and the setting', async t => {
  const { router } = await realRouter(t, { binary: '/nowhere/haproxy' })
  t.deepEqual(await caughtProblem(router.replace([], signal)), {
    code: 'router-missing',
    headline: 'Endpoints need HAProxy, and it is not installed here',
    saw: 'FAIRLEAD_HAPROXY is /nowhere/haproxy, and that is no program.',
    hint: 'Install it (Debian: sudo apt-get install haproxy), or set FAIRLEAD_HAPROXY to its path, and try again.',
  })
})

test('a directory whose socket would have too long a path is refused in plain words', async t => {
  const { code, saw } = await caughtProblem(realRouter(t, { directory: join(tmpdir(), 'x'.repeat(90)) }))
  t.is(code, 'router-unreachable')
  t.regex(saw ?? '', /^The path of its socket has \d+ characters; \d+ are possible$/)
})

test('the longest directory that is not refused works', async t => {
  const base = mkdtempSync(join(tmpdir(), 'fairlead-long-'))
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  const longest = 107 - '.1234567.tmp'.length - '/master.sock'.length
  const directory = join(base, 'x'.repeat(longest - base.length - 1))
  const { router } = await realRouter(t, { directory })
  await t.notThrowsAsync(router.replace([], signal))
})

test('an HAProxy of the operator is told and reloaded, but never started', async t => {
  const base = mkdtempSync(join(tmpdir(), 'fairlead-operator-'))
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  const masterSocket = join(base, 'own.sock')
  const { router, directory, http, again } = await realRouter(t, { masterSocket })
  const server = await backendServer(t, '127.0.4.7')
  const config = join(directory, 'haproxy.cfg')
  const problem = await caughtProblem(router.replace([route('a.example', 0, server)], signal))
  const command = `haproxy -W -S ${masterSocket},mode,660 -f ${config}`
  t.deepEqual(problem, {
    code: 'router-unreachable',
    headline: `No HAProxy answers at ${masterSocket}`,
    saw: 'The settings name this socket, so that the gateway starts none itself.',
    hint: `Run it with: ${command}`,
  })
  await router.close()
  const [, ...args] = command.split(' ')
  const child = spawn('/usr/sbin/haproxy', args, { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGTERM'))
  await until('it listens', async () => existsSync(masterSocket))
  const told = again()
  await until('it answers', async () => (await told.seen(signal).catch(() => [])).length === 1)
  t.is((await askRouted(http, 'a.example')).body, server.address)
  await told.update([route('b.example', 40, server)], signal)
  t.is((await askRouted(http, 'b.example')).body, server.address)
  t.false(existsSync(join(directory, 'haproxy.pid')))
})

test('nobody but the gateway may read what lies in the directory', async t => {
  const { router, directory } = await realRouter(t)
  await router.replace([route('a.example', 0)], signal)
  await router.putCertificate(name('a.example'), new Secret(certificateFor(name('a.example')).pem), signal)
  t.is(statSync(directory).mode & 0o777, 0o700)
  for (const file of ['haproxy.cfg', 'workers.key', 'master.sock', 'certificates/a.example.pem']) {
    t.is(statSync(join(directory, file)).mode & 0o777, 0o600, file)
  }
})

test('workers of a gateway that is root are not', async t => {
  const { router, workers } = await realRouter(t)
  await router.replace([], signal)
  const [worker] = workers()
  const status = readFileSync(`/proc/${worker}/status`, 'utf8')
  const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])
  t.is(uid === 0, false)
})
