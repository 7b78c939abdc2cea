import test from 'ava'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import { appRegistryAuth, assertHostMatches, registryHostIsSet } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { caughtProblem } from '../../support/caught-problem.ts'

const PASSWORD = 'hunter2-secret'

/** Config out of the last parts of the variables' names. */
function config(values: Record<string, string>): Map<string, Secret> {
  return new Map(
    Object.entries(values).map(([name, value]) => [`APTIBLE_PRIVATE_REGISTRY_${name}`, new Secret(value)]),
  )
}
const complete = { USERNAME: 'robot', PASSWORD }

test('no variables mean no credential', t => {
  t.is(appRegistryAuth(new Map()), null)
})

test('a host or an e-mail address alone is no credential', t => {
  t.is(appRegistryAuth(config({ HOST: 'quay.io', EMAIL: 'a@b.example' })), null)
})

test('variables cleared with an empty value count as unset', t => {
  t.is(appRegistryAuth(config({ HOST: '', USERNAME: '', PASSWORD: '' })), null)
  t.false(registryHostIsSet(config({ HOST: '' })))
})

test('the host defaults to Docker Hub', t => {
  const auth = appRegistryAuth(config(complete))
  t.is(auth?.host, 'docker.io')
  t.is(auth?.username, 'robot')
  t.is(auth?.password.reveal(), PASSWORD)
  t.is(auth?.source, 'APTIBLE_PRIVATE_REGISTRY_*')
  t.false(registryHostIsSet(config(complete)))
})

test('a host written as an address is reduced to the host', t => {
  t.is(appRegistryAuth(config({ ...complete, HOST: 'https://quay.io/v1/' }))?.host, 'quay.io')
  t.is(appRegistryAuth(config({ ...complete, HOST: 'https://index.docker.io/v1/' }))?.host, 'docker.io')
  t.true(registryHostIsSet(config({ HOST: 'quay.io' })))
})

test('a username without a password is refused with the name of what is missing', async t => {
  t.deepEqual(await caughtProblem(() => appRegistryAuth(config({ USERNAME: 'robot' }))), {
    code: 'config-invalid',
    headline: 'APTIBLE_PRIVATE_REGISTRY_USERNAME is set, but APTIBLE_PRIVATE_REGISTRY_PASSWORD is not',
    saw: undefined,
    hint: 'Set the other one with `fairlead config:set APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`, or remove this one with `fairlead config:unset APTIBLE_PRIVATE_REGISTRY_USERNAME`.',
  })
})

test('a password without a username is refused with the name of what is missing', async t => {
  t.deepEqual(await caughtProblem(() => appRegistryAuth(config({ PASSWORD, USERNAME: '' }))), {
    code: 'config-invalid',
    headline: 'APTIBLE_PRIVATE_REGISTRY_PASSWORD is set, but APTIBLE_PRIVATE_REGISTRY_USERNAME is not',
    saw: undefined,
    hint: 'Set the other one with `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=…`, or remove this one with `fairlead config:unset APTIBLE_PRIVATE_REGISTRY_PASSWORD`.',
  })
})

test('a username that would spill into the password is refused', async t => {
  for (const USERNAME of [`robot:${PASSWORD}`, 'robot\n', 'ro\0bot']) {
    const problem = await caughtProblem(() => appRegistryAuth(config({ ...complete, USERNAME })))
    t.deepEqual(problem, {
      code: 'config-invalid',
      headline:
        "APTIBLE_PRIVATE_REGISTRY_USERNAME holds a ':' or a control character, which no registry login can carry",
      saw: undefined,
      hint: 'Set the username alone with `fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=…` and the password with `APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`.',
    })
  }
})

test('a host that is none is refused without repeating it', async t => {
  for (const HOST of [`https://robot:${PASSWORD}@quay.io`, 'quay', 'quay.io evil.example']) {
    const problem = await caughtProblem(() => appRegistryAuth(config({ ...complete, HOST })))
    t.deepEqual(problem, {
      code: 'config-invalid',
      headline: 'The value of APTIBLE_PRIVATE_REGISTRY_HOST is not a registry host',
      saw: undefined,
      hint: 'Set the host as it stands in image names, without user or spaces, for example `fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=quay.io`.',
    })
  }
})

/** What `assertHostMatches` says about an image for the given variables. */
function matching(image: string, values: Record<string, string>) {
  const variables = config(values)
  return () =>
    assertHostMatches(parseImageReference(image), appRegistryAuth(variables), registryHostIsSet(variables))
}

test('a credential for the host of the image is let through, and so is none at all', t => {
  t.notThrows(matching('quay.io/acme/shop', { ...complete, HOST: 'quay.io' }))
  t.notThrows(matching('acme/shop', complete))
  t.notThrows(matching('index.docker.io/acme/shop', { ...complete, HOST: 'https://index.docker.io/v1/' }))
  t.notThrows(matching('quay.io/acme/shop', {}))
})

test('credentials without a host are refused for an image that lives elsewhere', async t => {
  t.deepEqual(await caughtProblem(matching('quay.io/acme/shop:v1', complete)), {
    code: 'registry-host-unset',
    headline: 'The image quay.io/acme/shop:v1 is at quay.io, but APTIBLE_PRIVATE_REGISTRY_HOST is not set',
    saw: 'Without APTIBLE_PRIVATE_REGISTRY_HOST the username robot and its password are for docker.io. They were sent nowhere.',
    hint: 'If they are for quay.io, run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=quay.io`. If the image is public, run `fairlead config:unset APTIBLE_PRIVATE_REGISTRY_USERNAME APTIBLE_PRIVATE_REGISTRY_PASSWORD`.',
  })
})

test('credentials for another host than the image are refused', async t => {
  t.deepEqual(await caughtProblem(matching('ghcr.io/acme/shop:v1', { ...complete, HOST: 'quay.io' })), {
    code: 'registry-host-mismatch',
    headline: 'The image ghcr.io/acme/shop:v1 is at ghcr.io, but APTIBLE_PRIVATE_REGISTRY_HOST is quay.io',
    saw: 'The username robot and its password are for quay.io only. They were sent nowhere.',
    hint: 'If the credentials are for ghcr.io, run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=ghcr.io`. If the image is at quay.io, run `fairlead config:set APTIBLE_DOCKER_IMAGE=quay.io/acme/shop:v1`.',
  })
})

test('an image name without host is at Docker Hub, whatever host is set, and the refusal says how to name it', async t => {
  t.deepEqual(await caughtProblem(matching('acme/shop', { ...complete, HOST: 'quay.io' })), {
    code: 'registry-host-mismatch',
    headline: 'The image docker.io/acme/shop is at docker.io, but APTIBLE_PRIVATE_REGISTRY_HOST is quay.io',
    saw: 'The username robot and its password are for quay.io only. They were sent nowhere.',
    hint: 'An image name without a host is at docker.io. If the image is at quay.io, run `fairlead config:set APTIBLE_DOCKER_IMAGE=quay.io/acme/shop`. If it is at Docker Hub, run `fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=docker.io`.',
  })
  const short = await caughtProblem(matching('shop:v1', { ...complete, HOST: 'localhost:5000' }))
  t.true(short.hint.includes('APTIBLE_DOCKER_IMAGE=localhost:5000/shop:v1`'), short.hint)
})

test('another port is another host', async t => {
  const problem = await caughtProblem(
    matching('localhost:5001/shop', { ...complete, HOST: 'localhost:5000' }),
  )
  t.is(problem.code, 'registry-host-mismatch')
})
