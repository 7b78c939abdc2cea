import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Log } from '../../../src/domain/log.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { openStacks } from '../../../src/stacks/stacks.ts'

const stackFile = (grace: string) => `version: 2\nengine:\n  unix: /run/docker.sock\ngrace: ${grace}\n`

interface Entry {
  level: string
  message: string
  fields: { stack?: string; problem?: Problem }
}

/** A log that can be waited for: `said` resolves with the first line, past or to come, that holds the text. */
function listening() {
  const entries: Entry[] = []
  const waiting = new Set<() => void>()
  const write = (level: string) => (fields: object, message: string) => {
    entries.push({ level, message, fields })
    for (const look of waiting) look()
  }
  const log: Log = {
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  const said = (text: string) =>
    new Promise<Entry>(resolve => {
      const look = () => {
        const found = entries.find(entry => entry.message.includes(text))
        if (found) resolve(found)
      }
      waiting.add(look)
      look()
    })
  return { log, entries, said }
}

function place(t: ExecutionContext, files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-stacks-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}

function following(t: ExecutionContext, files: Record<string, string>) {
  const directory = place(t, files)
  const ear = listening()
  const stacks = openStacks(directory, ear.log)
  t.teardown(() => stacks.close())
  return { directory, stacks, ...ear }
}

const codeOf = (t: ExecutionContext, act: () => unknown) => t.throws(act, { instanceOf: Problem }).code

test('every .yml file is a stack by its name, sorted; other files are left alone', t => {
  const files = {
    'b.yml': stackFile('2s'),
    'a.yml': stackFile('1s'),
    'README.md': '# x',
    '.b.yml.swp': '',
    '.c.yml': '',
  }
  const { stacks } = following(t, files)
  t.deepEqual(
    stacks.list().map(({ name, stack, problem }) => [name, stack?.grace, problem]),
    [
      ['a', 1, undefined],
      ['b', 2, undefined],
    ],
  )
  t.is(stacks.get('b').grace, 2)
  t.is(stacks.get('b'), stacks.get('b'))
})

test('a stack that is not there and one whose file is broken are two different Problems', t => {
  const { stacks, entries } = following(t, { 'good.yml': stackFile('1s'), 'bad.yml': 'version: 9\n' })
  const missing = t.throws(() => stacks.get('prod'), { instanceOf: Problem })
  t.is(missing.code, 'stack-not-found')
  t.is(missing.saw, 'the stacks are bad, good')
  t.is(
    codeOf(t, () => stacks.get('bad')),
    'stack-invalid',
  )
  t.is(stacks.get('good').grace, 1)
  t.is(stacks.list()[0]?.problem?.code, 'stack-invalid')
  t.is(entries.filter(entry => entry.level === 'warn' && entry.fields.stack === 'bad').length, 1)
})

test('a .yaml file and a file that cannot be read are reported, not passed over', t => {
  const { stacks } = following(t, { 'a.yaml': stackFile('1s') })
  t.regex(stacks.list()[0]?.problem?.saw ?? '', /ends in \.yml/)
  t.is(
    codeOf(t, () => stacks.get('a')),
    'stack-invalid',
  )
})

test('a .yml file wins over a .yaml file of the same name', t => {
  const { stacks } = following(t, { 'a.yaml': stackFile('1s'), 'a.yml': stackFile('2s') })
  t.is(stacks.get('a').grace, 2)
  t.is(stacks.list().length, 1)
})

test('a file that is added takes effect by itself', async t => {
  const { directory, stacks, said } = following(t, {})
  t.is(
    codeOf(t, () => stacks.get('new')),
    'stack-not-found',
  )
  writeFileSync(join(directory, 'new.yml'), stackFile('7s'))
  t.is((await said('stack read')).fields.stack, 'new')
  t.is(stacks.get('new').grace, 7)
})

test('a file that is changed, also by renaming another over it, takes effect by itself', async t => {
  const { directory, stacks, said } = following(t, { 'a.yml': stackFile('1s') })
  writeFileSync(join(directory, 'a.yml.new'), stackFile('8s'))
  renameSync(join(directory, 'a.yml.new'), join(directory, 'a.yml'))
  await said('stack changed')
  t.is(stacks.get('a').grace, 8)
})

test('a broken edit is warned of with file and line, and the last good version stays until it is mended', async t => {
  const { directory, stacks, said, entries } = following(t, {
    'a.yml': stackFile('1s'),
    'b.yml': stackFile('1s'),
  })
  const [a, b] = [stacks.get('a'), stacks.get('b')]
  writeFileSync(join(directory, 'a.yml'), stackFile('soon'))
  const warning = await said('what was read last stays in force')
  t.is(warning.level, 'warn')
  t.regex(warning.fields.problem?.saw ?? '', /^a\.yml:4: grace: "soon" is no duration/)
  t.is(stacks.get('a'), a)
  t.is(stacks.list()[0]?.stack, a)
  t.is(stacks.list()[0]?.problem?.code, 'stack-invalid')
  await stacks.reload()
  t.is(entries.filter(entry => entry.level === 'warn').length, 1)

  writeFileSync(join(directory, 'a.yml'), stackFile('9s'))
  await said('stack changed')
  t.is(stacks.get('a').grace, 9)
  t.is(stacks.list()[0]?.problem, undefined)
  t.is(stacks.get('b'), b)
})

test('a file that is removed takes its stack away', async t => {
  const { directory, stacks, said } = following(t, { 'a.yml': stackFile('1s') })
  rmSync(join(directory, 'a.yml'))
  await said('stack removed')
  t.is(
    codeOf(t, () => stacks.get('a')),
    'stack-not-found',
  )
})

test('reload takes effect at once and answers with what there is', async t => {
  const { directory, stacks } = following(t, { 'a.yml': stackFile('1s') })
  stacks.close()
  writeFileSync(join(directory, 'b.yml'), stackFile('2s'))
  t.deepEqual(
    (await stacks.reload()).map(({ name }) => name),
    ['a', 'b'],
  )
  t.is(stacks.get('b').grace, 2)
})

test('a directory that is not there is a Problem at the start, and later leaves the stacks as they were', async t => {
  const { log } = listening()
  t.is(
    codeOf(t, () => openStacks('/nowhere/stacks', log)),
    'settings-invalid',
  )
  const { directory, stacks } = following(t, { 'a.yml': stackFile('1s') })
  stacks.close()
  rmSync(directory, { recursive: true })
  await t.throwsAsync(stacks.reload(), { instanceOf: Problem, message: /cannot be read/ })
  t.is(stacks.get('a').grace, 1)
})
