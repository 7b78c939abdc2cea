// What `registry:explain` asks of the sources: each once, with what they hold hidden from then on.
import test, { type ExecutionContext } from 'ava'
import { explain } from '../../../src/deploy/explain.ts'
import { createTranscript } from '../../../src/deploy/transcript.ts'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import { type CredentialSource, keychainOf } from '../../../src/domain/keychain.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { DIGEST, deployGround } from '../../support/deploy-ground.ts'

const auth = (username: string, password: string): RegistryAuth => ({
  host: 'quay.io',
  path: '',
  kind: 'password',
  username,
  password: new Secret(password),
  source: 'generator ecr',
})

async function bench(t: ExecutionContext, answer: (auth: RegistryAuth | null) => void) {
  const { ground, app } = await deployGround(t, {
    registry: {
      checkLogin: async () => {},
      resolve: async (_, offered) => {
        answer(offered)
        return { digest: DIGEST, mediaType: 'application/json' }
      },
    },
  })
  const said: string[] = []
  const transcript = createTranscript(
    () => {},
    line => void said.push(line),
  )
  const { signal } = new AbortController()
  const ask = (...sources: CredentialSource[]) =>
    explain(ground, app, parseImageReference('quay.io/acme/shop:v1'), keychainOf(sources), {
      transcript,
      signal,
    })
  return { ask, said }
}

const deny = (offered: RegistryAuth | null) => {
  throw new Problem('registry-denied', {
    headline: `It knows no ${offered?.password.reveal()}`,
    hint: 'Ask.',
  })
}

test('a source is read once, whatever it answers', async t => {
  const { ask, said } = await bench(t, () => {})
  let reads = 0
  const failing: CredentialSource = {
    name: 'generator ecr',
    isSet: true,
    read: async () => {
      reads += 1
      throw new Problem('generator-failed', { headline: 'It hung', hint: 'Look.' })
    },
  }
  await t.throwsAsync(ask(failing), { instanceOf: Problem, message: 'It hung' })
  t.is(reads, 1)
  t.true(
    said.includes(
      '  1. generator ecr: cannot be read, and a deploy that comes to it ends: It hung (generator-failed)',
    ),
  )
})

test('what cannot be reached because of it is marked so', async t => {
  const { ask, said } = await bench(t, () => {})
  const failing: CredentialSource = {
    name: 'one',
    isSet: true,
    read: async () => {
      throw new Problem('registry-uri-failed', { headline: 'Gone', hint: 'Look.' })
    },
  }
  const good: CredentialSource = { name: 'two', isSet: true, read: async () => [auth('bob', 'hunter2')] }
  await t.throwsAsync(ask(failing, good), { message: 'Gone' })
  t.true(said.includes('  2. two: user bob at quay.io (not reached)'), said.join('\n'))
  t.deepEqual(said.slice(-2), ['Answers of quay.io:', '  none: it was not asked'])
})

test('an old credential that is refused is renewed, as in a deploy', async t => {
  const asked: (string | undefined)[] = []
  const { ask, said } = await bench(t, offered => {
    asked.push(offered?.password.reveal())
    if (offered?.password.reveal() === 'old-password') deny(offered)
  })
  await ask({
    name: 'generator ecr',
    isSet: true,
    read: async () => [auth('AWS', 'old-password')],
    renew: async () => [auth('AWS', 'new-password')],
  })
  t.deepEqual(asked, ['old-password', 'new-password'])
  t.deepEqual(said.slice(-3), [
    '  as user AWS (generator ecr): It knows no [redacted] (registry-denied)',
    '  as user AWS (generator ecr): accepted',
    `digest ${DIGEST}`,
  ])
})

test('what a source holds for other images is hidden as well', async t => {
  const { ask, said } = await bench(t, () => {})
  const failing: CredentialSource = {
    name: 'two',
    isSet: true,
    read: async () => {
      throw new Problem('registry-uri-failed', { headline: 'hunter2 is wrong', hint: 'Look.' })
    },
  }
  const elsewhere = { ...auth('bob', 'hunter2'), path: 'team' }
  await t.throwsAsync(ask({ name: 'one', isSet: true, read: async () => [elsewhere] }, failing))
  t.true(said.includes('  1. one: user bob at quay.io/team (not for this image)'), said.join('\n'))
  t.false(said.join('\n').includes('hunter2'))
})

test('an identity token and a strange name cannot spoil the listing', async t => {
  const { ask, said } = await bench(t, () => {})
  const token = { ...auth('<token>', 'hunter2'), kind: 'identity-token' as const }
  await ask({ name: 'a', isSet: true, read: async () => [token, auth('\u001b[2Jann', 'hunter2')] })
  t.true(
    said.includes('  1. a: an identity token at quay.io (offer 1), user \\u{1b}[2Jann at quay.io (offer 2)'),
    said.join('\n'),
  )
})
