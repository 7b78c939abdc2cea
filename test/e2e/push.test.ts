// What a push does, by branch, by content and by what else goes on: over real git, to a real engine.
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { type Checkout, finish, startGateway, type TestGateway } from '../support/gateway.ts'
import { inContainers, onEngine } from '../support/on-engine.ts'
import { page, processes } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  registry = await startRegistry({ anonymous: true })
  gateway = await startGateway({ settle: '60s', environment: { FAIRLEAD_MAX_PUSH: '1MiB' } })
  await registry.push('acme/base', '1')
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
})

const PROCFILE = 'web: test "$FAIL" != yes && exec busybox httpd -f -p "$PORT" -h /www\n'
const files = (greeting: string) => ({
  Dockerfile: `FROM ${registry.host}/acme/base:1\nCOPY www /www\n`,
  'www/index.html': `${greeting}\n`,
  Procfile: PROCFILE,
})

const repository = (app: Checkout) => join(gateway.data, 'repositories', `${app.name}.git`)
/** What the gateway's repository has, asked with git itself. */
async function stored(app: Checkout, ref: string): Promise<string | null> {
  const asked = await finish('git', ['--git-dir', repository(app), 'rev-parse', '--verify', '-q', ref], {
    cwd: gateway.directory,
  })
  if (asked.status !== 0 && asked.all !== '') throw new Error(asked.all)
  return asked.status === 0 ? asked.stdout.trim() : null
}
const head = async (app: Checkout) => (await app.git('rev-parse', 'HEAD')).stdout.trim()
const quarantines = (app: Checkout) =>
  readdirSync(join(repository(app), 'objects')).filter(name => /incoming/.test(name))
async function list(app: Checkout, command: string) {
  const asked = await gateway.ssh(`${command} --app ${app.name} --json`)
  return JSON.parse(asked.stdout)
}

test('main deploys like master, and a failed deploy rejects the push and leaves ref and pages as they were', async t => {
  const app = await gateway.app(files('one'))
  const first = await app.push({}, 'main')
  t.is(first.status, 0, first.all)
  const before = await head(app)
  t.is(await stored(app, 'refs/heads/main'), before)
  t.is(await page(gateway, app.name), 'one\n')

  const failed = await app.push({ ...files('two'), Procfile: 'web: echo no luck; exit 3\n' }, 'main')
  t.not(failed.status, 0)
  t.regex(failed.stderr, /remote: .*no luck/)
  t.regex(failed.stderr, /\(container-exited\)/)
  t.regex(failed.stderr, /What runs now: Release v1 \(web\), as before\./)
  t.regex(failed.stderr, /! \[remote rejected\] .*pre-receive hook declined/)
  t.is(await stored(app, 'refs/heads/main'), before)
  t.is(await page(gateway, app.name), 'one\n')
  t.deepEqual(quarantines(app), [])
  const { containers, tags } = await onEngine(gateway, app.name)
  t.is(containers.length, 1)
  t.is(tags.length, 1)

  // The same commit again after what is a crash between the promotion and the update of the ref.
  await app.git('reset', '-q', '--hard', before)
  await app.push(files('three'), 'main')
  const live = await head(app)
  const serving = await until('v1 is retired', async () => {
    const rows = await processes(gateway, app.name)
    return rows.length === 1 ? rows.map(({ container }) => container) : null
  })
  t.is(
    (
      await finish('git', ['--git-dir', repository(app), 'update-ref', 'refs/heads/main', before], {
        cwd: gateway.directory,
      })
    ).status,
    0,
  )
  const again = await app.git('push', 'aptible', 'HEAD:refs/heads/main')
  t.is(again.status, 0, again.all)
  t.regex(again.stderr, /This commit is live already, as v\d+: nothing to start/)
  t.is(await stored(app, 'refs/heads/main'), live)
  t.deepEqual(
    (await processes(gateway, app.name)).map(({ container }) => container),
    serving,
  )
})

test('another branch and a tag are stored, and can be deployed by name with config in one operation', async t => {
  const app = await gateway.app(files('base'))
  const branch = await app.push({}, 'feature/x')
  t.is(branch.status, 0, branch.all)
  t.regex(branch.stderr, /remote: -----> feature\/x: stored, not deployed \(only master and main are\)/)
  const commit = await head(app)
  t.is(await stored(app, 'refs/heads/feature/x'), commit)
  await app.git('tag', '-a', 'v9', '-m', 'nine')
  const tag = await app.git('push', 'aptible', 'v9')
  t.is(tag.status, 0, tag.all)
  t.regex(tag.stderr, /v9: stored, not deployed/)
  t.not(await stored(app, 'refs/tags/v9'), null)
  t.deepEqual(await list(app, 'ps'), [])
  t.deepEqual(await list(app, 'releases'), [])

  // A first deploy that fails: neither its config nor its code is in force.
  const set = await gateway.ssh(`config:set KEPT=kept --app ${app.name}`)
  t.is(set.status, 0)
  const failed = await gateway.fairlead([
    'deploy',
    '--app',
    app.name,
    '--git-commitish',
    'feature/x',
    'FAIL=yes',
    'KEPT=changed',
  ])
  t.is(failed.status, 1, failed.all)
  t.regex(failed.stderr, /\(container-exited\)/)
  t.deepEqual(await list(app, 'config'), { KEPT: 'kept' })
  t.deepEqual(await list(app, 'ps'), [])

  const deployed = await gateway.fairlead([
    'deploy',
    '--app',
    app.name,
    '--git-commitish',
    'feature/x',
    'GREETING=hi',
  ])
  t.is(deployed.status, 0, deployed.all)
  t.regex(deployed.stdout, /^Release v2 is live\.\n$/)
  t.deepEqual(await list(app, 'config'), { GREETING: 'hi', KEPT: 'kept' })
  t.is(await page(gateway, app.name), 'base\n')

  await app.push(files('broken'), 'other')
  const worse = await gateway.fairlead([
    'deploy',
    '--app',
    app.name,
    '--git-commitish',
    'other',
    'FAIL=yes',
    'GREETING=bye',
  ])
  t.is(worse.status, 1)
  t.regex(worse.stderr, /What runs now: Release v2/)
  t.deepEqual(await list(app, 'config'), { GREETING: 'hi', KEPT: 'kept' })
  t.is(await page(gateway, app.name), 'base\n')
  const [, ...releases] = await list(app, 'releases')
  t.deepEqual(
    releases.map(({ release, state, commit: of }: Record<string, string>) => [release, state, of]),
    [
      ['v2', 'live', commit.slice(0, 12)],
      ['v1', 'failed', commit.slice(0, 12)],
    ],
  )

  const unknown = await gateway.ssh(`deploy --app ${app.name} --git-commitish nowhere`)
  t.regex(unknown.stderr, /No commit "nowhere" is stored.*\(commit-not-found\)[\s\S]*feature\/x, other/)
  const bare = await gateway.ssh(`deploy --app ${app.name}`)
  t.regex(bare.stderr, /Nothing was pushed to master or main yet/)

  const gone = await app.git('push', 'aptible', ':refs/heads/other')
  t.is(gone.status, 0, gone.all)
  t.regex(gone.stderr, /remote: -----> other: deleted/)
  t.notRegex(gone.stderr, /stored/)
  t.is(await stored(app, 'refs/heads/other'), null)
})

test('aptible-scan checks a commit and leaves nothing on the engine', async t => {
  const app = await gateway.app(files('scanned'))
  const scan = await app.push({}, 'aptible-scan')
  t.is(scan.status, 0, scan.all)
  t.regex(scan.stderr, /-----> Building the Dockerfile/)
  t.regex(scan.stderr, /It can be deployed: web\. Nothing was started/)
  const nothing = { containers: [], tags: [] }
  t.like(await onEngine(gateway, app.name), nothing)
  t.deepEqual(await list(app, 'releases'), [])

  const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ Procfile: `${PROCFILE}we b: x\n` }, /Procfile:2/],
    [
      {
        Procfile: PROCFILE,
        Dockerfile: `FROM ${registry.host}/acme/base:1\nRUN echo from the build && exit 7\n`,
      },
      /from the build[\s\S]*\(build-failed\)/,
    ],
    [{ Dockerfile: 'FORM x\n' }, /\(dockerfile-invalid\)/],
  ]
  const accepted = await stored(app, 'refs/heads/aptible-scan')
  for (const [change, said] of wrong) {
    const refused = await app.push(change, 'aptible-scan')
    t.not(refused.status, 0)
    t.regex(refused.stderr, said)
    t.is(await stored(app, 'refs/heads/aptible-scan'), accepted)
    t.like(await onEngine(gateway, app.name), nothing)
  }
})

test('what cannot be deployed whole is refused before anything is done', async t => {
  const app = await gateway.app(files('whole'))
  await app.commit()
  const both = await app.git('push', 'aptible', 'HEAD:refs/heads/master', 'HEAD:refs/heads/main')
  t.not(both.status, 0)
  t.regex(both.stderr, /One push can deploy one branch \(usage\)[\s\S]*master and main|main and master/)
  for (const ref of ['refs/heads/master/x', 'refs/heads/main/x', 'refs/heads/aptible-scan/x']) {
    const below = await app.git('push', 'aptible', `HEAD:${ref}`)
    t.not(below.status, 0, ref)
    t.regex(below.stderr, /could never be pushed again/, ref)
  }
  // A branch is a commit: anything else would go live, and then git would refuse the ref.
  await app.git('tag', '-a', 'annotated', '-m', 'a tag')
  for (const object of ['annotated', 'HEAD^{tree}', 'HEAD:Procfile']) {
    const id = (await app.git('rev-parse', object)).stdout.trim()
    const odd = await app.git('push', 'aptible', `${id}:refs/heads/master`)
    t.not(odd.status, 0, object)
    t.regex(odd.stderr, /is not a commit that the gateway has \(commit-not-found\)/, object)
  }
  t.deepEqual(await list(app, 'releases'), [])
  t.is(await stored(app, 'refs/heads/master'), null)

  // A new commit on history that the clone does not have.
  await app.commit('more')
  const shallow = join(gateway.directory, 'shallow')
  const env = gateway.operator.environment
  await finish('git', ['clone', '-q', '--depth', '1', `file://${app.directory}`, shallow], {
    cwd: gateway.directory,
    env,
  })
  const cut = await finish('git', ['push', `${gateway.url}/${app.name}.git`, 'master'], { cwd: shallow, env })
  t.not(cut.status, 0)
  t.regex(cut.stderr, /\(push-shallow\)[\s\S]*git fetch --unshallow/)

  const large = await app.push({ 'large.bin': randomBytes(1_500_000).toString('base64') })
  t.not(large.status, 0)
  t.regex(large.stderr, /larger than 1 MiB, the most that this gateway accepts \(push-too-large\)/)
  t.regex(large.stderr, /FAIRLEAD_MAX_PUSH/)
  t.deepEqual(await list(app, 'releases'), [])
  t.deepEqual(quarantines(app), [])
  await app.git('reset', '-q', '--hard', 'HEAD^')

  // Options are taken, and it is said that they mean nothing here.
  const pushed = await app.git(
    'push',
    '-o',
    'ci.skip',
    '-o',
    'two words',
    'aptible',
    'HEAD:refs/heads/master',
  )
  t.is(pushed.status, 0, pushed.all)
  t.regex(pushed.stderr, /Push option "ci\.skip" is not known here/)
  t.regex(pushed.stderr, /Push option "two words" is not known here/)
  const live = await stored(app, 'refs/heads/master')
  t.is(live, await head(app))

  for (const words of [
    [':refs/heads/master'],
    ['--mirror'],
    [':refs/heads/master', 'HEAD:refs/heads/side'],
  ]) {
    if (words[0] === '--mirror') await app.git('checkout', '-q', '--detach')
    if (words[0] === '--mirror') await app.git('branch', '-q', '-D', 'master')
    const deleted = await app.git('push', 'aptible', ...words)
    t.not(deleted.status, 0, words.join(' '))
    t.regex(deleted.stderr, /\(push-deletes-branch\)|\(name-invalid\)/, words.join(' '))
    t.is(await stored(app, 'refs/heads/master'), live)
  }
  t.is(await page(gateway, app.name), 'whole\n')
})

test('the second of two pushes is told whom it waits for, and refused when the branch has moved', async t => {
  const app = await gateway.app({
    ...files('first'),
    '.aptible.yml':
      'before_release:\n  - for i in $(seq 1200); do test -e /tmp/go && exit 0; sleep 0.1; done; exit 1\n',
  })
  const url = `${gateway.url}/${app.name}.git`
  const env = gateway.operator.environment
  await app.commit()
  const rival = join(gateway.directory, 'rival')
  await finish('git', ['clone', '-q', app.directory, rival], { cwd: gateway.directory, env })
  await finish('git', ['commit', '-q', '--allow-empty', '-m', 'rival'], { cwd: rival, env })

  const first = app.git('push', 'aptible', 'HEAD:refs/heads/master')
  await until('the first push runs its commands', async () => {
    const rows = await processes(gateway, app.name)
    return rows.some(({ state }) => state === 'running')
  })
  const second = finish('git', ['push', url, 'HEAD:refs/heads/master'], { cwd: rival, env })
  await until('the second push waits', async () => (await list(app, 'operations')).length === 2)
  await inContainers(gateway, app.name, ['touch', '/tmp/go'])

  const [won, lost] = await Promise.all([first, second])
  t.is(won.status, 0, won.all)
  t.not(lost.status, 0, lost.all)
  t.regex(lost.stderr, /Operation #2 waits for #1 \(deploy by operator\)/)
  t.regex(
    lost.stderr,
    /master moved on while this push waited for its turn \(push-outdated\)[\s\S]*git fetch/,
  )
  t.is(await stored(app, 'refs/heads/master'), await head(app))
  const releases = await list(app, 'releases')
  t.deepEqual(
    releases.map(({ state, commit }: Record<string, string>) => [state, commit]),
    [['live', (await head(app)).slice(0, 12)]],
  )
})

test('what was pushed can be cloned and fetched again, over version 2 of the protocol', async t => {
  const app = await gateway.app({ 'a file': 'its content\n' })
  t.is((await app.push({}, 'topic')).status, 0)
  const env = { ...gateway.operator.environment, GIT_TRACE_PACKET: '1' }
  const url = `${gateway.url}/${app.name}.git`
  const clone = join(gateway.directory, 'clone')
  const cloned = await finish('git', ['clone', '-b', 'topic', url, clone], { cwd: gateway.directory, env })
  t.is(cloned.status, 0, cloned.all)
  t.regex(cloned.stderr, /clone< version 2/)
  t.is(readFileSync(join(clone, 'a file'), 'utf8'), 'its content\n')

  t.is((await app.push({ 'a file': 'changed\n' }, 'topic')).status, 0)
  const fetched = await finish('git', ['pull', '-q', '--ff-only'], {
    cwd: clone,
    env: gateway.operator.environment,
  })
  t.is(fetched.status, 0, fetched.all)
  t.is(readFileSync(join(clone, 'a file'), 'utf8'), 'changed\n')
})
