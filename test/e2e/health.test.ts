// A candidate that does not become healthy, with the real engine: what its pusher is told, and what goes on serving.
import test from 'ava'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { page } from '../support/page.ts'
import { remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  ;[registry, gateway] = await Promise.all([
    startRegistry({ anonymous: true }),
    startGateway({ stack: 'healthy: 6s' }),
  ])
  await registry.push('base', '1')
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

const files = (web: string, dockerfile = '') => ({
  Dockerfile: `FROM ${registry.host}/base:1\nCOPY www /www\n${dockerfile}`,
  'www/index.html': 'one\n',
  Procfile: `web: ${web}\n`,
})
const httpd = (at: string) => `exec busybox httpd -f -p ${at} -h /www`

async function failed(app: Checkout, changed: Record<string, string>): Promise<string> {
  const push = await app.push(changed)
  if (push.status === 0) throw new Error(push.all)
  return remoteLines(push).join('\n')
}

test('an endpoint’s candidate that listens elsewhere, or for itself only, is told from one that boots slowly', async t => {
  const app = await gateway.app(files(httpd('5000')))
  t.is((await app.push()).status, 0)
  const made = await gateway.fairlead([
    'endpoints:create',
    'shop.test',
    '--service',
    'web',
    '--app',
    app.name,
  ])
  t.is(made.status, 0, made.all)

  const elsewhere = await failed(app, files(httpd('3000')))
  t.regex(elsewhere, /web\.1 did not become healthy within 6 s \(health-check-failed\)/)
  t.regex(elsewhere, /GET \/ at port 5000, for shop\.test: connection refused/)
  t.regex(elsewhere, /It listens on \S*:3000\n[\s\S]*endpoints:modify … --port 3000/)
  t.regex(elsewhere, /What runs now: Release v1/)
  const loopback = await failed(app, files(httpd('127.0.0.1:5000')))
  t.regex(loopback, /It listens on 127\.0\.0\.1:5000\n[\s\S]*make it listen on 0\.0\.0\.0:5000/)
  t.is(await page(gateway, app.name), 'one\n')

  const slow = await app.push(files(`sleep 2; ${httpd('5000')}`))
  t.is(slow.status, 0, slow.all)
  t.regex(remoteLines(slow).join('\n'), /web\.1 is healthy: it answers\n-----> v4 is live/)
})

test('the HEALTHCHECK of an image decides, also without an endpoint', async t => {
  const check = (script: string, options = '--interval=1s --retries=1') =>
    `HEALTHCHECK ${options} CMD ["/bin/sh", "-c", "${script}"]\n`
  const app = await gateway.app(files(httpd('5000'), check('true')))
  const healthy = await app.push()
  t.is(healthy.status, 0, healthy.all)
  t.regex(remoteLines(healthy).join('\n'), /web\.1 is healthy by the HEALTHCHECK of its image/)
  const saying = 'echo no database; echo sick since breakfast; exit 4'
  const sick = await failed(app, files(httpd('5000'), check(saying)))
  t.regex(sick, /web\.1 is unhealthy by the HEALTHCHECK of its image \(health-check-failed\)/)
  // An engine that is slow to tell has run it again meanwhile.
  t.regex(
    sick,
    /says: unhealthy\. Its last runs:\n(?: +- exit code 4:\n +no database\n +sick since breakfast\n)+ +It listens on \S*:5000\n +It printed nothing\./,
  )
  const stuck = await failed(
    app,
    files(httpd('5000'), check('sleep 9', '--interval=1s --timeout=1s --retries=1')),
  )
  t.regex(stuck, /says: unhealthy\. Its last runs:\n +- no exit code: .*exceeded timeout/)

  const patient = await failed(app, files(httpd('5000'), check(saying, '--interval=1s --retries=99')))
  t.regex(patient, /web\.1 did not become healthy within 6 s \(health-check-failed\)/)
  t.regex(
    patient,
    /says: starting\. Its last runs:\n(?: +- exit code 4:\n +no database\n +sick .*\n){1,3} +It/,
  )
  const never = await failed(app, files(httpd('5000'), check(saying, '--interval=1h')))
  t.regex(never, /says: starting\. No run of it has ended yet\.\n/)
  t.regex(never, /its --interval is over: give it one well below 6 s\./)
  // It was stopped for each of them, and started again.
  t.is(await page(gateway, app.name), 'one\n')
})
