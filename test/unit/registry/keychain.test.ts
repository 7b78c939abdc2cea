import test from 'ava'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { appKeychain } from '../../../src/registry/keychain.ts'
import { caughtProblem } from '../../support/caught-problem.ts'

const config = new Map([
  ['APTIBLE_PRIVATE_REGISTRY_HOST', new Secret('quay.io')],
  ['APTIBLE_PRIVATE_REGISTRY_USERNAME', new Secret('robot')],
  ['APTIBLE_PRIVATE_REGISTRY_PASSWORD', new Secret('hunter2')],
])

test('the app’s credential answers for its own host', t => {
  t.is(appKeychain(config).resolve(parseImageReference('quay.io/acme/shop:v1'))?.username, 'robot')
})

test('the app’s credential answers for no other host', t => {
  const keychain = appKeychain(config)
  for (const image of [
    'acme/shop',
    'ghcr.io/acme/shop',
    'quay.io:8443/acme/shop',
    'quay.io.evil.example/a/b',
  ]) {
    t.is(keychain.resolve(parseImageReference(image)), null, image)
  }
})

test('an app without credentials is nobody everywhere', t => {
  t.is(appKeychain(new Map()).resolve(parseImageReference('quay.io/acme/shop')), null)
})

test('half a credential is refused at once', async t => {
  const half = new Map([...config].slice(0, 2))
  t.is((await caughtProblem(() => appKeychain(half))).code, 'config-invalid')
})
