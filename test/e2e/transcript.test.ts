// The blog post's transcript, typed line for line in its own order, against the compiled gateway. `commit` alone is
// no command anywhere: there `git` was forgotten.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { finish, startGateway, type TestGateway } from '../support/gateway.ts'
import { page } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  registry = await startRegistry()
  gateway = await startGateway({ compiled: true })
  // `bundle` stands in for Rails.
  await registry.push('acme/example-docker-app', 'latest', {
    files: {
      '/www/index.html': 'hello from rails\n',
      '/bin/bundle': '#!/bin/sh\nexec busybox httpd -f -p "$PORT" -h /www\n',
    },
  })
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

test('the transcript of the blog post runs as printed', async t => {
  const cwd = join(gateway.directory, 'example-docker-app')
  mkdirSync(cwd)
  const env = gateway.operator.environment
  const git = (...words: string[]) => finish('git', words, { cwd, env })
  const fairlead = (...words: string[]) => gateway.fairlead(words, { cwd })
  const remote = `${gateway.url}/my-env/example-docker-app.git`
  t.is((await fairlead('environment:create', 'my-env', '--stack', 'local')).status, 0)

  t.is((await git('init', '-b', 'master', '.')).status, 0)
  const created = await fairlead('apps:create', 'example-docker-app', '--environment', 'my-env')
  t.is(created.stdout, `App example-docker-app created!\nGit remote: ${remote}\n`)

  const set = await fairlead(
    'config:set',
    `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
    `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/example-docker-app`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${registry.username}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${registry.password}`,
  )
  t.is(set.status, 0, set.all)

  writeFileSync(join(cwd, 'Procfile'), 'web: bundle exec rails s\n')
  t.is((await git('add', 'Procfile')).status, 0)
  t.is((await git('commit', '-q', '-m', 'test docker pull')).status, 0)
  t.is((await git('remote', 'add', 'aptible', remote)).status, 0)
  const push = await git('push', 'aptible', 'master')
  t.is(push.status, 0, push.all)
  t.regex(push.stderr, /remote: -----> Pulling .*\/acme\/example-docker-app:latest as robot/)
  t.regex(push.stderr, /remote: {8}digest sha256:[0-9a-f]{64}/)
  t.regex(push.stderr, /remote: -----> Release v1: web\s/)
  t.regex(push.stderr, /remote: -----> Starting web\.1\s/)
  t.regex(push.stderr, /remote: -----> v1 is live/)
  t.is(await page(gateway, 'my-env/example-docker-app'), 'hello from rails\n')
})
