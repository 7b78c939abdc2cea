import test from 'ava'
import fc from 'fast-check'
import {
  checkConfig,
  containerConfig,
  describeChange,
  isSet,
  mergeConfig,
  nameFault,
  parseAssignments,
  setting,
} from '../../../src/domain/config.ts'
import { Problem, problemLines } from '../../../src/domain/problem.ts'
import { Secret } from '../../../src/domain/secret.ts'

const config = (values: Record<string, string>) =>
  new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]))
const bare = (values: ReadonlyMap<string, Secret>) =>
  Object.fromEntries([...values].map(([name, value]) => [name, value.reveal()]))

function refusal(run: () => unknown): Problem {
  try {
    run()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

test('assignments end their name at the first =, and keep every other character of the value', t => {
  const values = { A: 'b=c==', _b1: '', C: ' two\nlines "and" \'quotes\' ', D: '🦆' }
  t.deepEqual(bare(parseAssignments(Object.entries(values).map(([k, v]) => `${k}=${v}`))), values)
})

test('a word without = is refused without being shown', t => {
  const problem = refusal(() => parseAssignments(['A=1', 'hunter2']))
  t.is(problem.code, 'usage')
  t.is(problem.headline, "Variable 2 of 2 has no '='")
  t.false(problemLines(problem).join().includes('hunter2'))
})

test('a bad name is refused with its place and fault, but is not shown: it may be the rest of a secret', t => {
  for (const [word, fault] of [
    ['=x', 'is empty'],
    ['1hunter=x', 'begins with a digit'],
    ['hunter-2=', "has a character other than A-Z, a-z, 0-9 and '_' in place 7"],
    [`${'h'.repeat(257)}=`, 'is 257 characters long, more than 256'],
  ] as const) {
    const problem = refusal(() => parseAssignments(['A=1', word]))
    t.is(problem.code, 'config-invalid')
    t.is(problem.headline, `The name of variable 2 of 2 ${fault}`)
    t.false(problemLines(problem).join().includes('hunter'))
  }
})

test('a variable that is given twice is refused', t => {
  const problem = refusal(() => parseAssignments(['A=secret1', 'A=secret2']))
  t.is(problem.headline, 'A is set twice in one command')
})

test('names are [A-Za-z_][A-Za-z0-9_]* of at most 256 characters', t => {
  t.is(nameFault('a'.repeat(256)), null)
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^\w+$/)), name => {
      t.is(nameFault(name) === null, /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name.length <= 256)
    }),
  )
})

test('values are any text but NUL and lone surrogates', t => {
  t.notThrows(() => checkConfig(config({ A: 'a\n\t\r\x1b"\'=`$🦆', B: '' })))
  t.is(
    refusal(() => checkConfig(config({ A: 'hunter\x002' }))).headline,
    'The value of A holds a NUL, which no environment can carry',
  )
  t.is(refusal(() => checkConfig(config({ A: 'hunter\ud800' }))).headline, 'The value of A is not UTF-8 text')
})

test('names are checked in a whole config too', t => {
  t.is(
    refusal(() => checkConfig(config({ A: '', 'B C': '' }))).headline,
    "The name of variable 2 of 2 has a character other than A-Z, a-z, 0-9 and '_' in place 2",
  )
})

test('a value may have 64 KiB, counted in bytes', t => {
  t.notThrows(() => checkConfig(config({ A: 'é'.repeat(32_768) })))
  const problem = refusal(() => checkConfig(config({ A: `${'é'.repeat(32_768)}x` })))
  t.is(problem.code, 'config-invalid')
  t.is(problem.headline, 'The value of A is too large')
  t.is(problem.saw, '65537 bytes, 1 more than the 65536 that are allowed')
})

test('a whole config may have 512 KiB, names included', t => {
  const eight = (last: number) =>
    config(Object.fromEntries([...'ABCDEFGH'].map((name, i) => [name, 'x'.repeat(i < 7 ? 65_535 : last)])))
  t.notThrows(() => checkConfig(eight(65_535)))
  const problem = refusal(() => checkConfig(eight(65_536)))
  t.is(problem.headline, 'The whole config is too large')
  t.is(problem.saw, '524289 bytes, 1 more than the 524288 that are allowed')
})

test('a merge removes, then sets, and leaves what it came from alone', t => {
  const before = config({ A: '1', B: '2', C: '3' })
  const after = mergeConfig(before, config({ B: 'new', D: '' }), ['A', 'B', 'nothing'])
  t.deepEqual(bare(after), { C: '3', B: 'new', D: '' })
  t.deepEqual(bare(before), { A: '1', B: '2', C: '3' })
})

test('a change is described by sorted names, and setting the same value is no change', t => {
  const before = config({ same: 'x', changed: 'x', z: '', a: '' })
  const after = config({ same: 'x', new: '', changed: 'y', emptied: '' })
  t.deepEqual(describeChange(before, after), { set: ['changed', 'emptied', 'new'], unset: ['a', 'z'] })
  t.deepEqual(describeChange(before, before), { set: [], unset: [] })
})

test('applying a described change leads from before to after', t => {
  const any = fc
    .dictionary(fc.constantFrom(...'ABCD'), fc.constantFrom('', '1', '2'))
    .map(values => config(values))
  fc.assert(
    fc.property(any, any, (before, after) => {
      const change = describeChange(before, after)
      const set = new Map([...after].filter(([name]) => change.set.includes(name)))
      t.deepEqual(describeChange(mergeConfig(before, set, change.unset), after), { set: [], unset: [] })
    }),
  )
})

test('nothing of the registry credential reaches a container, everything else does', t => {
  const all = config({
    APTIBLE_PRIVATE_REGISTRY_HOST: 'quay.io',
    APTIBLE_PRIVATE_REGISTRY_USERNAME: 'u',
    APTIBLE_PRIVATE_REGISTRY_PASSWORD: 'p',
    APTIBLE_PRIVATE_REGISTRY_EMAIL: '.',
    APTIBLE_PRIVATE_REGISTRY_SOMETHING_NEW: 'x',
    APTIBLE_DOCKER_IMAGE: 'quay.io/a/b',
    MY_APTIBLE_PRIVATE_REGISTRY_HOST: 'mine',
    EMPTY: '',
  })
  t.deepEqual(bare(containerConfig(all)), {
    APTIBLE_DOCKER_IMAGE: 'quay.io/a/b',
    MY_APTIBLE_PRIVATE_REGISTRY_HOST: 'mine',
    EMPTY: '',
  })
})

test('an empty value is a value, except for the variables that the gateway reads', t => {
  const emptied = config({ APTIBLE_DOCKER_IMAGE: '', APTIBLE_PRIVATE_REGISTRY_HOST: '', MINE: '' })
  t.is(setting(emptied, 'MINE'), '')
  t.true(isSet(emptied, 'MINE'))
  for (const name of ['APTIBLE_DOCKER_IMAGE', 'APTIBLE_PRIVATE_REGISTRY_HOST', 'MISSING', 'toString']) {
    t.false(isSet(emptied, name))
    t.is(setting(emptied, name), null)
  }
  t.is(setting(config({ APTIBLE_DOCKER_IMAGE: 'a/b' }), 'APTIBLE_DOCKER_IMAGE'), 'a/b')
})
