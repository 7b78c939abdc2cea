// A gateway whose settings name the socket of an HAProxy that an operator runs: before that runs, and with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { startGateway } from '../support/gateway.ts'
import { page } from '../support/page.ts'
import { startRegistry } from '../support/registry.ts'
import { askRouted } from '../support/routed.ts'
import { until } from '../support/until.ts'

test('without its router a gateway does all but endpoints and says what to run, and with that it serves them', async t => {
  const base = mkdtempSync(join(tmpdir(), 'fairlead-operator-'))
  const socket = join(base, 'own.sock')
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  let haproxy: ChildProcess | undefined
  t.teardown(() => haproxy?.kill('SIGTERM'))
  const registry = await startRegistry({ anonymous: true })
  t.teardown(() => registry.stop())
  await registry.push('base', '1')
  const gateway = await startGateway({ environment: { FAIRLEAD_ROUTER_SOCKET: socket } })
  t.teardown(() => gateway.dispose())

  const app = await gateway.app({
    Dockerfile: `FROM ${registry.host}/base:1\nCOPY www /www\n`,
    'www/index.html': 'here\n',
    Procfile: 'web: exec busybox httpd -f -p 5000 -h /www\n',
  })
  const push = await app.push()
  t.is(push.status, 0, push.all)
  const restarted = await gateway.fairlead(['restart', '--app', app.name])
  t.is(restarted.status, 0, restarted.all)
  t.is(await page(gateway, app.name), 'here\n')
  const create = () => gateway.fairlead(['endpoints:create', 'shop.test', '--app', app.name])
  const refused = await create()
  t.is(refused.status, 1)
  t.true(refused.all.includes(`No HAProxy answers at ${socket} (router-unreachable)`), refused.all)

  const [, ...args] = /Run it with: (haproxy -W .*haproxy\.cfg)$/m.exec(refused.all)?.[1]?.split(' ') ?? []
  haproxy = spawn('/usr/sbin/haproxy', args, { stdio: 'ignore' })
  await until('HAProxy listens', async () => existsSync(socket))
  await until('the endpoint is there', async () => (await create()).status === 0)
  t.is((await askRouted({ host: '127.0.0.1', port: gateway.http }, 'shop.test')).body, 'here\n')
  t.false(existsSync(join(gateway.data, 'router', 'haproxy.pid')))
})
