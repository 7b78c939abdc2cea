import { mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { parseAppPath } from '../../../src/domain/app.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { openGitBench } from '../../support/git-bench.ts'
import { git } from '../../support/git-transport.ts'

const signal = new AbortController().signal

test('a repository is bare, holds no hook, and making it again changes nothing', async t => {
  const { repositories, app, repository, directory } = await openGitBench(t)
  t.is(repository, join(directory, 'repositories/my-env/my-app.git'))
  t.is(await git(directory, '--git-dir', repository, 'rev-parse', '--is-bare-repository'), 'true')
  t.is(await readFile(join(repository, 'HEAD'), 'utf8'), 'ref: refs/heads/master\n')
  t.deepEqual(await readdir(join(repository, 'hooks')).catch(() => []), [])
  await writeFile(join(repository, 'mark'), '')
  await Promise.all([repositories.create(app), repositories.create(app)])
  t.true((await readdir(repository)).includes('mark'))
  t.deepEqual(await readdir(join(directory, 'repositories/my-env')), ['my-app.git'])
})

test('two that make the same repository at once both succeed', async t => {
  const { repositories, directory } = await openGitBench(t)
  const other = parseAppPath('other-env/app')
  await Promise.all(Array.from({ length: 8 }, () => repositories.create(other)))
  t.true(await repositories.exists(other))
  t.deepEqual(await readdir(join(directory, 'repositories/other-env')), ['app.git'])
})

test('a removed repository is gone, and removing what is not there succeeds', async t => {
  const { repositories, app, directory } = await openGitBench(t)
  await repositories.remove(app)
  t.false(await repositories.exists(app))
  t.deepEqual(await readdir(join(directory, 'repositories/my-env')), [])
  await repositories.remove(app)
  await repositories.remove(parseAppPath('no-env/no-app'))
})

test('the repositories that there are can be listed, and whether something was pushed to one', async t => {
  const { repositories, repository, app, directory, work, commit } = await openGitBench(t)
  const other = parseAppPath('a-env/app')
  await repositories.create(other)
  await mkdir(join(directory, 'repositories/my-env/lost+found'))
  await mkdir(join(directory, 'repositories/my-env/.new-abc.git'))
  await writeFile(join(directory, 'repositories/file.git'), '')
  t.deepEqual(await repositories.list(), [other, app])
  t.true(await repositories.isEmpty(other))
  await commit({ file: 'content' })
  await git(work, 'push', '--quiet', repository, 'master')
  t.false(await repositories.isEmpty(app))
})

test('a commit is found by branch, tag, full and short id; a branch wins over a tag', async t => {
  const bench = await openGitBench(t)
  const first = await bench.commit({ a: '1' })
  await git(bench.work, 'tag', '-a', 'v1', '-m', 'annotated')
  await git(bench.work, 'tag', 'topic')
  const second = await bench.commit({ a: '2' })
  const words = ['master', 'master:refs/heads/topic', 'v1', 'refs/tags/topic']
  t.like(await (await bench.push(words, { onPush: async () => true })).done, { code: 0 })
  const found = (revision: string) => bench.repositories.resolve(bench.app, revision, signal)
  t.is(await found('master'), second)
  t.is(await found('refs/heads/master'), second)
  t.is(await found('topic'), second)
  t.is(await found('v1'), first)
  t.is(await found(first), first)
  t.is(await found(first.slice(0, 10)), first)
})

test('a revision that is missing or hostile is a Problem that lists the branches', async t => {
  const bench = await openGitBench(t)
  const tree = await bench.commit({ a: '1' }).then(() => git(bench.work, 'rev-parse', 'HEAD^{tree}'))
  t.like(await (await bench.push(['master', 'master:b2'], { onPush: async () => true })).done, { code: 0 })
  const bad = [
    'nothing',
    '--all',
    '-h',
    '../../etc',
    '',
    'a b',
    'x\ny',
    'x\0y',
    ':/a',
    'master:a',
    '@{-1}',
    'a..b',
  ]
  for (const revision of [...bad, tree, 'f'.repeat(40)]) {
    const problem = await t.throwsAsync(bench.repositories.resolve(bench.app, revision, signal), {
      instanceOf: Problem,
    })
    t.is(problem.code, 'commit-not-found', revision)
    t.regex(problem.hint, /Branches: b2, master\./)
  }
  await bench.repositories.create(parseAppPath('my-env/empty'))
  const empty = bench.repositories.resolve(parseAppPath('my-env/empty'), 'master', signal)
  t.regex((await t.throwsAsync(empty, { instanceOf: Problem })).hint, /Nothing was pushed yet/)
})

test('a branch is known by its exact name only', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  t.like(await (await bench.push(['master:refs/heads/refs/heads/x'], { onPush: async () => true })).done, {
    code: 0,
  })
  t.is(await bench.repositories.branch(bench.app, 'x'), null)
  t.is(await bench.repositories.branch(bench.app, '../../HEAD'), null)
  t.truthy(await bench.repositories.branch(bench.app, 'refs/heads/x'))
})

test('an aborted search throws the reason', async t => {
  const bench = await openGitBench(t)
  const gone = AbortSignal.abort(new Error('left'))
  await t.throwsAsync(bench.repositories.resolve(bench.app, 'v1', gone), { message: 'left' })
})

test('after a push to main alone, a tidied repository is cloned on main', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  t.like(await (await bench.push(['master:main'], { onPush: async () => true })).done, { code: 0 })
  await bench.repositories.tidy(bench.app, signal)
  t.is(await git(bench.directory, '--git-dir', bench.repository, 'symbolic-ref', 'HEAD'), 'refs/heads/main')
})

test('HEAD is replaced whole and only once, so that nobody who comes by finds it empty', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  t.like(await (await bench.push(['master:main'], { onPush: async () => true })).done, { code: 0 })
  const head = async () => (await stat(join(bench.repository, 'HEAD'))).ino
  const before = await open(join(bench.repository, 'HEAD'))
  t.teardown(() => before.close())
  await bench.repositories.tidy(bench.app, signal)
  t.is(await before.readFile('utf8'), 'ref: refs/heads/master\n')
  const after = await head()
  await bench.repositories.tidy(bench.app, signal)
  t.is(await head(), after)
})

test('the sweep removes what a crash left, counts it, and leaves the rest', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ a: '1' })
  t.like(await (await bench.push(['master', 'master:x/y'], { onPush: async () => true })).done, { code: 0 })
  const objects = join(bench.repository, 'objects')
  await mkdir(join(objects, 'tmp_objdir-incoming-abc123/pack'), { recursive: true })
  await writeFile(join(objects, 'tmp_objdir-incoming-abc123/pack/tmp_pack_x'), 'x')
  await mkdir(join(objects, 'incoming-old'))
  await mkdir(join(objects, 'pack'), { recursive: true })
  await writeFile(join(objects, 'pack/tmp_pack_abc'), 'x')
  await writeFile(join(objects, id.slice(0, 2), 'tmp_obj_abc'), 'x')
  await writeFile(join(bench.repository, 'refs/heads/x/y.lock'), '')
  await writeFile(join(bench.repository, 'packed-refs.lock'), '')
  await mkdir(join(bench.directory, 'repositories/my-env/.new-abc'))
  t.is(await bench.repositories.sweepQuarantine(), 7)
  t.is(await bench.repositories.sweepQuarantine(), 0)
  t.deepEqual(await bench.leftovers(), [])
  t.is(await bench.repositories.branch(bench.app, 'x/y'), id)
  await git(bench.directory, '--git-dir', bench.repository, 'fsck', '--strict')
})
