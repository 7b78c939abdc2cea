// Paths of the secret store: what is one, and what lies below it.
import test from 'ava'
import fc from 'fast-check'
import { coversSecret, parseSecretPath } from '../../../src/domain/secret-path.ts'
import { caughtProblem } from '../../support/caught-problem.ts'

test('a path is segments with single slashes; the slash in front is the same as none', t => {
  for (const path of [
    'pullConfig',
    'mesos-docker/pullConfig',
    'a/b/c',
    '..a/b..',
    'A_b.c-1',
    'x'.repeat(200),
  ]) {
    t.is(parseSecretPath(path), path)
    t.is(parseSecretPath(`/${path}`), path)
  }
})

test('anything else is refused, never cleaned', async t => {
  for (const path of [
    '',
    '/',
    '//a',
    'a//b',
    'a/',
    '.',
    '..',
    'a/../b',
    './a',
    'a/.',
    'a b',
    'a\n',
    'ä',
    'a\\b',
    'a%2fb',
    "a'b",
    'a\0b',
    'x'.repeat(201),
  ]) {
    t.is((await caughtProblem(() => parseSecretPath(path))).code, 'name-invalid', JSON.stringify(path))
  }
  t.deepEqual(await caughtProblem(() => parseSecretPath('a/../b')), {
    code: 'name-invalid',
    headline: '"a/../b" is not the path of a secret',
    saw: undefined,
    hint: "Use parts of A-Z, a-z, 0-9, '.', '_' and '-' with single slashes between them, at most 200 characters together, for example mesos-docker/pullConfig.",
  })
})

test('a path covers itself and what lies below it by whole segments, and nothing beside or above it', t => {
  t.true(coversSecret('mesos-docker', 'mesos-docker'))
  t.true(coversSecret('mesos-docker', 'mesos-docker/pullConfig'))
  t.true(coversSecret('a/b', 'a/b/c/d'))
  t.false(coversSecret('mesos-docker', 'mesos-docker2/x'))
  t.false(coversSecret('mesos-docker', 'mesos-docker2'))
  t.false(coversSecret('mesos-docker/pullConfig', 'mesos-docker'))
  t.false(coversSecret('b', 'a/b'))
  t.false(coversSecret('Mesos', 'mesos/x'))
})

test('a path covers another exactly when its segments are the first ones of the other', t => {
  const path = fc.array(fc.constantFrom('a', 'ab', 'b'), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(path, path, (granted, asked) => {
      const first = granted.length <= asked.length && granted.every((segment, i) => asked[i] === segment)
      t.is(coversSecret(granted.join('/'), asked.join('/')), first)
    }),
  )
})
