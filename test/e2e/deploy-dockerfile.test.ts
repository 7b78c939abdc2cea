// The other half of the blog post: a Dockerfile whose FROM is private, with the same credentials.
import test from 'ava'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { page, processes } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  registry = await startRegistry()
  gateway = await startGateway()
  await registry.push('acme/base', '1')
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

const files = (greeting: string) => ({
  Dockerfile: `FROM ${registry.host}/acme/base:1\nCOPY www /www\n`,
  'www/index.html': greeting,
  Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n',
})
const credentials = () => [
  `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
  `APTIBLE_PRIVATE_REGISTRY_USERNAME=${registry.username}`,
  `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${registry.password}`,
]

test('a Dockerfile with a private FROM is built with the app’s credentials, and the next push replaces it', async t => {
  const app = await gateway.app(files('one\n'))
  t.is((await gateway.fairlead(['config:set', '--app', app.name, ...credentials()])).status, 0)
  const first = await app.push()
  t.is(first.status, 0, first.all)
  t.regex(first.stderr, /-----> Building the Dockerfile/)
  t.is(await page(gateway, app.name), 'one\n')

  const second = await app.push(files('two\n'))
  t.is(second.status, 0, second.all)
  t.is(await page(gateway, app.name), 'two\n')
  t.true(
    (await processes(gateway, app.name)).every(
      ({ release, state }) => release === 'v2' || state !== 'running',
    ),
  )
})

test('a variable that is set on a running app makes a new release with it', async t => {
  const app = await gateway.app({
    ...files('x\n'),
    Procfile: 'web: echo "$GREETING" > /tmp/index.html; exec busybox httpd -f -p "$PORT" -h /tmp\n',
  })
  t.is(
    (await gateway.fairlead(['config:set', '--app', app.name, 'GREETING=good morning', ...credentials()]))
      .status,
    0,
  )
  t.is((await app.push()).status, 0)
  t.is(await page(gateway, app.name), 'good morning\n')

  const set = await gateway.fairlead(['config:set', '--app', app.name, 'GREETING=good night'])
  t.is(set.status, 0, set.all)
  t.regex(set.stdout, /Release v2 is live with config version 2/)
  t.is(await page(gateway, app.name), 'good night\n')
})
