import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import test from 'ava'
import { uploadPack } from '../../../src/git/upload-pack.ts'
import { fetchFrom, openGitBench } from '../../support/git-bench.ts'
import { git } from '../../support/git-transport.ts'

const URL = 'ssh://git@test/app.git'

test('clone and fetch work, with version 2 of the protocol', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: 'one' })
  t.like(await (await bench.push(['master'], { onPush: async () => true })).done, { code: 0 })
  const clone = await fetchFrom(
    t,
    bench.repository,
    bench.directory,
    '-c',
    'protocol.version=2',
    'clone',
    URL,
    'copy',
  )
  t.is(clone.code, 0, clone.output)
  t.deepEqual(clone.protocols, ['version=2'])
  const copy = join(bench.directory, 'copy')
  t.is(await readFile(join(copy, 'a'), 'utf8'), 'one')

  const second = await bench.commit({ a: 'two' })
  t.like(await (await bench.push(['master'], { onPush: async () => true })).done, { code: 0 })
  const words = ['-c', 'protocol.version=2', 'fetch', 'origin']
  const fetched = await fetchFrom(t, bench.repository, copy, ...words)
  t.is(fetched.code, 0, fetched.output)
  t.is(await git(copy, 'rev-parse', 'origin/master'), second)
})

test('shallow and partial clones are served', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: 'one' })
  await bench.commit({ a: 'two' })
  t.like(await (await bench.push(['master'], { onPush: async () => true })).done, { code: 0 })
  const words = ['clone', '--depth=1', '--filter=blob:none', '--no-checkout', URL, 'thin']
  const clone = await fetchFrom(t, bench.repository, bench.directory, ...words)
  t.is(clone.code, 0, clone.output)
  t.notRegex(clone.output, /filtering not recognized/)
  t.is(await git(join(bench.directory, 'thin'), 'rev-list', '--count', 'HEAD'), '1')
})

test('version 2 is spoken only when the client asks for it properly', async t => {
  const bench = await openGitBench(t)
  const speak = async (protocol: string | null) => {
    let out = ''
    const stdout = new Writable({
      write(chunk, _encoding, done) {
        out += chunk
        done()
      },
    })
    const stdin = new PassThrough()
    stdin.end('0000')
    const signal = new AbortController().signal
    await uploadPack({
      repository: bench.repository,
      stdin,
      stdout,
      stderr: new PassThrough(),
      protocol,
      signal,
    })
    return out
  }
  t.regex(await speak('version=2'), /version 2/)
  t.notRegex(await speak(null), /version 2/)
  t.notRegex(await speak('version=2\nX=1'), /version 2/)
})

test('a client that leaves ends the git that serves it', async t => {
  const bench = await openGitBench(t)
  const left = new AbortController()
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const { signal } = left
  const served = uploadPack({ repository: bench.repository, stdin, stdout, stderr, protocol: null, signal })
  await new Promise(resolve => stdout.once('readable', resolve))
  left.abort()
  t.true(Number.isInteger(await served))
})
