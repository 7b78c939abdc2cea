// Files of credentials on the gateway's own disk: what may be read, and that nothing else shows.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { fileFetcher } from '../../../src/registry/download.ts'
import { readPlainFile } from '../../../src/registry/local-file.ts'
import { type CaughtProblem, caughtProblem, withText } from '../../support/caught-problem.ts'

const never = () => new AbortController().signal

/** A directory `allowed` with config.json in it, and beside it `allowed-not` and `elsewhere`, with one each as well. */
function disk(t: ExecutionContext) {
  const top = mkdtempSync(join(tmpdir(), 'fairlead-download-'))
  t.teardown(() => rmSync(top, { recursive: true, force: true }))
  for (const name of ['allowed', 'allowed/team', 'allowed-not', 'elsewhere']) {
    mkdirSync(join(top, name))
    writeFileSync(join(top, name, 'config.json'), `of ${name}`)
  }
  const fetchFile = fileFetcher({ filesDirectory: join(top, 'allowed'), maxBytes: 100 })
  const read = async (path: string) =>
    (await fetchFile(pathToFileURL(join(top, path)), never())).toString('utf8')
  const problem = async (path: string) =>
    withText(withText(await caughtProblem(read(path)), join(top, path), 'FILE'), top, 'TOP')
  return { top, read, problem }
}

const HEADLINE = 'The registry credentials at file://FILE could not be fetched'
const OUTSIDE: CaughtProblem = {
  code: 'registry-uri-failed',
  headline: HEADLINE,
  saw: 'Only files below TOP/allowed may be read, and links only as long as they stay there.',
  hint: 'Ask an operator of the gateway to put the file there, and set its address with `fairlead registry:uri file:///…`.',
}
const MISSING: CaughtProblem = {
  code: 'registry-uri-failed',
  headline: HEADLINE,
  saw: 'There is no such file.',
  hint: 'Ask an operator of the gateway to put it there, or correct the address with `fairlead registry:uri file:///…`.',
}
const NO_FILE: CaughtProblem = {
  code: 'registry-uri-failed',
  headline: HEADLINE,
  saw: 'It is a directory, a pipe or a device.',
  hint: 'Set the address of a config.json or docker.tar.gz with `fairlead registry:uri file:///…`.',
}

test('a file below the allowed directory is read as it is', async t => {
  const { top, read } = disk(t)
  writeFileSync(join(top, 'allowed/docker ä%.tar.gz'), 'any')
  t.is(await read('allowed/config.json'), 'of allowed')
  t.is(await read('allowed/team/config.json'), 'of allowed/team')
  t.is(await read('allowed/docker ä%.tar.gz'), 'any')
})

test('the bytes are not changed', async t => {
  const { top } = disk(t)
  const bytes = Buffer.from([0x1f, 0x8b, 0, 0xff, 0xfe, 0x0d, 0x0a])
  writeFileSync(join(top, 'allowed/x'), bytes)
  const fetchFile = fileFetcher({ filesDirectory: join(top, 'allowed') })
  t.deepEqual(await fetchFile(pathToFileURL(join(top, 'allowed/x')), never()), bytes)
})

test('a gateway without a directory for files says who can set one', async t => {
  const fetchFile = fileFetcher({ filesDirectory: null })
  t.deepEqual(await caughtProblem(fetchFile(new URL('file:///etc/passwd'), never())), {
    code: 'registry-uri-failed',
    headline: 'The registry credentials at file:///etc/passwd could not be fetched',
    saw: 'This gateway opens no directory to file: addresses.',
    hint: 'Ask an operator of the gateway to set FAIRLEAD_REGISTRY_FILES to the directory that the file is in, or set an address with `fairlead registry:uri https://…`.',
  })
})

test('a directory that is gone is told', async t => {
  const { top, problem } = disk(t)
  rmSync(join(top, 'allowed'), { recursive: true })
  t.deepEqual(await problem('allowed/config.json'), {
    code: 'registry-uri-failed',
    headline: HEADLINE,
    saw: 'FAIRLEAD_REGISTRY_FILES is TOP/allowed, which cannot be read (ENOENT).',
    hint: 'Ask an operator of the gateway to put that directory back.',
  })
})

for (const path of [
  'elsewhere/config.json',
  'elsewhere/nothing',
  'nowhere/nothing',
  'allowed-not/config.json',
  'elsewhere/config.json/below-a-file',
]) {
  test(`outside the directory the answer is the same for all there is or is not: ${path}`, async t => {
    const { problem } = disk(t)
    t.deepEqual(await problem(path), OUTSIDE)
  })
}

test('what lies outside behind a link is refused with one answer, whether it exists or not', async t => {
  const { top, problem } = disk(t)
  const link = (target: string, name: string) => symlinkSync(target, join(top, 'allowed', name))
  link(join(top, 'elsewhere'), 'absolute')
  link('../elsewhere', 'relative')
  link('team/../../elsewhere', 'detour')
  link(join(top, 'nowhere'), 'dangling')
  link('../elsewhere/config.json', 'file')
  link('relative/config.json', 'second')
  link(join(top, 'allowed-not'), 'neighbour')
  link('../allowed/config.json', 'out-and-in')
  link('/proc/self/root', 'magic')
  for (const path of [
    'absolute/config.json',
    'absolute/nothing',
    'relative/config.json',
    'relative/nothing',
    'detour/config.json',
    'dangling',
    'dangling/x',
    'file',
    'file/x',
    'second',
    'neighbour/config.json',
    'out-and-in',
    'magic/etc/passwd',
  ]) {
    t.deepEqual(await problem(`allowed/${path}`), OUTSIDE, path)
  }
})

test('links that stay below the directory are followed', async t => {
  const { top, read } = disk(t)
  const link = (target: string, name: string) => symlinkSync(target, join(top, 'allowed', name))
  link('team', 'current')
  link('./current/../team//config.json', 'relative')
  link(join(top, 'allowed/team/config.json'), 'absolute')
  symlinkSync('../config.json', join(top, 'allowed/team/up'))
  symlinkSync(join(top, 'allowed/config.json'), join(top, 'allowed/team/home'))
  t.is(await read('allowed/current/config.json'), 'of allowed/team')
  t.is(await read('allowed/relative'), 'of allowed/team')
  t.is(await read('allowed/absolute'), 'of allowed/team')
  t.is(await read('allowed/current/up'), 'of allowed')
  t.is(await read('allowed/current/home'), 'of allowed')
})

test('the directory itself may be named through a link, and the files in it by both names', async t => {
  const { top } = disk(t)
  symlinkSync('allowed', join(top, 'alias'))
  symlinkSync(join(top, 'alias/config.json'), join(top, 'allowed/by-alias'))
  symlinkSync(join(top, 'allowed/config.json'), join(top, 'allowed/by-name'))
  const fetchFile = fileFetcher({ filesDirectory: join(top, 'alias') })
  for (const path of ['alias/config.json', 'allowed/config.json', 'alias/by-alias', 'alias/by-name']) {
    t.is((await fetchFile(pathToFileURL(join(top, path)), never())).toString(), 'of allowed', path)
  }
})

test('whatever path is named, only files below the directory come back', async t => {
  const { top, read } = disk(t)
  symlinkSync('..', join(top, 'allowed/up'))
  symlinkSync('..', join(top, 'allowed/team/in'))
  symlinkSync('../../elsewhere', join(top, 'allowed/team/out'))
  const segment = fc.constantFrom('allowed', 'team', 'elsewhere', 'up', 'in', 'out', '..', '.', '')
  const text = (segments: string[]) => `allowed/${segments.join('/')}/config.json`
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { maxLength: 8 }), async segments => {
      const found = await read(text(segments)).catch((error: Error) => error)
      return typeof found === 'string' ? /^of allowed(\/team)?$/.test(found) : found.name === 'Problem'
    }),
    { numRuns: 200 },
  )
  t.pass()
})

test('a directory that becomes a link outside after it was looked at gives nothing', async t => {
  const { top } = disk(t)
  symlinkSync('../elsewhere', join(top, 'allowed/swapped'))
  const root = join(top, 'allowed')
  await t.throwsAsync(readPlainFile(root, join(root, 'swapped/config.json'), 100), { message: 'OUTSIDE' })
})

test('a file that becomes a link after it was looked at is not opened', async t => {
  const { top } = disk(t)
  symlinkSync('config.json', join(top, 'allowed/swapped'))
  const root = join(top, 'allowed')
  await t.throwsAsync(readPlainFile(root, join(root, 'swapped'), 100), { code: 'ELOOP' })
})

test('a missing file is told', async t => {
  const { top, problem } = disk(t)
  t.deepEqual(await problem('allowed/nothing'), MISSING)
  t.deepEqual(await problem('allowed/nothing/below'), MISSING)
  t.deepEqual(await problem('allowed/config.json/below'), MISSING)
  symlinkSync('gone', join(top, 'allowed/dangling'))
  t.deepEqual(await problem('allowed/dangling'), MISSING)
})

test('a directory, a named pipe, a socket or a device is refused at once', async t => {
  const { top, problem } = disk(t)
  execFileSync('mkfifo', [join(top, 'allowed/pipe')])
  const server = createServer()
  await new Promise<void>(resolve => server.listen(join(top, 'allowed/socket'), resolve))
  t.teardown(() => server.close())
  for (const path of ['allowed', 'allowed/team', 'allowed/pipe', 'allowed/socket']) {
    t.deepEqual(await problem(path), NO_FILE, path)
  }
  const fetchFile = fileFetcher({ filesDirectory: '/dev' })
  t.is((await caughtProblem(fetchFile(new URL('file:///dev/zero'), never()))).saw, NO_FILE.saw)
})

test('a file may hold the most that is allowed, and not one byte more', async t => {
  const { top, read, problem } = disk(t)
  writeFileSync(join(top, 'allowed/most'), 'x'.repeat(100))
  writeFileSync(join(top, 'allowed/more'), 'x'.repeat(101))
  t.is((await read('allowed/most')).length, 100)
  t.deepEqual(await problem('allowed/more'), {
    code: 'registry-uri-failed',
    headline: HEADLINE,
    saw: 'The file has more than 100 bytes.',
    hint: 'Keep only config.json in it, or docker.tar.gz with only that inside.',
  })
})

test('a file that says it is empty and is not is read to its end or its limit', async t => {
  const fetchFile = (maxBytes: number) =>
    fileFetcher({ filesDirectory: '/proc/sys/kernel', maxBytes })(
      new URL('file:///proc/sys/kernel/ostype'),
      never(),
    )
  t.is((await fetchFile(100)).toString(), 'Linux\n')
  t.is((await caughtProblem(fetchFile(3))).saw, 'The file has more than 3 bytes.')
})

test('links in a circle end', async t => {
  const { top, problem } = disk(t)
  symlinkSync('b', join(top, 'allowed/a'))
  symlinkSync('a', join(top, 'allowed/b'))
  symlinkSync('grows/x', join(top, 'allowed/grows'))
  const circle = {
    code: 'registry-uri-failed',
    headline: HEADLINE,
    saw: 'More than 40 links had to be followed.',
    hint: 'Ask an operator of the gateway to put a file where the links lead in a circle.',
  } as const
  t.deepEqual(await problem('allowed/a'), circle)
  t.deepEqual(await problem('allowed/grows'), circle)
})

test('a file that the gateway may not read is told', async t => {
  // The kernel lets nobody read it, root neither.
  const fetchFile = fileFetcher({ filesDirectory: '/sys/bus/platform' })
  t.deepEqual(await caughtProblem(fetchFile(new URL('file:///sys/bus/platform/uevent'), never())), {
    code: 'registry-uri-failed',
    headline: HEADLINE.replace('FILE', '/sys/bus/platform/uevent'),
    saw: 'The gateway may not read it (EACCES).',
    hint: "Ask an operator of the gateway to let the gateway's user read it.",
  })
})

test('what a disk says besides is told by its code', async t => {
  const { problem } = disk(t)
  t.deepEqual(await problem(`allowed/${'n'.repeat(300)}`), {
    code: 'registry-uri-failed',
    headline: HEADLINE,
    saw: 'Reading it failed (ENAMETOOLONG).',
    hint: 'Ask an operator of the gateway to look at that disk.',
  })
})

test('an abort ends the wait for a disk, with its reason', async t => {
  const { top } = disk(t)
  const controller = new AbortController()
  const fetchFile = fileFetcher({ filesDirectory: join(top, 'allowed') })
  const pending = fetchFile(pathToFileURL(join(top, 'allowed/config.json')), controller.signal)
  const reason = new Error('the one who asked left')
  controller.abort(reason)
  t.is(await t.throwsAsync(pending), reason)
  t.is(
    await t.throwsAsync(fetchFile(pathToFileURL(join(top, 'allowed/config.json')), controller.signal)),
    reason,
  )
})
