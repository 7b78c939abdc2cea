// `push:` of .fairlead.yml: what was built from a private base goes to another private registry before it is run.
import test, { type ExecutionContext } from 'ava'
import Docker from 'dockerode'
import { errorBody, startFakeRegistry } from '../support/fake-registry.ts'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { freePort } from '../support/haproxy.ts'
import { onEngine } from '../support/on-engine.ts'
import { page } from '../support/page.ts'
import { livePush, NO_RELEASE, problemText, refusal, remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { startTokenServer, type TestTokenServer } from '../support/token-server.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const WEB = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'

let gateway: TestGateway
/** Where bases come from. */
let bases: TestRegistry
/** Where built images go. */
let target: TestRegistry
let tokens: TestTokenServer
/** Lets `reader` pull, and nobody push. */
let readOnly: TestRegistry

test.before(async () => {
  tokens = await startTokenServer({ users: { reader: { password: 'may read', pull: ['acme/built'] } } })
  ;[gateway, bases, target, readOnly] = await Promise.all([
    startGateway(),
    startRegistry(),
    startRegistry({ username: 'deploy', password: 'for what was built' }),
    startRegistry({ tokenServer: tokens }),
  ])
  await bases.push('acme/base', '1')
  const made = await gateway.fairlead(['environment:create', 'my-env', '--stack', 'local'])
  if (made.status !== 0) throw new Error(made.all)
  await login(bases.host, bases.username, bases.password, '--environment', 'my-env')
})
test.after.always(async () => {
  await gateway?.dispose()
  await Promise.all([bases, target, readOnly, tokens].map(each => each?.stop()))
})

async function login(host: string, username: string, password: string, ...more: string[]): Promise<void> {
  const words = ['registry:login', host, '--username', username, '--password-stdin', ...more]
  const stored = await gateway.fairlead(words, { stdin: password })
  if (stored.status !== 0) throw new Error(stored.all)
}

/** An app whose Dockerfile puts one page on the private base. */
async function builtApp(files: Record<string, string>): Promise<Checkout> {
  const Dockerfile = `FROM ${bases.host}/acme/base:1\nCOPY index.html /www/index.html\n`
  return gateway.app({ Procfile: WEB, Dockerfile, 'index.html': 'first\n', ...files })
}

/** The same, that may push to `target`. */
async function pushingApp(files: Record<string, string>): Promise<Checkout> {
  const app = await builtApp(files)
  await login(target.host, target.username, target.password, '--app', app.name)
  return app
}

function pushTo(image: string, tag: string, pattern?: string): string {
  const only = pattern === undefined ? '' : `    tag: "${pattern}"\n`
  return `  - image_name: ${image}\n    image_tag: "${tag}"\n${only}`
}

async function tagsOf(repository: string): Promise<string[]> {
  const answer = await ask(`${repository}/tags/list`)
  return answer.status === 404 ? [] : ((await answer.json()) as { tags: string[] }).tags.sort()
}

function ask(path: string): Promise<Response> {
  const authorization = `Basic ${btoa(`${target.username}:${target.password}`)}`
  return fetch(`http://${target.host}/v2/${path}`, { headers: { authorization, accept: MANIFEST } })
}

/** Every name in the repository that an image of the engine has. @param repository with its host */
async function namesIn(repository: string): Promise<string[]> {
  const images = await docker.listImages({ all: true })
  const names = images.flatMap(({ RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])])
  return names.filter(name => /^(.*?)(?::[^/]*|@.*)$/.exec(name)?.[1] === repository)
}

function digestIn(lines: readonly string[]): string {
  return lines.map(line => /^ {7}digest (sha256:[0-9a-f]{64})$/.exec(line)?.[1]).find(Boolean) ?? ''
}

function inOrder(t: ExecutionContext, lines: readonly string[], ...beginnings: string[]): void {
  const places = beginnings.map(each => lines.findIndex(line => line.startsWith(each)))
  t.false(places.includes(-1), `${beginnings.join('\n')}\nin\n${lines.join('\n')}`)
  t.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  )
}

test('what was built is pushed under the tag its commit makes, and is what runs', async t => {
  const tag = '{{ .Branch }}-{{ .CommitID }}-{{.CommitterUsername}}_{{ .CommitMessage }}'
  const pushes = `push:\n${pushTo(`${target.host}/acme/one`, tag)}`
  // A layer that no other test brings into the registry.
  const app = await pushingApp({ '.fairlead.yml': pushes, 'index.html': 'pushed and run\n' })
  const commit = await app.commit('Fix: the front page!\n\nIt was (wholly) wrong.')
  const push = await app.git('push', 'aptible', 'HEAD:refs/heads/master')
  t.is(push.status, 0, push.all)

  const expanded = `master-${commit}-operator_FixthefrontpageItwaswhollywrong.`
  const lines = remoteLines(push)
  const pushing = `-----> Pushing ${target.host}/acme/one:${expanded} as deploy (registry:login for the app ${app.name})`
  inOrder(t, lines, '-----> Building', pushing, '       Pushed ', '       digest ', '-----> Release v1: web')
  t.regex(push.stderr, /remote: {8}Pushing 0 of \d layers, 0%/)
  t.regex(
    lines.find(line => line.startsWith('       Pushed ')) ?? '',
    /^ {7}Pushed \d layers?(?: \(1 was there already\))?, [\d.]+ [kM]?B$/,
  )
  const kept = await gateway.fairlead(['operation:logs', '--app', app.name, '1'])
  t.true(kept.stdout.includes(pushing), kept.all)

  t.deepEqual(await tagsOf('acme/one'), [expanded])
  const digest = digestIn(lines)
  t.is((await ask(`acme/one/manifests/${expanded}`)).headers.get('docker-content-digest'), digest)
  t.deepEqual(await namesIn(`${target.host}/acme/one`), [], 'names of the registry on the engine')

  const [container = ''] = (await onEngine(gateway, app.name)).containers
  const running = (await docker.getContainer(container.slice(1)).inspect()).Image
  const name = `${target.host}/acme/one@${digest}`
  const { username, password } = target
  const pull = await docker.pull(name, { authconfig: { username, password, serveraddress: target.host } })
  await new Promise((resolve, reject) =>
    docker.modem.followProgress(pull, error => (error ? reject(error) : resolve(null))),
  )
  t.is((await docker.getImage(name).inspect()).Id, running)
  await docker.getImage(name).remove()
  t.is(await page(gateway, app.name), 'pushed and run\n')
})

test('each entry is for the branches that its pattern fits, the one named by `deploy` too', async t => {
  const [all, some] = [`${target.host}/acme/all`, `${target.host}/acme/some`]
  const pushes = `${pushTo(all, '{{ .Branch }}')}${pushTo(some, '{{.Branch}}-{{.BuildID}}', '^release/.*$')}`
  const app = await pushingApp({ '.fairlead.yml': `push:\n${pushes}` })
  const push = await app.push()
  t.is(push.status, 0, push.all)
  const skipped = `-----> Not pushed to ${some}: the branch master does not match ^release/.*$`
  inOrder(t, remoteLines(push), `-----> Pushing ${all}:master as deploy`, skipped, '-----> Release v1')
  t.deepEqual([await tagsOf('acme/all'), await tagsOf('acme/some')], [['master'], []])

  const stored = await app.push({ 'index.html': 'second\n' }, 'release/1.0')
  t.is(stored.status, 0, stored.all)
  const words = ['deploy', '--app', app.name, '--git-commitish', 'release/1.0']
  const deployed = await gateway.fairlead(words)
  t.is(deployed.status, 0, deployed.all)
  inOrder(
    t,
    deployed.all.split('\n').map(line => line.trimEnd()),
    `-----> Pushing ${all}:release1.0 as deploy`,
    `-----> Pushing ${some}:release1.0-2 as deploy`,
    '-----> Release v2',
  )
  t.deepEqual(
    [await tagsOf('acme/all'), await tagsOf('acme/some')],
    [['master', 'release1.0'], ['release1.0-2']],
  )
  t.is(await page(gateway, app.name), 'second\n')
})

test('the keys may stand in .aptible.yml; a scan checks them and pushes nothing', async t => {
  const image = `${target.host}/acme/two`
  const app = await pushingApp({ '.aptible.yml': `push:\n${pushTo(image, 'v-{{ .CommitId }}')}` })
  const wrong = await app.push({}, 'aptible-scan')
  t.is(wrong.status, 1, wrong.all)
  t.regex(refusal(wrong)[0] ?? '', /^ ! {5}\.aptible\.yml:3: .*CommitId.*\(fairlead-yml-invalid\)$/)

  const files = { '.aptible.yml': `push:\n${pushTo(image, 'v-{{ .CommitID }}')}` }
  const scan = await app.push(files, 'aptible-scan')
  t.is(scan.status, 0, scan.all)
  inOrder(t, remoteLines(scan), '-----> Building', '-----> It can be deployed')
  t.false(scan.all.includes('Pushing '))
  t.deepEqual(await tagsOf('acme/two'), [])

  const push = await app.push()
  t.is(push.status, 0, push.all)
  t.deepEqual(await tagsOf('acme/two'), [`v-${(await app.git('rev-parse', 'HEAD')).stdout.trim()}`])
})

test('a name that no template knows is refused before anything is built', async t => {
  const app = await pushingApp({
    '.fairlead.yml': `push:\n${pushTo(`${target.host}/acme/never`, '{{ .Brunch }}')}`,
  })
  const push = await app.push()
  t.is(push.status, 1, push.all)
  t.deepEqual(
    refusal(push),
    problemText({
      headline:
        '.fairlead.yml:3: image_tag: there is no {{ .Brunch }}: did you mean {{ .Branch }}? (fairlead-yml-invalid)',
      saw: '    image_tag: "{{ .Brunch }}"',
      runs: NO_RELEASE,
      todo: 'Write `push:` and below it `  - image_name: quay.io/acme/shop` for each image; below that, where you want them, `    image_tag: "{{ .Branch }}-{{ .CommitID }}"` and `    tag: "^master$"`, with the quotes. Commit and push again.',
    }),
  )
  t.is(remoteLines(push)[0], refusal(push)[0], 'the refusal is all there is')
  const { containers, tags } = await onEngine(gateway, app.name)
  t.deepEqual(
    { containers, tags, pushed: await tagsOf('acme/never') },
    { containers: [], tags: [], pushed: [] },
  )
})

test('a push that fails leaves what ran before, and nothing else', async t => {
  const app = await builtApp({})
  const first = await app.push()
  t.is(first.status, 0, first.all)
  const before = await onEngine(gateway, app.name)

  const gone = { host: `127.0.0.1:${await freePort()}` }
  const failing = await startFakeRegistry(({ method }) =>
    method === 'POST'
      ? { status: 403, body: errorBody('DENIED', 'quota of the project exceeded') }
      : { status: method === 'GET' ? 200 : 404, body: {} },
  )
  t.teardown(() => failing.stop())
  const ofApp = ['--app', app.name] as const
  for (const { host, code, prepare } of [
    { host: target.host, code: 'registry-login-required' },
    {
      host: target.host,
      code: 'registry-login-failed',
      prepare: () => login(target.host, 'deploy', 'not the password', '--no-check', ...ofApp),
    },
    {
      host: readOnly.host,
      code: 'registry-denied',
      prepare: () => login(readOnly.host, 'reader', 'may read', ...ofApp),
    },
    { host: gone.host, code: 'registry-unreachable' },
    { host: failing.host, code: 'image-push-failed' },
  ]) {
    await prepare?.()
    const push = await app.push({
      'index.html': `for ${code}\n`,
      '.fairlead.yml': `push:\n${pushTo(`${host}/acme/built`, 'latest')}`,
    })
    t.is(push.status, 1, push.all)
    const [headline = '', ...rest] = refusal(push)
    t.true(headline.endsWith(` (${code})`), push.all)
    t.true(headline.includes('push'), headline)
    t.true(rest.includes('       What runs now: Release v1 (web), as before.'), push.all)
    inOrder(t, remoteLines(push), '-----> Building', `-----> Pushing ${host}/acme/built:latest`, ' !     ')
    t.false(push.all.includes('Release v2'))
    t.deepEqual(await onEngine(gateway, app.name), before)
    t.deepEqual(await namesIn(`${host}/acme/built`), [])
    t.is(await page(gateway, app.name), 'first\n')
  }
})

test('Ctrl-C in mid-push leaves nothing', async t => {
  const hanging = await startFakeRegistry(({ method }) =>
    method === 'POST' ? 'hang' : { status: method === 'GET' ? 200 : 404, body: {} },
  )
  t.teardown(() => hanging.stop())
  const app = await builtApp({ '.fairlead.yml': `push:\n${pushTo(`${hanging.host}/acme/built`, 'latest')}` })
  const push = await livePush(gateway, app)
  await push.sees(`-----> Pushing ${hanging.host}/acme/built:latest`)
  await until('a layer is on its way', async () => hanging.requests.some(({ method }) => method === 'POST'))
  t.deepEqual(await namesIn(`${hanging.host}/acme/built`), [`${hanging.host}/acme/built:latest`])
  push.leave()
  await push.ended
  await until('the operation has ended', async () => {
    const listed = await gateway.fairlead(['operations', '--app', app.name, '--json'])
    return JSON.parse(listed.stdout)[0].state === 'cancelled'
  })
  const { containers, tags } = await onEngine(gateway, app.name)
  t.deepEqual({ containers, tags }, { containers: [], tags: [] })
  t.deepEqual(await namesIn(`${hanging.host}/acme/built`), [])
})
