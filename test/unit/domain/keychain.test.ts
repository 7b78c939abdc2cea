import test from 'ava'
import fc from 'fast-check'
import { parseImageReference } from '../../../src/domain/image-reference.ts'
import { bestFirst, type CredentialSource, covers, keychainOf } from '../../../src/domain/keychain.ts'
import type { RegistryAuth } from '../../../src/domain/registry-auth.ts'
import { Secret } from '../../../src/domain/secret.ts'

const QUAY = 'quay.io'

function login(username: string, path = '', host = QUAY): RegistryAuth {
  return { host, path, kind: 'password', username, password: new Secret('pass-word'), source: 'a test' }
}

interface Recorded extends CredentialSource {
  readonly asked: string[]
}

function source(name: string, auths: readonly RegistryAuth[], fresh?: readonly RegistryAuth[]): Recorded {
  const asked: string[] = []
  return {
    name,
    isSet: true,
    asked,
    async read(host) {
      asked.push(`read ${host}`)
      return auths
    },
    ...(fresh && {
      async renew(host: string) {
        asked.push(`renew ${host}`)
        return fresh
      },
    }),
  }
}

async function users(sources: readonly CredentialSource[], image: string, most = Number.POSITIVE_INFINITY) {
  const found: string[] = []
  for await (const auth of keychainOf(sources).candidates(parseImageReference(image))) {
    found.push(auth.username)
    if (found.length === most) break
  }
  return found
}

test('a credential covers its own host and no other, whatever a source hands over', async t => {
  const others = ['docker.io', 'quay.io:8443', 'quay.io.evil.example', 'ghcr.io'].map(host =>
    login(host, '', host),
  )
  t.deepEqual(await users([source('a', [...others, login('robot')])], 'quay.io/acme/shop'), ['robot'])
})

test('Docker Hub is one host under all of its names', async t => {
  const hub = source('a', [login('me', '', 'docker.io')])
  for (const image of [
    'busybox',
    'docker.io/acme/shop',
    'index.docker.io/acme/shop',
    'registry-1.docker.io/a/b',
  ]) {
    t.deepEqual(await users([hub], image), ['me'], image)
  }
})

test('a path is compared by whole segments', t => {
  const image = (name: string) => parseImageReference(`${QUAY}/${name}`)
  t.true(covers(login('a', 'team'), image('team/shop')))
  t.true(covers(login('a', 'team/shop'), image('team/shop')))
  t.false(covers(login('a', 'team'), image('team2/shop')))
  t.false(covers(login('a', 'team/shop'), image('team/shop2')))
  t.false(covers(login('a', 'team/shop/front'), image('team/shop')))
})

test('a path covers what lies at or below it and nothing else', t => {
  const segment = fc.constantFrom('a', 'ab', 'b', 'a-b')
  const path = fc.array(segment, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(path, path, (scope, repository) => {
      const expected = scope.every((each, i) => repository[i] === each)
      const reference = { ...parseImageReference(`${QUAY}/x`), repository: repository.join('/') }
      t.is(covers(login('a', scope.join('/')), reference), expected)
    }),
  )
})

test('the longest path is offered first, and the ones that are shorter after it', async t => {
  const auths = [login('host'), login('shop', 'acme/shop'), login('acme', 'acme'), login('other', 'other')]
  t.deepEqual(await users([source('a', auths)], 'quay.io/acme/shop'), ['shop', 'acme', 'host'])
  t.deepEqual(
    bestFirst([login('first'), login('second')], parseImageReference('quay.io/a/b')).map(a => a.username),
    ['first', 'second'],
  )
})

test('an earlier source comes before a later one, however well the path of that one fits', async t => {
  const sources = [source('a', [login('first')]), source('b', [login('second', 'acme/shop')])]
  t.deepEqual(await users(sources, 'quay.io/acme/shop'), ['first', 'second'])
})

test('a source is read only when those before it did not do', async t => {
  const [first, second] = [source('a', [login('first')]), source('b', [login('second')])]
  t.deepEqual(await users([first, second], 'quay.io/acme/shop', 1), ['first'])
  t.deepEqual(first.asked, ['read quay.io'])
  t.deepEqual(second.asked, [])
})

test('a source that was never set up is not read', async t => {
  const unset = { ...source('a', [login('nobody')]), isSet: false }
  t.deepEqual(await users([unset, source('b', [login('second')])], 'quay.io/acme/shop'), ['second'])
  t.deepEqual(unset.asked, [])
})

test('a source that can renew is asked to when what it gave was refused, and before the next source', async t => {
  const sources = [source('a', [login('old')], [login('fresh')]), source('b', [login('last')])]
  t.deepEqual(await users(sources, 'quay.io/acme/shop'), ['old', 'fresh', 'last'])
  t.deepEqual(await users(sources, 'quay.io/acme/shop', 1), ['old'])
  t.deepEqual(sources[0]?.asked, ['read quay.io', 'renew quay.io', 'read quay.io'])
})

test('a source that cannot be read is no empty one', async t => {
  const broken: CredentialSource = {
    name: 'a',
    isSet: true,
    read: () => Promise.reject(new Error('unreadable')),
  }
  await t.throwsAsync(users([broken, source('b', [login('second')])], 'quay.io/acme/shop'), {
    message: 'unreadable',
  })
})

test('no source with a credential for the host leaves nobody to ask as', async t => {
  t.deepEqual(await users([source('a', [login('me', '', 'ghcr.io')]), source('b', [])], 'quay.io/a/b'), [])
})
