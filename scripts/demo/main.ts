// The demo: a gateway, a password-protected registry, and the story of the README told with real pushes: from a private
// image, from a Dockerfile with a private FROM, and once more under load, behind a hostname. `--once` ends when the story
// ends; otherwise the gateway runs until Ctrl-C. Either way nothing of it is left afterwards.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Counted, startLoad } from '../../test/support/load.ts'
import { startRegistry, type TestRegistry } from '../../test/support/registry.ts'
import { makeKey, startDemoGateway } from './gateway.ts'
import { shell } from './shell.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HELLO = 'hello'
const HOSTNAME = `${HELLO}.my-env.localhost`
const once = process.argv.includes('--once')
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort())

const directory = mkdtempSync(join(tmpdir(), 'fairlead-demo-'))
process.exitCode = await run()

async function run(): Promise<number> {
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rmSync(directory, { recursive: true, force: true }))
  try {
    say('A registry that asks for a password, and two images in it')
    const registry = await startRegistry()
    undo.defer(() => registry.stop())
    await fillRegistry(registry)
    note(`${registry.host}/acme/example-docker-app:latest and ${registry.host}/acme/base:1`)

    say('A gateway')
    const key = makeKey(directory)
    const gateway = await startDemoGateway(directory, key)
    undo.defer(() => gateway.stop())
    note(`${gateway.url}, host key ${gateway.fingerprint}`)
    note(`its router, once there is an endpoint: http://localhost:${gateway.http}`)

    const $ = shell({ directory, key, url: gateway.url, stopped: stopped.signal })
    undo.defer(() => destroyApps($))
    await deployTwice($, registry, gateway.url)
    await switchUnderLoad($, gateway.http)
    if (!once) await stayOpen($.checkout(HELLO), gateway.http)
    return 0
  } catch (error) {
    if (stopped.signal.aborted) return 130
    process.stderr.write(`\nThe demo failed: ${(error as Error).message}\n`)
    return 1
  } finally {
    say('Cleaning up')
  }
}

async function fillRegistry(registry: TestRegistry): Promise<void> {
  const greeting = 'Hello from a private image.\n'
  // The Procfile is the blog post's: `bundle` stands in for Rails, and serves a page.
  const bundle = '#!/bin/sh\nexec busybox httpd -f -p "$PORT" -h /www\n'
  await registry.push('acme/example-docker-app', 'latest', {
    files: { '/www/index.html': greeting, '/bin/bundle': bundle },
  })
  await registry.push('acme/base', '1')
}

async function deployTwice($: ReturnType<typeof shell>, registry: TestRegistry, url: string): Promise<void> {
  const credentials = [
    `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
    `APTIBLE_PRIVATE_REGISTRY_USERNAME=${registry.username}`,
    `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${registry.password}`,
  ]
  await $.run('fairlead', 'environment:create', 'my-env', '--stack', 'local')

  say('1. An image from a private registry')
  const app = 'example-docker-app'
  $.enter(app)
  await $.run('git', 'init', '-b', 'master', '.')
  await $.run('fairlead', 'apps:create', app, '--environment', 'my-env')
  await $.run('git', 'remote', 'add', 'aptible', `${url}/my-env/${app}.git`)
  const image = `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/example-docker-app`
  await $.run('fairlead', 'config:set', image, ...credentials)
  $.write('Procfile', 'web: bundle exec rails s\n')
  await $.run('git', 'add', 'Procfile')
  await $.run('git', 'commit', '-q', '-m', 'test docker pull')
  await $.run('git', 'push', 'aptible', 'master')
  await $.fetchPage()

  say('2. A Dockerfile with a private FROM')
  $.enter(HELLO)
  cpSync(join(ROOT, 'examples/hello'), $.checkout(HELLO), { recursive: true })
  const dockerfile = readFileSync(join(ROOT, 'examples/hello/Dockerfile'), 'utf8')
  $.write('Dockerfile', dockerfile.replace('localhost:5000', registry.host))
  await $.run('git', 'init', '-b', 'master', '.')
  await $.run('fairlead', 'apps:create', HELLO, '--environment', 'my-env')
  await $.run('git', 'remote', 'add', 'aptible', `${url}/my-env/${HELLO}.git`)
  await $.run('fairlead', 'config:set', ...credentials)
  await $.run('git', 'add', '.')
  await $.run('git', 'commit', '-q', '-m', 'build it')
  await $.run('git', 'push', 'aptible', 'master')
  await $.fetchPage()
  await $.run('fairlead', 'ps')
}

/** Goes on where the app `hello` was deployed. */
async function switchUnderLoad($: ReturnType<typeof shell>, port: number): Promise<void> {
  say('3. Behind a hostname, and deployed again under load')
  await $.run('fairlead', 'endpoints:create')
  await $.fetchNamed(HOSTNAME, port)
  const load = startLoad({ port, hostname: HOSTNAME })
  try {
    note('From now on, 200 requests a second over 20 connections that are kept open')
    $.write('www/index.html', 'Hello again: nobody noticed.\n')
    await $.run('git', 'commit', '-q', '-a', '-m', 'say it again')
    await $.run('git', 'push', 'aptible', 'master')
    await $.fetchNamed(HOSTNAME, port)
    tell(load.counted())

    say('4. Back again')
    await $.run('fairlead', 'rollback')
    await $.fetchNamed(HOSTNAME, port)
  } finally {
    await load.stop()
  }
  tell(load.counted())
}

function tell({ requests, failed, failures }: Counted): void {
  note(`${failed} of ${requests} requests failed`)
  if (failed > 0) throw new Error(`requests were lost: ${failures.join('; ')}`)
}

async function stayOpen(checkout: string, port: number): Promise<void> {
  say('The gateway goes on running. In another terminal:')
  process.stdout.write(
    [
      `  cd ${checkout}`,
      `  . ../environment            # the demo's key, and fairlead on the PATH`,
      `  curl http://${HOSTNAME}:${port}/`,
      '  fairlead help',
      '  fairlead logs --follow',
      '  git commit --allow-empty -m again && git push aptible master',
      '',
      'Ctrl-C here ends the demo and removes everything it made.',
      '',
    ].join('\n'),
  )
  if (!stopped.signal.aborted) await new Promise(resolve => stopped.signal.addEventListener('abort', resolve))
}

async function destroyApps($: ReturnType<typeof shell>): Promise<void> {
  for (const app of await $.apps())
    await $.quietly('fairlead', 'apps:destroy', '--app', app, '--confirm', app.split('/')[1] ?? '')
}

function say(text: string): void {
  process.stdout.write(`\n=== ${text}\n`)
}

function note(text: string): void {
  process.stdout.write(`    ${text}\n`)
}
