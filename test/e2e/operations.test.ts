// Operations while they run: watched and cancelled by others, left by whoever asked for them at every phase, and the
// commands that run when they have ended. The engine's requests are held back, so that nothing depends on speed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import type { Gate } from '../support/gate.ts'
import { type GatedApps, type OperationRow, startGatedApps } from '../support/gated-apps.ts'
import type { Checkout, Person, TestGateway } from '../support/gateway.ts'
import { onEngine } from '../support/on-engine.ts'
import { page, processes } from '../support/page.ts'
import { branchOf, livePush, refusal, says } from '../support/pushed.ts'
import type { TestRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'

let gated: GatedApps
let gateway: TestGateway
let registry: TestRegistry
let gate: Gate
let bob: Person
let eve: Person

test.before(async () => {
  gated = await startGatedApps()
  ;({ gateway, registry, gate } = gated)
  await gateway.fairlead(['environment:create', 'my-env', '--stack', 'local'])
  ;[bob, eve] = await Promise.all([
    gateway.person('bob', { environment: 'my-env', role: 'deploy' }),
    gateway.person('eve', { environment: 'my-env', role: 'observe' }),
  ])
})
test.after.always(() => gated?.dispose())

/** One release is all there is, as before, and the branch is where it was. */
async function asItWas(t: ExecutionContext, app: Checkout, branch: string): Promise<void> {
  const { containers, tags } = await onEngine(gateway, app.name)
  t.is(containers.length, 1, containers.join())
  t.is(tags.length, 1, tags.join())
  t.is(await page(gateway, app.name), 'one\n')
  t.is(await branchOf(app), branch)
}

async function worksAgain(t: ExecutionContext, app: Checkout): Promise<void> {
  const again = await app.push({ ...gated.files('again\n'), '.aptible.yml': '' })
  t.is(again.status, 0, again.all)
  t.is(await page(gateway, app.name), 'again\n')
}

/** `operation:follow`, with what came so far. */
function follow(app: Checkout, as: Person, ...words: string[]) {
  const child = spawn(
    'ssh',
    [
      ...(as.environment.GIT_SSH_COMMAND?.split(' ').slice(1) ?? []),
      '-p',
      String(gateway.port),
      'git@127.0.0.1',
      ['operation:follow', '--app', app.name, ...words].join(' '),
    ],
    { env: as.environment, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let seen = ''
  child.stdout.on('data', chunk => {
    seen += chunk
  })
  const status = once(child, 'close').then(([code]) => code as number | null)
  return {
    seen: () => seen,
    has: (text: string) => until(`the follower sees ${text}`, async () => seen.includes(text)),
    status,
  }
}

test.serial(
  'an operation is followed by others and cancelled by one of them, and all see by whom',
  async t => {
    const app = await gated.serving(t)
    const before = await branchOf(app)
    const push = await livePush(gateway, app, {
      '.aptible.yml': 'before_release: echo migrating; exec sleep 600\n',
    })
    await says(push, 'remote:        migrating')
    const [watching, numbered] = [follow(app, eve), follow(app, bob, '2')]
    await Promise.all([watching.has('       migrating\n'), numbered.has('       migrating\n')])

    const cancel = (as: Person, number: string) =>
      gateway.fairlead(['operation:cancel', '--app', app.name, number], { as })
    const forbidden = await cancel(eve, '2')
    t.is(forbidden.status, 1)
    t.regex(forbidden.stderr, /it needs the role deploy \(forbidden\)/)
    const unknown = await cancel(bob, '77')
    t.is(unknown.status, 1)
    t.regex(unknown.stderr, /There is no operation "77" \(not-found\)/)
    t.is((await gated.newest(app)).state, 'running')

    const cancelled = await cancel(bob, '2')
    t.is(cancelled.all, 'Operation #2 was cancelled.\n')
    t.is(cancelled.status, 0)
    const { state, problem } = await gated.newest(app)
    t.deepEqual({ state, problem }, { state: 'cancelled', problem: 'cancelled' })
    const told = [
      ' !     Operation #2 was cancelled by bob (cancelled)',
      '       What we saw:   bob cancelled it from 127.0.0.1.',
      '       What runs now: Release v1 (web), as before.',
      '       What to do:    Ask bob why, and ask again when it may go on.',
    ]
    const ended = await push.ended
    t.not(ended.status, 0)
    t.deepEqual(refusal(ended).slice(0, 4), told)
    t.is(await watching.status, 1)
    t.is(await numbered.status, 1)
    const kept = await gateway.fairlead(['operation:logs', '--app', app.name, '2'], { as: eve })
    t.true(kept.stdout.endsWith(`${told.join('\n')}\n`))
    t.is(watching.seen(), kept.stdout)
    t.is(numbered.seen(), kept.stdout)

    const twice = await cancel(bob, '2')
    t.deepEqual([twice.status, twice.all], [0, 'Operation #2 was cancelled already.\n'])
    const late = await cancel(bob, '1')
    t.is(late.status, 1)
    t.regex(late.stderr, /Operation #1 has ended already: it succeeded \(not-cancellable\)/)
    t.is(await follow(app, eve, '1').status, 0)
    await asItWas(t, app, before)
    await worksAgain(t, app)
  },
)

test.serial(
  'a pusher who leaves while waiting, and one who is cancelled then, leave the one that runs alone',
  async t => {
    const app = await gated.serving(t)
    const before = await branchOf(app)
    const running = await livePush(gateway, app, {
      '.aptible.yml': 'before_release: echo migrating; exec sleep 600\n',
    })
    await says(running, 'remote:        migrating')
    const leaving = await livePush(gateway, app)
    await says(leaving, 'Operation #3 waits for #2 (deploy by operator)')
    const waiting = await livePush(gateway, app)
    await says(waiting, 'Operation #4 waits for #2 (deploy by operator), #3 (deploy by operator)')
    const follower = follow(app, eve, '4')
    await follower.has('Operation #4 waits for')

    leaving.leave()
    await leaving.ended
    await says(waiting, 'Operation #4 is next, after #2 (deploy by operator)')
    const cancelled = await gateway.fairlead(['operation:cancel', '--app', app.name, '4'], { as: bob })
    t.is(cancelled.all, 'Operation #4 was cancelled.\n')
    t.not((await waiting.ended).status, 0)
    t.regex((await waiting.ended).stderr, /Operation #4 was cancelled by bob \(cancelled\)/)
    t.is(await follower.status, 1)
    const listed = await gateway.fairlead(['operations', '--app', app.name, '--json'])
    t.deepEqual(
      JSON.parse(listed.stdout).map((row: OperationRow) => [row.operation, row.state]),
      [
        [4, 'cancelled'],
        [3, 'cancelled'],
        [2, 'running'],
        [1, 'succeeded'],
      ],
    )
    running.leave()
    await running.ended
    await until('the last one is cancelled', async () => {
      const rows = await gateway.fairlead(['operations', '--app', app.name, '--json'])
      return JSON.parse(rows.stdout)[2].state === 'cancelled'
    })
    await asItWas(t, app, before)
    await worksAgain(t, app)
  },
)

interface Phase {
  readonly files: (app: Checkout) => Record<string, string>
  readonly config?: (app: Checkout) => Promise<string>
  /** What the engine is not shown before the phase is over. */
  readonly holds?: RegExp
  /** What the pusher reads when the phase has begun. */
  readonly says?: string
}

const PHASES: Record<string, Phase> = {
  pulling: {
    files: () => ({}),
    config: async app => {
      await registry.push('shop', app.app, { files: { '/new': `a layer that the engine lacks: ${app.app}` } })
      return `APTIBLE_DOCKER_IMAGE=${registry.host}/shop:${app.app}`
    },
    holds: /^POST .*\/images\/create/,
  },
  building: {
    files: () => ({ Dockerfile: `FROM ${registry.host}/base:1\nRUN echo at work ; sleep 600\n` }),
    says: 'RUN echo at work',
  },
  before_release: {
    files: () => ({
      ...gated.files('two\n'),
      '.aptible.yml': 'before_release: echo migrating; exec sleep 600\nafter_deploy_failure: echo failed\n',
    }),
    says: 'remote:        migrating',
  },
  starting: { files: () => gated.files('two\n'), holds: /^POST .*\/containers\/[^/]+\/start/ },
  settling: { files: () => ({ Procfile: 'web: exec sleep 600\n' }) },
}

for (const [name, phase] of Object.entries(PHASES)) {
  for (const way of ['Ctrl-C', 'a cancel'] as const) {
    test.serial(`${way} while ${name} leaves everything as it was`, async t => {
      const app = await gated.serving(t)
      const before = await branchOf(app)
      const variable = await phase.config?.(app)
      if (variable) t.is((await gateway.fairlead(['config:set', '--app', app.name, variable])).status, 0)
      await until('one container is left', async () => (await processes(gateway, app.name)).length === 1)

      const held = phase.holds && gate.hold(phase.holds)
      t.teardown(() => held?.release())
      const push = await livePush(gateway, app, phase.files(app))
      if (held) await held.reached
      else if (phase.says) await says(push, phase.says)
      else await until('a candidate runs', async () => (await running(app)) === 2)
      const { operation } = await gated.newest(app)
      if (way === 'Ctrl-C') {
        push.leave()
        await push.ended
        await until('the operation is cancelled', async () => (await gated.newest(app)).state === 'cancelled')
      } else {
        const words = ['operation:cancel', '--app', app.name, String(operation)]
        const cancelled = await gateway.fairlead(words, { as: bob })
        t.is(cancelled.status, 0, cancelled.all)
        t.regex((await push.ended).stderr, /was cancelled by bob \(cancelled\)/)
      }
      t.notRegex((await push.ended).stderr, /after_deploy_failure runs/)
      held?.release()
      await asItWas(t, app, before)
      if (variable) await gateway.fairlead(['config:unset', '--app', app.name, 'APTIBLE_DOCKER_IMAGE'])
      await worksAgain(t, app)
    })
  }
}

const running = async (app: Checkout) =>
  (await processes(gateway, app.name)).filter(({ state }) => state === 'running').length

test.serial(
  'commands that run after a deploy run in what is live, and their end is shown to followers',
  async t => {
    const app = await gated.serving(t)
    const hooks = [
      'after_deploy_success:',
      '  - echo "$APTIBLE_PROCESS_TYPE of $FAIRLEAD_RELEASE serves $(cat /www/index.html)"',
      '  - exit 7',
      '  - echo never',
      'after_deploy_failure: echo "$FAIRLEAD_RELEASE stays, $(cat /www/index.html)"',
      'after_configure_success: echo "changed to $COLOR"',
      '',
    ].join('\n')
    const push = await app.push({ ...gated.files('two\n'), '.aptible.yml': hooks })
    t.is(push.status, 0, push.all)
    t.regex(push.stderr, /after_deploy_success runs behind: `fairlead operation:follow 2` shows it/)
    const follower = follow(app, eve)
    t.is(await follower.status, 0)
    t.deepEqual(follower.seen().trimEnd().split('\n').slice(-5), [
      '-----> Running after_deploy_success',
      '       $ echo "$APTIBLE_PROCESS_TYPE of $FAIRLEAD_RELEASE serves $(cat /www/index.html)"',
      '       after_deploy_success of v2 serves two',
      '       $ exit 7',
      ' !     after_deploy_success failed with exit code 7: exit 7 (it printed nothing). v2 stays live, as it is',
    ])
    await until('only v2 is left', async () => (await onEngine(gateway, app.name)).containers.length === 1)
    t.is(await page(gateway, app.name), 'two\n')

    const failed = await app.push({ 'www/index.html': 'three\n', Procfile: 'web: exit 3\n' })
    t.not(failed.status, 0)
    const watching = follow(app, eve, '3')
    t.is(await watching.status, 1)
    t.is(watching.seen().trimEnd().split('\n').at(-1), '       v2 stays, two')
    t.is((await gated.newest(app)).problem, 'container-exited')
    t.is((await onEngine(gateway, app.name)).containers.length, 1)

    const set = await gateway.fairlead(['config:set', '--app', app.name, 'COLOR=green'])
    t.is(set.status, 0, set.all)
    const changed = follow(app, eve)
    t.is(await changed.status, 0)
    t.is(changed.seen().trimEnd().split('\n').at(-1), '       changed to green')
  },
)

test.serial('a gateway killed while such commands run has deployed, and is not held up by them', async t => {
  const app = await gated.serving(t)
  const push = await app.push({
    ...gated.files('two\n'),
    '.aptible.yml': 'after_deploy_success: echo at it; exec sleep 600\n',
  })
  t.is(push.status, 0, push.all)
  const follower = follow(app, eve)
  await follower.has('       at it\n')
  await gateway.crash()
  t.not(await follower.status, 0)
  await gateway.restart()
  t.deepEqual([(await gated.newest(app)).state, (await gated.newest(app)).problem], ['succeeded', null])
  await until('only v2 is left', async () => (await onEngine(gateway, app.name)).containers.length === 1)
  t.is(await page(gateway, app.name), 'two\n')
  await worksAgain(t, app)
})
