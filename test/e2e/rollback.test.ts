// Going back, as people do it: the page of the release before, with or without its config, from images that the engine
// kept; and what happens to those it did not keep.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { type Checkout, startGateway, type TestGateway } from '../support/gateway.ts'
import { onEngine } from '../support/on-engine.ts'
import { page } from '../support/page.ts'
import { remoteLines } from '../support/pushed.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
let registry: TestRegistry

const SERVE = 'exec busybox httpd -f -p "$PORT" -h /www'
/** Says what was built in, and what the config says. */
const PROCFILE = `web: echo "$COLOUR" > /www/colour; ${SERVE}\n`

test.before(async () => {
  registry = await startRegistry({ anonymous: true })
  await registry.push('acme/base', '1', { files: { '/www/index.html': 'base\n' } })
  gateway = await startGateway({ settle: '60s' })
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

const version = (n: number | string) => ({
  Procfile: PROCFILE,
  Dockerfile: `FROM ${registry.host}/acme/base:1\nCOPY page /www/index.html\n`,
  page: `version ${n}\n`,
})

async function deploy(app: Checkout, n: number | string): Promise<string> {
  const pushed = await app.push(version(n))
  if (pushed.status !== 0) throw new Error(pushed.all)
  return (await app.git('rev-parse', 'HEAD')).stdout.trim()
}

const fairlead = (app: Checkout, ...words: string[]) => gateway.fairlead([...words, '--app', app.name])

async function colour(app: Checkout): Promise<string> {
  const { stdout } = await gateway.fairlead(['ps', '--json', '--app', app.name])
  const live = JSON.parse(stdout).findLast(({ state }: { state: string }) => state === 'running')
  return (await (await fetch(`http://${live.address}:5000/colour`)).text()).trim()
}

const settled = (app: Checkout) =>
  until('one container is left', async () => (await onEngine(gateway, app.name)).containers.length === 1)

test('rollback brings the page of the release before back, and the one it replaced after that', async t => {
  const app = await gateway.app({})
  const [first, second] = [await deploy(app, 1), await deploy(app, 2)]
  await settled(app)
  t.is(await page(gateway, app.name), 'version 2\n')

  const back = await fairlead(app, 'rollback')
  t.is(back.status, 0, back.all)
  t.is(back.stdout, 'Release v3 is live: v1 again.\n')
  t.deepEqual(
    back.stderr.split('\n').map(line => line.trimEnd()),
    [
      `-----> Going back to v1 (commit ${first.slice(0, 12)}, Dockerfile)`,
      '-----> Release v3: web',
      '-----> Replacing web.1 stop-first: the old end before the new start',
      '       web.1 answers on port 5000',
      '-----> v3 is live',
      '',
    ],
  )
  await settled(app)
  t.is(await page(gateway, app.name), 'version 1\n')
  t.is((await app.git('ls-remote', 'aptible', 'master')).stdout.split('\t')[0], second)

  const again = await fairlead(app, 'rollback')
  t.is(again.stdout, 'Release v4 is live: v2 again.\n')
  await settled(app)
  t.is(await page(gateway, app.name), 'version 2\n')

  const releases = JSON.parse((await fairlead(app, 'releases', '--json')).stdout)
  t.like(releases, [
    { release: 'v4', state: 'live', rollback: 'v2', actor: 'operator', commit: second.slice(0, 12) },
    { release: 'v3', state: 'retired', rollback: 'v1', commit: first.slice(0, 12) },
    { release: 'v2', rollback: null },
    { release: 'v1', rollback: null },
  ])
  const kept = await fairlead(app, 'operation:logs', '3')
  t.regex(kept.stdout, /^-----> Going back to v1 /)
  t.is((await onEngine(gateway, app.name)).tags.length, 2)
})

test('the config in force stays, or that of the release comes back with it', async t => {
  const app = await gateway.app({})
  await fairlead(app, 'config:set', 'COLOUR=red')
  await deploy(app, 1)
  await fairlead(app, 'config:set', 'COLOUR=blue')
  await deploy(app, 2)
  await settled(app)

  const back = await fairlead(app, 'rollback', 'v1')
  t.regex(back.stderr, /The config stays as it is\. v1 ran with version 1: --with-config brings that back/)
  await settled(app)
  t.deepEqual([await page(gateway, app.name), await colour(app)], ['version 1\n', 'blue'])

  const withConfig = await fairlead(app, 'rollback', 'v1', '--with-config')
  t.is(withConfig.status, 0, withConfig.all)
  await settled(app)
  t.deepEqual([await page(gateway, app.name), await colour(app)], ['version 1\n', 'red'])
  t.is((await fairlead(app, 'config:get', 'COLOUR')).stdout, 'red\n')

  const same = await fairlead(app, 'rollback', 'v1', '--with-config')
  t.is(same.status, 1)
  t.regex(same.stderr, /would change nothing: .* \(rollback-refused\)/)
})

test('a rollback that fails leaves what ran', async t => {
  const broken = await gateway.app({})
  const dies = { ...version('a'), Procfile: `web: test -z "$KILLER" || exit 4; ${SERVE}\n` }
  t.is((await broken.push(dies)).status, 0)
  t.is((await broken.push({ ...version('b'), Procfile: `web: ${SERVE}\n` })).status, 0)
  t.is((await fairlead(broken, 'config:set', 'KILLER=1')).status, 0)
  await settled(broken)
  const back = await fairlead(broken, 'rollback', 'v1')
  t.is(back.status, 1)
  t.regex(back.stderr, /web\.1 stopped before it had settled: exit code 4 \(container-exited\)/)
  t.regex(back.stderr, /What runs now: Release v3 \(web\), as before\./)
  t.is(await page(gateway, broken.name), 'version b\n')
  t.deepEqual((await onEngine(gateway, broken.name)).containers.length, 1)
  t.is(JSON.parse((await fairlead(broken, 'releases', '--json')).stdout)[1].state, 'live')
})

test('of seven deploys the last five images stay, an older release names its commit, and that deploys', async t => {
  const app = await gateway.app({})
  const commits = []
  for (let n = 1; n <= 7; n += 1) commits.push(await deploy(app, n))
  const tags = await until('five images are left', async () => {
    const { tags } = await onEngine(gateway, app.name)
    return tags.length === 5 && tags
  })
  t.deepEqual(tags.map(tag => tag.replace(/.*:/, '')).sort(), ['op3', 'op4', 'op5', 'op6', 'op7'])

  const old = await fairlead(app, 'rollback', 'v2')
  t.is(old.status, 1)
  t.regex(old.stderr, /The image of release v2 is not on the engine any more \(image-not-found\)/)
  t.regex(old.stderr, /the last 5 releases that were live \(FAIRLEAD_KEEP_RELEASES\), and this one is older/)
  const [, words = ''] = /`fairlead (deploy --git-commitish [0-9a-f]{40})`/.exec(old.stderr) ?? []
  t.true(words.endsWith(commits[1] ?? ''), old.stderr)

  t.is((await fairlead(app, 'rollback', 'v3')).status, 0)
  await settled(app)
  t.is(await page(gateway, app.name), 'version 3\n')
  t.is((await fairlead(app, ...words.split(' '))).status, 0)
  await settled(app)
  t.is(await page(gateway, app.name), 'version 2\n')
  // v3's image was live again meanwhile: v4's is the oldest now.
  await until('v4’s image is gone', async () => {
    const left = (await onEngine(gateway, app.name)).tags.map(tag => tag.replace(/.*:/, ''))
    return left.length === 5 && left.includes('op3') && !left.includes('op4')
  })
})

test('after a crash before the removal, the next start removes what is too old', async t => {
  const crashing = await startGateway({ environment: { FAIRLEAD_KEEP_RELEASES: '3' } })
  t.teardown(() => crashing.dispose())
  const app = await crashing.app({})
  for (let n = 1; n <= 3; n += 1) {
    const pushed = await app.push(version(`crash ${n}`))
    t.is(pushed.status, 0, pushed.all)
  }
  t.is((await onEngine(crashing, app.name)).tags.length, 3)
  await crashing.crash()
  await crashing.restart({ FAIRLEAD_KEEP_RELEASES: '1' })
  const left = await until('one image is left', async () => {
    const { tags } = await onEngine(crashing, app.name)
    return tags.length === 1 && tags
  })
  t.regex(left[0] ?? '', /:op3$/)
  t.is(await page(crashing, app.name), 'version crash 3\n')
})

test('a floor that the disk does not reach refuses builds, and lets rollbacks and images through', async t => {
  const full = await startGateway({ stack: 'build:\n  floor: 0\n' })
  t.teardown(() => full.dispose())
  const app = await full.app({})
  for (const n of [1, 2]) t.is((await app.push(version(`floor ${n}`))).status, 0)
  const file = join(full.stacks, 'local.yml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('floor: 0', 'floor: 90000TiB'))
  const refused = await until('the stack file was read', async () => {
    const pushed = await app.push(version('floor 3'))
    return pushed.status !== 0 && pushed
  })
  const lines = remoteLines(refused).join('\n')
  t.regex(lines, /too little space left on the engine of the stack local for a build \(engine-disk-full\)/)
  t.regex(
    lines,
    /What we saw: {3}[\d.]+[KMGT]iB are free in \/\S+; a build wants 90000TiB \(build\.floor\)\./,
  )
  t.is((await full.fairlead(['rollback', 'v1', '--app', app.name])).status, 0)
})
