import { randomBytes } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { Problem } from '../../../src/domain/problem.ts'
import { openVault } from '../../../src/store/vault.ts'
import { directory } from './opened.ts'

const keyFile = (t: ExecutionContext) => join(directory(t), 'master.key')
const nothing = () => null

test('what was sealed opens again, whatever the text, also after a restart', t => {
  const path = keyFile(t)
  const before = openVault(path, nothing)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), plain => {
      const sealed = before.seal(plain, 'here')
      t.is(openVault(path, () => sealed).open(sealed, 'here', 'credential'), plain)
    }),
    { numRuns: 50 },
  )
})

test('the same text is never sealed to the same bytes', t => {
  const vault = openVault(keyFile(t), nothing)
  t.notDeepEqual(vault.seal('same', 'here'), vault.seal('same', 'here'))
})

test('a sealed value does not open in another place', t => {
  const vault = openVault(keyFile(t), nothing)
  const sealed = vault.seal('text', 'config:gw:1:1')
  t.throws(() => vault.open(sealed, 'config:gw:1:2', 'credential'), {
    message: 'A stored credential does not decrypt',
  })
})

test('a sealed value with any byte changed, added or cut off does not open', t => {
  const vault = openVault(keyFile(t), nothing)
  const sealed = vault.seal('attack at dawn', 'here')
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed)
    changed[i] = (changed[i] as number) ^ 1
    t.throws(() => vault.open(changed, 'here', 'credential'), { instanceOf: Problem }, `byte ${i}`)
    t.throws(
      () => vault.open(sealed.subarray(0, i), 'here', 'credential'),
      { instanceOf: Problem },
      `first ${i} bytes`,
    )
  }
  t.throws(() => vault.open(Buffer.concat([sealed, Buffer.of(0)]), 'here', 'credential'), {
    instanceOf: Problem,
  })
})

test('the key file is made once: 32 bytes, base64, for its owner only, and nothing else is left beside it', t => {
  const path = keyFile(t)
  openVault(path, nothing)
  const text = readFileSync(path, 'utf8')
  t.is(Buffer.from(text, 'base64').length, 32)
  t.is(statSync(path).mode & 0o777, 0o600)
  openVault(path, nothing)
  t.is(readFileSync(path, 'utf8'), text)
  t.deepEqual(readdirSync(join(path, '..')), ['master.key'])
})

test('a missing key is refused while something is sealed, and no new one is made', t => {
  const path = keyFile(t)
  const sealed = openVault(path, nothing).seal('text', 'here')
  rmSync(path)
  const problem = t.throws(() => openVault(path, () => sealed), { instanceOf: Problem })
  t.is(problem.code, 'master-key-missing')
  t.regex(problem.saw ?? '', /^they are encrypted with key [0-9a-f]{16}$/)
  t.regex(problem.hint, /from your backup/)
  t.deepEqual(readdirSync(join(path, '..')), [])
})

test('another key is refused at once, and both keys are named by their ids', t => {
  const [path, other] = [keyFile(t), keyFile(t)]
  const sealed = openVault(other, nothing).seal('text', 'here')
  openVault(path, nothing)
  const problem = t.throws(() => openVault(path, () => sealed), { instanceOf: Problem })
  t.is(problem.code, 'master-key-wrong')
  const ids = /^the key on disk is ([0-9a-f]{16}), they are encrypted with ([0-9a-f]{16})$/.exec(
    problem.saw ?? '',
  )
  t.truthy(ids)
  t.not(ids?.[1], ids?.[2])
  t.is(ids?.[2], sealed.subarray(1, 9).toString('hex'))
})

for (const mode of [0o640, 0o604, 0o620]) {
  test(`a key file of mode 0${mode.toString(8)} is refused`, t => {
    const path = keyFile(t)
    openVault(path, nothing)
    chmodSync(path, mode)
    const problem = t.throws(() => openVault(path, nothing), { instanceOf: Problem })
    t.is(problem.code, 'settings-invalid')
    t.is(problem.saw, `its mode is 0${mode.toString(8)}`)
    t.regex(problem.hint, /chmod 600/)
  })
}

const good = randomBytes(32).toString('base64')
for (const [what, text] of [
  ['empty', ''],
  ['cut off', good.slice(0, 30)],
  ['too long', good + good],
  ['of 31 bytes', randomBytes(31).toString('base64')],
  ['not base64', `${'!'.repeat(43)}=`],
] as const) {
  test(`a key file that is ${what} is refused without its text being shown`, t => {
    const path = keyFile(t)
    writeFileSync(path, text, { mode: 0o600 })
    const problem = t.throws(() => openVault(path, nothing), { instanceOf: Problem })
    t.is(problem.code, 'settings-invalid')
    t.regex(problem.headline, /master\.key does not hold a key$/)
    if (text !== '') t.false(inspect(problem).includes(text.slice(0, 20)))
    t.is(readFileSync(path, 'utf8'), text)
  })
}

test('a key that is a directory is a Problem', t => {
  const problem = t.throws(() => openVault(directory(t), nothing), { instanceOf: Problem })
  t.is(problem.code, 'settings-invalid')
})
