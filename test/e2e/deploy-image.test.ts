// The transcript of the blog post: an image from a private registry, pushed as nothing but a Procfile.
import test from 'ava'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { page } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  registry = await startRegistry()
  gateway = await startGateway()
  await registry.push('acme/shop', 'latest', { files: { '/www/index.html': 'hello from the image\n' } })
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

const WEB = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'

test('a Procfile and an image from a private registry are enough to run an app', async t => {
  const checkout = await gateway.app({ Procfile: `${WEB}worker: exec sleep 1000\n` })
  const set = await gateway.fairlead([
    'config:set',
    '--app',
    checkout.name,
    `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
    `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/shop`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${registry.username}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${registry.password}`,
  ])
  t.is(set.status, 0, set.all)
  t.regex(set.stdout, /^Stored as config version 1\. The app is not deployed yet/)

  const push = await checkout.push()
  t.is(push.status, 0, push.all)
  t.regex(push.stderr, new RegExp(`remote: -----> Pulling ${registry.host}/acme/shop:latest as robot`))
  t.regex(push.stderr, /remote: {8}digest sha256:[0-9a-f]{64}/)
  t.regex(push.stderr, /remote: -----> Release v1: web, worker/)
  t.regex(push.stderr, /remote: -----> Starting web\.1, worker\.1/)
  t.regex(push.stderr, /remote: -----> v1 is live/)
  t.false(push.all.includes(registry.password))

  t.is(await page(gateway, checkout.name), 'hello from the image\n')
})
