import test from 'ava'
import { planPushes } from '../../../src/deploy/plan-pushes.ts'
import { readPushEntries } from '../../../src/deploy/push-entries.ts'
import { pushBuilt } from '../../../src/deploy/push-image.ts'
import { createTranscript } from '../../../src/deploy/transcript.ts'
import { parseAppPath } from '../../../src/domain/app.ts'
import { formatImageReference } from '../../../src/domain/image-reference.ts'
import { type CredentialSource, keychainOf } from '../../../src/domain/keychain.ts'
import { Problem, type ProblemCode } from '../../../src/domain/problem.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'
import type { Stack } from '../../../src/domain/stack.ts'
import type { Store } from '../../../src/store/store.ts'
import { fakeEngine, hang } from '../../support/fake-engine.ts'

const TAG = 'fairlead-test/my-env/my-app:op1'
const PERSON = { name: 'Ann', email: 'ann@example.com', time: new Date(0), zone: '+0000' }
const DETAILS = { author: PERSON, committer: PERSON, subject: 'x', message: 'x' }

const login = (username: string, over: Partial<RegistryAuth> = {}): RegistryAuth => ({
  host: 'quay.io',
  path: '',
  kind: 'password',
  username,
  password: new Secret(`password-of-${username}`),
  source: `the source of ${username}`,
  ...over,
})

/** A source for each, in this order. */
const sourcesOf = (...auths: readonly RegistryAuth[]): CredentialSource[] =>
  auths.map(auth => ({ name: auth.source, isSet: true, read: async () => [auth] }))

const problem = (code: ProblemCode, user: string) =>
  new Problem(code, { headline: `quay.io refuses ${user}`, saw: `401 for ${user}.`, hint: 'Log in.' })

interface Bench {
  readonly yml?: string
  readonly branch?: string
  readonly sources?: readonly CredentialSource[]
  /** The answer to a push: nothing, or the code of its Problem. */
  readonly answer?: (user: string | null) => ProblemCode | undefined
}

async function bench({
  yml = 'push: { image_name: quay.io/acme/shop }',
  branch = 'master',
  ...rest
}: Bench = {}) {
  const engine = fakeEngine()
  engine.host.addImage(TAG, {})
  engine.on('push', ({ auth }) => {
    const user = auth?.username ?? null
    const code = rest.answer?.(user)
    if (code !== undefined) throw problem(code, user ?? 'nobody')
  })
  const lines: string[] = []
  const transcript = createTranscript(
    () => {},
    line => lines.push(line),
  )
  const leaving = new AbortController()
  const pushes = await planPushes(readPushEntries(Buffer.from(yml), null).entries, {
    app: { id: 1, name: parseAppPath('my-env/my-app') },
    operation: { number: 1, actor: 'ann', startedAt: null, createdAt: '2026-11-21T06:00:00.000Z' },
    revision: branch,
    stack: { name: 'local', version: 2 },
    commit: { id: 'a'.repeat(40), details: async () => DETAILS },
  })
  const keychain = keychainOf(rest.sources ?? [])
  const names = new Set<string>()
  const passingNames = {
    of: () => [...names],
    add: (_app: number, name: string) => void names.add(name),
    remove: (_app: number, name: string) => void names.delete(name),
  }
  const ground = {
    stack: () => ({ stack: {} as Stack, engine }),
    store: { passingNames } as unknown as Store,
  }
  const push = () =>
    pushBuilt(
      ground,
      { id: 1, stack: 'local' },
      { tag: TAG, branch, pushes, keychain },
      { transcript, signal: leaving.signal },
    )
  const failure = async (): Promise<Problem> => {
    try {
      await push()
    } catch (error) {
      if (error instanceof Problem) return error
      throw error
    }
    throw new Error('it was pushed')
  }
  return {
    engine,
    lines,
    transcript,
    leaving,
    push,
    failure,
    /** `user target` of every push that reached the engine's own code. */
    sent: () =>
      engine.pushes.map(({ auth, reference, tag }) => [
        auth?.username ?? null,
        formatImageReference(reference),
        tag,
      ]),
  }
}

test('a built image is pushed under the expanded tag, with the credential of the keychain', async t => {
  const on = await bench({
    yml: 'push:\n  image_name: quay.io/acme/shop\n  image_tag: "{{ .Branch }}-{{ .BuildID }}"\n',
    sources: sourcesOf(login('robot')),
  })
  await on.push()
  t.deepEqual(on.sent(), [['robot', 'quay.io/acme/shop:master-1', TAG]])
  t.is(on.lines[0], '-----> Pushing quay.io/acme/shop:master-1 as robot (the source of robot)')
  t.regex(on.lines.at(-1) ?? '', /^ {7}digest sha256:[0-9a-f]{64}$/)
})

test('an entry for other branches is told of, and not pushed', async t => {
  const on = await bench({
    yml: 'push:\n  - image_name: quay.io/acme/shop\n    tag: ^release/\n  - image_name: quay.io/acme/all\n',
    sources: sourcesOf(login('robot')),
  })
  await on.push()
  t.is(on.lines[0], '-----> Not pushed to quay.io/acme/shop: the branch master does not match ^release/')
  t.deepEqual(on.sent(), [['robot', 'quay.io/acme/all:latest', TAG]])
})

test('without any credential it is pushed as nobody', async t => {
  const on = await bench({
    sources: sourcesOf(login('bob', { host: 'docker.io' }), login('eve', { path: 'acm' })),
  })
  await on.push()
  t.deepEqual(on.sent(), [[null, 'quay.io/acme/shop:latest', TAG]])
  t.is(on.lines[0], '-----> Pushing quay.io/acme/shop:latest')
})

for (const code of ['registry-login-failed', 'registry-denied', 'registry-login-required'] as const) {
  test(`after ${code} the next credential is offered, and none after the one that is let in`, async t => {
    const on = await bench({
      sources: sourcesOf(login('ann'), login('robot'), login('bob')),
      answer: user => (user === 'ann' ? code : undefined),
    })
    await on.push()
    t.deepEqual(on.sent(), [['robot', 'quay.io/acme/shop:latest', TAG]])
    t.deepEqual(on.lines.slice(0, 3), [
      '-----> Pushing quay.io/acme/shop:latest as ann (the source of ann)',
      '       refused; trying as robot (the source of robot)',
      '       Pushed 2 layers, 1.2 MB',
    ])
  })
}

test('a source is not read before those in front of it were refused', async t => {
  const never: CredentialSource = { name: 'x', isSet: true, read: () => t.fail() as never }
  const on = await bench({ sources: [...sourcesOf(login('robot')), never] })
  await on.push()
  t.is(on.sent().length, 1)
})

test('what a registry says to everybody ends the push: no other credential is offered', async t => {
  const on = await bench({
    sources: sourcesOf(login('ann'), login('robot')),
    answer: () => 'image-push-failed',
  })
  t.like(await on.failure(), { code: 'image-push-failed', phase: 'image', headline: 'quay.io refuses ann' })
  t.deepEqual(
    on.lines.filter(line => line.startsWith('----->')),
    ['-----> Pushing quay.io/acme/shop:latest as ann (the source of ann)'],
  )
})

test('when all are refused one Problem lists them, and nobody is not tried', async t => {
  const on = await bench({
    sources: sourcesOf(login('ann'), login('robot')),
    answer: user => (user === 'ann' ? 'registry-denied' : 'registry-login-failed'),
  })
  t.like(await on.failure(), {
    code: 'registry-denied',
    phase: 'image',
    headline: 'quay.io refuses ann',
    saw: 'ann, from the source of ann: 401 for ann.\nrobot, from the source of robot: 401 for robot.',
    hint: 'Log in.',
  })
  t.deepEqual(on.engine.calls, ['push', 'push'])
})

test('a refusal of nobody is told as it is', async t => {
  const on = await bench({ answer: () => 'registry-login-required' })
  t.like(await on.failure(), { code: 'registry-login-required', phase: 'image', saw: '401 for nobody.' })
})

test('a source that cannot be read fails the deploy, in the phase of the image', async t => {
  const locked = new Problem('dockercfg-locked', { headline: 'locked', hint: 'Encrypt it anew.' })
  const on = await bench({ sources: [{ name: 'x', isSet: true, read: () => Promise.reject(locked) }] })
  t.like(await on.failure(), { code: 'dockercfg-locked', phase: 'image' })
  t.deepEqual(on.engine.calls, [])
})

test('what comes after an entry that failed is not pushed', async t => {
  const on = await bench({
    yml: 'push: [{ image_name: quay.io/a/one }, { image_name: quay.io/a/two }, { image_name: quay.io/a/three }]',
    sources: sourcesOf(login('robot')),
  })
  on.engine.on('push', ({ reference }) => {
    if (reference.repository === 'a/two') throw problem('registry-failed', 'robot')
  })
  t.is((await on.failure()).code, 'registry-failed')
  t.deepEqual(
    on.sent().map(([, target]) => target),
    ['quay.io/a/one:latest'],
  )
})

test('a password is hidden from the moment it is offered, also where the engine repeats it', async t => {
  const on = await bench({ sources: sourcesOf(login('robot')) })
  on.engine.on('push', () => {
    const pair = Buffer.from('robot:password-of-robot').toString('base64')
    on.transcript.line(`engine: password-of-robot ${pair}`)
  })
  await on.push()
  t.true(on.lines.includes('engine: [redacted] [redacted]'))
})

test('a user of strange letters steers no terminal, and an identity token has no user', async t => {
  for (const [auth, who] of [
    [{ ...login('a\u001b[2Jb'), source: 'a test' }, 'as a\\u{1b}[2Jb'],
    [login('<token>', { kind: 'identity-token' }), 'with an identity token'],
  ] as const) {
    const on = await bench({ sources: sourcesOf(auth) })
    await on.push()
    t.is(on.lines[0], `-----> Pushing quay.io/acme/shop:latest ${who} (${auth.source})`)
  }
})

test('who leaves ends the push, and is no refusal', async t => {
  const on = await bench({ sources: sourcesOf(login('ann'), login('robot')) })
  on.engine.on('push', (_request, _transcript, signal) => hang(signal))
  const pushed = on.push()
  const reason = new Error('left')
  on.leaving.abort(reason)
  t.is(await t.throwsAsync(pushed), reason)
  t.true(on.engine.calls.length <= 1)
})
