import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import test from 'ava'
import { extract, pack } from 'tar-stream'
import type { Commit } from '../../../src/git/commit.ts'
import { openCommit } from '../../../src/git/commit.ts'
import { buildContext } from '../../../src/git/context.ts'
import { openGitBench } from '../../support/git-bench.ts'

async function contents(tar: Readable): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const entries = extract()
  tar.on('error', error => entries.destroy(error)).pipe(entries)
  for await (const entry of entries) {
    const { name, mode, linkname, type } = entry.header
    const content = await buffer(entry)
    found[name] = type === 'symlink' ? `-> ${linkname}` : `${mode.toString(8)} ${content.length}`
  }
  return found
}

test('without .dockerignore the context is the archive', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ Dockerfile: 'FROM scratch\n', 'a/b': 'b' })
  const commit = openCommit(`${bench.work}/.git`, id, null)
  t.deepEqual(await buffer(buildContext(commit, { ignore: null })), await buffer(commit.archive()))
})

test('what .dockerignore names is left out; exceptions come with their directories; modes, links and long names stay', async t => {
  const bench = await openGitBench(t)
  const long = `${'näme/'.repeat(50)}file`
  const id = await bench.commit({
    Dockerfile: 'FROM scratch\n',
    '.dockerignore': '',
    'node_modules/a/index.js': 'x',
    'node_modules/keep/me': 'kept',
    'log/x': 'x',
    link: { link: 'bin/run' },
    'bin/run': randomBytes(400_000),
    [long]: 'far',
  })
  const commit = openCommit(`${bench.work}/.git`, id, null)
  const ignore = 'node_modules\n!node_modules/keep/me\nlog\nDockerfile\n.dockerignore\n'
  const found = await contents(buildContext(commit, { ignore }))
  const directories = Object.keys(found).filter(name => name.endsWith('/') && !name.startsWith('n\u00e4me'))
  t.deepEqual(directories, ['bin/', 'node_modules/', 'node_modules/keep/'])
  t.deepEqual(Object.fromEntries(Object.entries(found).filter(([name]) => !name.endsWith('/'))), {
    Dockerfile: '644 13',
    '.dockerignore': '644 0',
    'bin/run': '644 400000',
    link: '-> bin/run',
    'node_modules/keep/me': '644 4',
    [long]: '644 3',
  })
})

test('a failing git reaches the reader of a filtered context', async t => {
  const bench = await openGitBench(t)
  const commit = openCommit(bench.repository, 'a'.repeat(40), null)
  await t.throwsAsync(buffer(buildContext(commit, { ignore: 'x' })), { message: /git archive of/ })
})

test('a context that nobody reads on destroys the archive behind it', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ big: randomBytes(8_000_000), other: randomBytes(8_000_000) })
  const real = openCommit(`${bench.work}/.git`, id, null)
  const archive = real.archive()
  const context = buildContext({ ...real, archive: () => archive }, { ignore: 'other' })
  await new Promise(resolve => context.once('readable', resolve))
  const closed = new Promise(resolve => archive.once('close', resolve))
  context.destroy()
  await closed
  t.true(archive.destroyed)
})

test('a tree made by hand with paths that leave it is refused', async t => {
  for (const name of [
    '../evil',
    'a/../../evil',
    '.git/config',
    'a/.GIT/hooks',
    'a//b',
    `${'x/'.repeat(3000)}y`,
  ]) {
    const tar = pack()
    tar.entry({ name: 'fine' }, 'fine')
    tar.entry({ name }, 'evil')
    tar.finalize()
    const commit = { archive: () => tar as unknown as Readable } as Commit
    await t.throwsAsync(
      buffer(buildContext(commit, { ignore: 'nothing' })),
      { message: /cannot be unpacked/ },
      name,
    )
  }
})
