// Which credential is offered for what, in which order, and what is said when none does.
import test, { type ExecutionContext } from 'ava'
import type { ImageReference } from '../../../src/domain/image-reference.ts'
import { Problem, type ProblemCode } from '../../../src/domain/problem.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import type { RegistryScope } from '../../../src/domain/registry-scope.ts'
import { Secret } from '../../../src/domain/secret.ts'
import {
  type DeployGround,
  type DeployGroundOptions,
  DIGEST,
  deployGround,
} from '../../support/deploy-ground.ts'

type Verdict = ProblemCode | 'yes'

interface Asked {
  readonly image: string
  readonly as: string
}

/** A registry that answers by user and repository, and remembers every question. */
async function groundWith(
  t: ExecutionContext,
  verdict: (asked: Asked) => Verdict,
  options: DeployGroundOptions = {},
): Promise<DeployGround & { readonly asked: Asked[] }> {
  const asked: Asked[] = []
  const resolve = async (reference: ImageReference, auth: RegistryAuth | null) => {
    const question = {
      image: `${reference.host}/${reference.repository}`,
      as: auth === null ? 'nobody' : `${auth.username}@${auth.host}`,
    }
    asked.push(question)
    const code = verdict(question)
    if (code === 'yes') return { digest: DIGEST, mediaType: 'application/vnd.oci.image.manifest.v1+json' }
    throw new Problem(code, {
      headline: `no to ${question.as}`,
      saw: `it answered ${code} to ${auth?.password.reveal() ?? 'nobody'}`,
      hint: 'try another',
    })
  }
  const made = await deployGround(t, { ...options, registry: { resolve, checkLogin: async () => {} } })
  return { ...made, asked }
}

function stored(username: string, path = '', host = 'quay.io'): Omit<RegistryAuth, 'source'> {
  return { host, path, kind: 'password', username, password: new Secret(`password-of-${username}`) }
}

function keep(
  made: DeployGround,
  kind: RegistryScope['kind'],
  ...auths: Omit<RegistryAuth, 'source'>[]
): void {
  const { app } = made
  const scope: RegistryScope =
    kind === 'stack' ? { kind, name: app.stack } : { kind, id: kind === 'app' ? app.id : app.environmentId }
  made.ground.store.registryCredentials.put(scope, auths, 'ann')
}

const PULL = { Procfile: 'web: serve\n' }
const pull = (made: DeployGround, image: string, more: Record<string, string> = {}) => {
  made.configure({ APTIBLE_DOCKER_IMAGE: image, ...more })
  return made.commit(PULL).then(id => made.push(id))
}
const own = (host: string) => ({
  ...(host === '' ? {} : { APTIBLE_PRIVATE_REGISTRY_HOST: host }),
  APTIBLE_PRIVATE_REGISTRY_USERNAME: 'own',
  APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'password-of-own',
})

test('the app’s own credential comes first, then those of app, environment and stack, until one is accepted', async t => {
  const made = await groundWith(t, ({ as }) => (as.startsWith('of-stack') ? 'yes' : 'registry-denied'))
  keep(made, 'stack', stored('of-stack'))
  keep(made, 'environment', stored('of-environment', 'acme'), stored('elsewhere', '', 'ghcr.io'))
  keep(
    made,
    'app',
    stored('of-app'),
    stored('of-app-shop', 'acme/shop'),
    stored('of-app-other', 'acme/other'),
  )
  const push = await pull(made, 'quay.io/acme/shop:v1', own('quay.io'))
  t.true(push.accepted, push.said)
  t.deepEqual(
    made.asked.map(({ as }) => as),
    ['own', 'of-app-shop', 'of-app', 'of-environment', 'of-stack'].map(user => `${user}@quay.io`),
  )
  t.true(push.said.includes('-----> Pulling quay.io/acme/shop:v1 as own\n'), push.said)
  t.true(
    push.said.includes('       refused; trying as of-stack (registry:login for the stack local)\n'),
    push.said,
  )
})

test('only 401 and 403 are a reason to try the next credential', async t => {
  for (const code of [
    'image-not-found',
    'tag-not-found',
    'registry-rate-limited',
    'registry-unreachable',
  ] as const) {
    const made = await groundWith(t, () => code)
    keep(made, 'app', stored('first'))
    keep(made, 'stack', stored('second'))
    const push = await pull(made, 'quay.io/acme/shop:v1')
    t.is(push.operation?.problem, code)
    t.deepEqual(
      made.asked.map(({ as }) => as),
      ['first@quay.io'],
    )
  }
})

test('when every credential is refused, each is named with its source and its answer, and none is shown', async t => {
  const made = await groundWith(t, ({ as }) =>
    as.startsWith('first') ? 'registry-denied' : 'registry-login-failed',
  )
  keep(made, 'app', stored('first'))
  keep(made, 'stack', stored('second'))
  const push = await pull(made, 'quay.io/acme/shop:v1')
  t.is(push.operation?.problem, 'registry-denied')
  for (const part of [
    'What we saw:   first, from registry:login for the app my-env/my-app: it answered registry-denied to ',
    'second, from registry:login for the stack local: it answered registry-login-failed to ',
  ]) {
    t.true(push.said.includes(part), push.said)
  }
  t.false(push.said.includes('password-of-'), push.said)
})

test('no credential for the host means asking as nobody, and no credential of another host is offered', async t => {
  const made = await groundWith(t, () => 'yes')
  keep(made, 'app', stored('hub', '', 'docker.io'), stored('lookalike', '', 'quay.io.evil.example'))
  keep(made, 'environment', stored('team2', 'acme2'))
  t.true((await pull(made, 'quay.io/acme/shop:v1')).accepted)
  t.deepEqual(made.asked, [{ image: 'quay.io/acme/shop', as: 'nobody' }])
})

test('a stored credential serves an image that the app’s own credential is not for', async t => {
  const made = await groundWith(t, () => 'yes')
  keep(made, 'app', stored('robot'))
  t.true((await pull(made, 'quay.io/acme/shop:v1', own('ghcr.io'))).accepted)
  t.deepEqual(
    made.asked.map(({ as }) => as),
    ['robot@quay.io'],
  )
})

test('a name without a host is never Docker Hub’s while the app says another host', async t => {
  const made = await groundWith(t, () => 'yes')
  keep(made, 'stack', stored('hub', '', 'docker.io'))
  const push = await pull(made, 'acme/shop:v1', own('quay.io'))
  t.is(push.operation?.problem, 'registry-host-mismatch')
  t.deepEqual(made.asked, [])
})

test('a stack of version 1 uses none of the stored credentials', async t => {
  const made = await groundWith(t, () => 'registry-login-required', { stack: { version: 1 } })
  keep(made, 'stack', stored('robot'))
  const push = await pull(made, 'quay.io/acme/shop:v1')
  t.is(push.operation?.problem, 'stack-private-refused')
  t.deepEqual(
    made.asked.map(({ as }) => as),
    ['nobody'],
  )
})

const BUILD = {
  Procfile: 'web: serve\n',
  Dockerfile: 'FROM quay.io/acme/base\nCOPY --from=quay.io/other/tool /a /a\n',
}

test('two bases at one host are built with the one credential that may read both', async t => {
  const made = await groundWith(t, ({ as, image }) =>
    as === 'both@quay.io' || image === 'quay.io/acme/base' ? 'yes' : 'registry-denied',
  )
  keep(made, 'app', stored('acme-only', 'acme'), stored('both'))
  const push = await made.push(await made.commit(BUILD))
  t.true(push.accepted, push.said)
  const [build] = made.engine.builds
  t.deepEqual(
    [...(build?.auths ?? [])].map(([host, auth]) => [host, auth.username]),
    [['quay.io', 'both']],
  )
})

test('a credential for all of a host is tried where those for its parts do not serve every base', async t => {
  const may = ['acme@quay.io quay.io/acme/base', 'other@quay.io quay.io/other/tool']
  const made = await groundWith(t, ({ as, image }) =>
    as === 'both@quay.io' || may.includes(`${as} ${image}`) ? 'yes' : 'registry-denied',
  )
  keep(made, 'app', stored('acme', 'acme'), stored('other', 'other'))
  keep(made, 'environment', stored('both'))
  const push = await made.push(await made.commit(BUILD))
  t.true(push.accepted, push.said)
  t.deepEqual(
    [...(made.engine.builds[0]?.auths.values() ?? [])].map(auth => auth.username),
    ['both'],
  )
})

test('two bases at one host that no single credential may read are refused before the build', async t => {
  const made = await groundWith(t, ({ as, image }) =>
    image.startsWith(`quay.io/${as.slice(0, as.indexOf('@'))}/`) ? 'yes' : 'registry-denied',
  )
  keep(made, 'app', stored('acme', 'acme'), stored('other', 'other'))
  const push = await made.push(await made.commit(BUILD))
  t.is(push.operation?.problem, 'registry-credentials-conflict')
  for (const part of [
    'The Dockerfile builds on images at quay.io that no single credential may read',
    'quay.io/acme/base was asked for as acme (registry:login for the app my-env/my-app)',
    'quay.io/other/tool was asked for as other (registry:login for the app my-env/my-app)',
    'A builder takes one credential for a host. Let one user read all of these images, and store that one for quay.io with `fairlead registry:login quay.io --username USER --password-stdin`.',
  ]) {
    t.true(push.said.includes(part), push.said)
  }
  t.deepEqual(made.engine.builds, [])
})

test('every registry of a build gets its own credential, and no other one', async t => {
  const made = await groundWith(t, ({ as, image }) =>
    as === `robot-${image.slice(0, image.indexOf('.'))}@${image.slice(0, image.indexOf('/'))}`
      ? 'yes'
      : 'registry-denied',
  )
  keep(
    made,
    'app',
    stored('robot-quay'),
    stored('robot-ghcr', '', 'ghcr.io'),
    stored('robot-unasked', '', 'docker.io'),
  )
  const dockerfile = 'FROM quay.io/acme/base\nCOPY --from=ghcr.io/acme/tool /a /a\n'
  const push = await made.push(await made.commit({ ...BUILD, Dockerfile: dockerfile }))
  t.true(push.accepted, push.said)
  const users = [...(made.engine.builds[0]?.auths ?? [])].map(([host, auth]) => `${auth.username} at ${host}`)
  t.deepEqual(users.sort(), ['robot-ghcr at ghcr.io', 'robot-quay at quay.io'])
})

test('credentials in a commit that are not encrypted are warned of loudly, and not used', async t => {
  const made = await groundWith(t, () => 'yes')
  const config = JSON.stringify({ auths: { 'quay.io': { auth: btoa('leaked:password-of-leaked') } } })
  const push = await made.push(await made.commit({ ...BUILD, '.dockercfg': config }))
  t.true(push.said.includes(' !!    .dockercfg IS IN THIS COMMIT, AND IT IS NOT ENCRYPTED.'), push.said)
  t.true(push.said.includes('fairlead registry:encrypt .dockercfg > dockercfg.encrypted'), push.said)
  t.true(made.asked.every(({ as }) => as === 'nobody'))
})

test('push entries of a commit whose image is pulled have nothing to push, and a line says so', async t => {
  const made = await groundWith(t, () => 'yes')
  made.configure({ APTIBLE_DOCKER_IMAGE: 'quay.io/acme/shop:v1' })
  const files = { ...PULL, '.fairlead.yml': 'push:\n  - image_name: quay.io/acme/copy\n' }
  const push = await made.push(await made.commit(files))
  t.true(push.accepted, push.said)
  t.true(
    push.said.includes('Nothing is built, so the push entries of this commit have nothing to push'),
    push.said,
  )
})

test('a credential that is refused for the first base of a host is not tried for the others', async t => {
  const made = await groundWith(t, () => 'registry-login-failed')
  keep(made, 'app', stored('robot'))
  const more = Array.from({ length: 9 }, (_, i) => `COPY --from=quay.io/acme/tool-${i} /a /a\n`).join('')
  const push = await made.push(await made.commit({ ...BUILD, Dockerfile: `FROM quay.io/acme/base\n${more}` }))
  t.is(push.operation?.problem, 'registry-login-failed')
  t.is(made.asked.length, 1)
})

test('a push entry for a tag of the commit that is live is pushed, and nothing is started for it', async t => {
  const made = await groundWith(t, () => 'yes')
  const id = await made.commit({
    ...BUILD,
    '.fairlead.yml': 'push: { image_name: quay.io/acme/copy, tag: ^main$ }\n',
  })
  t.true((await made.push(id)).accepted)
  t.deepEqual(made.engine.pushes, [])
  const again = await made.push(id, { branch: 'main' })
  t.true(again.said.includes('This commit is live already, as v1: nothing to start'), again.said)
  t.deepEqual(
    made.engine.pushes.map(({ tag }) => tag.split(':')[1]),
    ['op1'],
  )
})
