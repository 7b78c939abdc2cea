// Going back: what is brought back and what stays, when it is refused, and that a rollback that fails leaves what ran.
import test, { type ExecutionContext } from 'ava'
import { configInForce } from '../../../src/deploy/config-in-force.ts'
import { configure } from '../../../src/deploy/configure.ts'
import { OperationFailed } from '../../../src/deploy/operation-failed.ts'
import { type RollbackWish, rollback } from '../../../src/deploy/rollback.ts'
import type { Problem } from '../../../src/domain/problem.ts'
import type { Release } from '../../../src/domain/release.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { type DeployGroundOptions, DIGEST, deployGround } from '../../support/deploy-ground.ts'

const files = (version: number) => ({
  Procfile: `web: serve ${version}\n`,
  Dockerfile: 'FROM scratch\n',
  version: String(version),
})

async function bench(t: ExecutionContext, options?: DeployGroundOptions) {
  const made = await deployGround(t, options)
  const { store } = made.ground
  let said = ''
  const request = (kind: 'rollback' | 'configure') => ({
    kind,
    subject: '',
    actor: made.actor('bea'),
    say: (text: string) => {
      said += text
    },
    signal: new AbortController().signal,
  })
  return {
    ...made,
    said: () => said,
    live: () => store.releases.live(made.app.id)?.number,
    async deploy(version: number): Promise<string> {
      const id = await made.commit(files(version))
      const push = await made.push(id)
      if (!push.accepted) throw new Error(push.said)
      await made.background.idle()
      return id
    },
    set: (values: Record<string, string>) =>
      made.operations.run(made.app, request('configure'), run =>
        configure(
          made.ground,
          made.app,
          new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)])),
          [],
          run,
        ),
      ),
    back(wish: Partial<RollbackWish> = {}): Promise<Release> {
      const seen = store.releases.live(made.app.id)?.number ?? null
      return made.operations.run(made.app, request('rollback'), run =>
        rollback(made.ground, made.app, { release: null, seen, withConfig: false, ...wish }, run),
      )
    },
  }
}

async function refused(t: ExecutionContext, work: Promise<unknown>): Promise<Problem> {
  const failed = await t.throwsAsync(work, { instanceOf: OperationFailed })
  return (failed as OperationFailed).problem
}

test('without a number the release that was live before comes back, as a new one, with nothing built', async t => {
  const made = await bench(t)
  const first = await made.deploy(1)
  await made.deploy(2)
  const before = made.engine.calls.length
  const release = await made.back()
  await made.background.idle()

  const v1 = made.ground.store.releases.byNumber(made.app.id, 1)
  t.like(release, { number: 3, commit: first, rollbackOf: 1, operation: 3 })
  t.deepEqual([release.image, release.processes], [v1?.image, v1?.processes])
  t.is(made.live(), 3)
  t.deepEqual(made.present(), ['v3 web.1 running'])
  t.like(made.engine.containers[0]?.spec, { image: v1?.image.tag, command: ['/bin/sh', '-c', 'serve 1'] })
  const during = made.engine.calls.slice(before).map(call => call.split(' ')[0])
  t.false(
    ['build', 'pull', 'push', 'facts'].some(call => during.includes(call)),
    during.join(),
  )
  t.like(made.ground.store.operations.byNumber(made.app.id, 3), {
    kind: 'rollback',
    state: 'succeeded',
    actor: 'bea',
  })
  t.regex(
    made.said(),
    new RegExp(
      `^-----> Going back to v1 \\(commit ${first.slice(0, 12)}, Dockerfile\\)\\n-----> Release v3: web\\n`,
    ),
  )
})

test('a second rollback goes back from the first', async t => {
  const made = await bench(t)
  await made.deploy(1)
  const second = await made.deploy(2)
  await made.back()
  t.like(await made.back(), { number: 4, rollbackOf: 2, commit: second })
})

test('a release that failed is passed over, and named it is refused with the operation that tells why', async t => {
  const made = await bench(t, {
    program: ({ labels }) => (labels.release === 2 ? { exits: 1 } : {}),
  })
  await made.deploy(1)
  t.false((await made.push(await made.commit(files(2)))).accepted)
  await made.deploy(3)
  const problem = await refused(t, made.back({ release: 2 }))
  t.is(problem.code, 'rollback-refused')
  t.is(problem.headline, 'v2 never was live: it failed before it served')
  t.regex(problem.hint, /`fairlead operation:logs 2`/)
  t.like(await made.back(), { number: 4, rollbackOf: 1 })
})

test('before_release does not run again', async t => {
  const made = await bench(t, { program: ({ labels }) => (labels.oneOff ? { exits: 0 } : {}) })
  const yml = { '.aptible.yml': 'before_release: bin/migrate\n' }
  t.true((await made.push(await made.commit({ ...files(1), ...yml }))).accepted)
  await made.deploy(2)
  made.engine.on('create', ({ labels }) => t.false(labels.oneOff))
  await made.back()
  t.notRegex(made.said(), /before_release/)
})

test('the config in force stays, and a line names the version that would come back', async t => {
  const made = await bench(t)
  made.configure({ PASSWORD: 'old' })
  await made.deploy(1)
  await made.set({ PASSWORD: 'new' })
  await made.deploy(2)
  const release = await made.back({ release: 1 })
  t.is(release.configVersion, 2)
  await made.background.idle()
  t.is(made.engine.containers[0]?.spec.env.get('PASSWORD')?.reveal(), 'new')
  t.regex(made.said(), /The config stays as it is\. v1 ran with version 1: --with-config brings that back\n/)
})

test('with its config, the variables of that release are in force again and the next change builds on them', async t => {
  const made = await bench(t)
  made.configure({ COLOUR: 'red' })
  await made.deploy(1)
  await made.set({ COLOUR: 'blue', EXTRA: '1' })
  await made.deploy(2)
  const release = await made.back({ release: 1, withConfig: true })
  t.is(release.configVersion, 1)
  await made.background.idle()
  t.is(made.engine.containers[0]?.spec.env.get('COLOUR')?.reveal(), 'red')
  t.regex(made.said(), /with its config, version 1\n/)
  await made.set({ MORE: '1' })
  const { values } = configInForce(made.ground.store, made.app)
  t.deepEqual([...values.keys()].sort(), ['COLOUR', 'MORE'])
})

test('a rollback whose release fails leaves what ran, and its config, as they were', async t => {
  const made = await bench(t, {
    program: ({ labels }) => (labels.release === 4 ? { prints: ['no such table'], exits: 1 } : {}),
  })
  made.configure({ A: '1' })
  await made.deploy(1)
  await made.set({ A: '2' })
  await made.deploy(3)
  const problem = await refused(t, made.back({ release: 1, withConfig: true }))
  t.is(problem.code, 'container-exited')
  t.is(problem.runs, 'Release v3 (web), as before.')
  t.deepEqual([made.live(), made.present()], [3, ['v3 web.1 running']])
  t.is(configInForce(made.ground.store, made.app).version, 2)
  t.deepEqual(made.tags(), ['op1', 'op3'])
})

test('an app that was never deployed, or only once, has nothing to go back to', async t => {
  const made = await bench(t)
  t.regex(
    (await refused(t, made.back())).headline,
    /^There is nothing to go back to: this app was never deployed$/,
  )
  await made.deploy(1)
  const problem = await refused(t, made.back())
  t.is(problem.code, 'rollback-refused')
  t.is(problem.headline, 'There is nothing to go back to: no release was live before v1')
  t.regex(problem.hint, /fairlead deploy --git-commitish COMMIT/)
})

test('a release that does not exist is not found', async t => {
  const made = await bench(t)
  await made.deploy(1)
  const problem = await refused(t, made.back({ release: 9 }))
  t.deepEqual([problem.code, problem.headline], ['not-found', 'There is no release v9'])
})

test('what would change nothing is refused, with both ways on', async t => {
  const made = await bench(t)
  await made.deploy(1)
  await made.deploy(2)
  await made.set({ A: '1' })
  const live = await refused(t, made.back({ release: 3 }))
  t.is(live.headline, 'v3 is live already')
  const problem = await refused(t, made.back())
  t.is(problem.code, 'rollback-refused')
  t.is(problem.headline, 'Going back to v2 would change nothing: v3 runs the same image and processes')
  t.is(problem.saw, 'They differ in their config only: version 0, and version 1 now.')
  t.is(
    problem.hint,
    'For its config: `fairlead rollback v2 --with-config`. For the code before it: `fairlead rollback v1`.',
  )
  t.like(await made.back({ release: 2, withConfig: true }), { number: 4, configVersion: 0, rollbackOf: 2 })
})

test('who names no release is not given another than the one they saw', async t => {
  const made = await bench(t)
  await made.deploy(1)
  await made.deploy(2)
  await made.deploy(3)
  const problem = await refused(t, made.back({ seen: 2 }))
  t.is(problem.code, 'rollback-refused')
  t.is(problem.headline, 'v3 went live while this rollback waited for its turn')
  t.is(made.live(), 3)
  t.like(await made.back({ release: 1, seen: 2 }), { rollbackOf: 1 })
})

test('an image that is gone is named with the reason, and with the commit to deploy instead', async t => {
  const made = await bench(t, { keepReleases: 2 })
  const first = await made.deploy(1)
  await made.deploy(2)
  const third = await made.deploy(3)
  t.deepEqual(made.tags(), ['op2', 'op3'])
  const old = await refused(t, made.back({ release: 1 }))
  t.deepEqual([old.code, old.phase], ['image-not-found', 'image'])
  t.is(old.headline, 'The image of release v1 is not on the engine any more')
  t.regex(
    old.saw ?? '',
    /^Kept are the images of the last 2 releases that were live \(FAIRLEAD_KEEP_RELEASES\)/,
  )
  t.is(old.hint, `Deploy its commit instead: \`fairlead deploy --git-commitish ${first}\`.`)

  await made.deploy(4)
  const lost = made.ground.store.releases.byNumber(made.app.id, 3)
  made.engine.host.names.delete(lost?.image.tag ?? '')
  const removed = await refused(t, made.back())
  t.regex(removed.saw ?? '', /:op3 \(Dockerfile\) was removed by somebody else\.$/)
  t.true(removed.hint.includes(third))
  t.deepEqual(made.present(), ['v4 web.1 running'])
})

test('for a pulled image the digest is named too, since a tag may mean another by now', async t => {
  const made = await bench(t, { keepReleases: 1 })
  made.configure({ APTIBLE_DOCKER_IMAGE: 'quay.io/acme/shop:v1' })
  const first = await made.deploy(1)
  await made.set({ APTIBLE_DOCKER_IMAGE: 'quay.io/acme/other:v1' })
  await made.deploy(2)
  made.engine.host.names.clear()
  const { hint } = await refused(t, made.back({ release: 1 }))
  const digest = made.ground.store.releases.byNumber(made.app.id, 1)?.image.digest
  t.regex(digest ?? '', /^quay\.io\/acme\/shop@sha256:/)
  t.true(hint.includes(`--git-commitish ${first} APTIBLE_DOCKER_IMAGE=${digest}`), hint)
})

test('a tag that means another image by now is not taken for the release’s', async t => {
  const made = await bench(t)
  await made.deploy(1)
  await made.deploy(2)
  const { host } = made.engine
  const tag = made.ground.store.releases.byNumber(made.app.id, 1)?.image.tag ?? ''
  host.names.set(tag, host.addImage('fairlead-other/of:another').id)
  t.is((await refused(t, made.back())).code, 'image-not-found')
})

test('the same image under another tag of the app will do', async t => {
  const made = await bench(t, { keepReleases: 2 })
  const lying = made.engine.host.addImage(`quay.io/acme/shop@${DIGEST}`)
  made.configure({ APTIBLE_DOCKER_IMAGE: 'quay.io/acme/shop:v1' })
  await made.deploy(1)
  await made.deploy(2)
  await made.deploy(3)
  t.deepEqual(made.tags(), ['op2', 'op3'])
  const release = await made.back({ release: 1 })
  t.regex(release.image.tag, /:op3$/)
  t.is(release.image.id, lying.id)
})

test('a password for a registry of either config does not show', async t => {
  const made = await bench(t, {
    program: ({ labels }) =>
      labels.release === 4 ? { prints: ['old-password new-password'], exits: 1 } : {},
  })
  const login = (password: string) => ({
    APTIBLE_PRIVATE_REGISTRY_USERNAME: 'robot',
    APTIBLE_PRIVATE_REGISTRY_PASSWORD: password,
  })
  made.configure(login('old-password'))
  await made.deploy(1)
  await made.set(login('new-password'))
  await made.deploy(3)
  await refused(t, made.back({ release: 1, withConfig: true }))
  t.regex(made.said(), /\[redacted\] \[redacted\]/)
  t.notRegex(made.said(), /(old|new)-password/)
})
