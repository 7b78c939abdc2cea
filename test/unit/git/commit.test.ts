import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import test from 'ava'
import { extract } from 'tar-stream'
import { Problem } from '../../../src/domain/problem.ts'
import { TooLarge } from '../../../src/domain/too-large.ts'
import { readCommitObject } from '../../../src/git/cat-file.ts'
import { openCommit } from '../../../src/git/commit.ts'
import type { CommitDetails } from '../../../src/git/commit-details.ts'
import { openGitBench } from '../../support/git-bench.ts'
import { git } from '../../support/git-transport.ts'

test('files are read byte for byte, several in one go', async t => {
  const bench = await openGitBench(t)
  const binary = Buffer.concat([randomBytes(300_000), Buffer.from('\0\n\n')])
  const id = await bench.commit({ Procfile: 'web: x\n', 'deep/er/file': '', binary })
  const commit = openCommit(`${bench.work}/.git`, id, null)
  const files = await commit.readMany(['binary', 'Procfile', 'none', 'deep/er/file', 'deep'], 1_000_000)
  t.deepEqual(files.get('binary'), binary)
  t.is(files.get('Procfile')?.toString(), 'web: x\n')
  t.is(files.get('none'), null)
  t.is(files.get('deep/er/file')?.length, 0)
  t.is(files.get('deep'), null)
  t.is(await commit.read('none', 10), null)
  t.is(await commit.read('', 10), null)
})

test('symbolic links are followed inside the tree and never out of it', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({
    'real/Procfile': 'web: x\n',
    Procfile: { link: 'real/Procfile' },
    absolute: { link: '/etc/passwd' },
    up: { link: '../../etc/passwd' },
    dangling: { link: 'nothing' },
    loop: { link: 'loop' },
    below: { link: 'real/Procfile/x' },
    after: 'last',
  })
  const commit = openCommit(`${bench.work}/.git`, id, null)
  const paths = ['Procfile', 'absolute', 'up', 'dangling', 'loop', 'below', 'after']
  const files = await commit.readMany(paths, 1000)
  t.deepEqual(
    paths.map(path => files.get(path)?.toString() ?? null),
    ['web: x\n', null, null, null, null, null, 'last'],
  )
})

test('a file above the limit is not read, and the error says by how much', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ Procfile: 'x'.repeat(1001) })
  const commit = openCommit(`${bench.work}/.git`, id, null)
  t.is((await commit.read('Procfile', 1001))?.length, 1001)
  const error = await t.throwsAsync(commit.read('Procfile', 1000), { instanceOf: TooLarge })
  t.like(error, { path: 'Procfile', size: 1001, limit: 1000 })
})

test('what is no commit, or missing, is a Problem, and what is no id is never given to git', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ a: 'a' })
  const repository = `${bench.work}/.git`
  const missing = openCommit(repository, 'a'.repeat(40), null)
  t.like(await t.throwsAsync(missing.read('a', 9), { instanceOf: Problem }), { code: 'commit-not-found' })
  await git(bench.work, 'tag', '-a', 'v1', '-m', 'a tag')
  for (const object of ['HEAD^{tree}', 'HEAD:a', 'v1']) {
    const other = openCommit(repository, await git(bench.work, 'rev-parse', object), null)
    t.like(
      await t.throwsAsync(other.read('a', 9), { instanceOf: Problem }),
      { code: 'commit-not-found' },
      object,
    )
  }
  t.throws(() => openCommit(repository, '--all', null), { instanceOf: TypeError })
  await t.throwsAsync(openCommit(repository, id, null).read(`x\n${id}:a`, 9), { instanceOf: TypeError })
})

test('the archive holds the whole tree with modes and links, and no .git', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({
    '.gitattributes': 'secret export-ignore\nversion export-subst\n',
    secret: 'kept',
    version: '$Format:%H$',
    run: { link: 'bin/run' },
    'bin/run': '#!/bin/sh\n',
    [`${'long/'.repeat(60)}name`]: 'far',
  })
  await git(bench.work, 'update-index', '--chmod=+x', 'bin/run')
  await git(bench.work, 'commit', '--quiet', '--amend', '--no-edit')
  const head = await git(bench.work, 'rev-parse', 'HEAD')
  t.not(head, id)
  t.like(await (await bench.push(['master'], { onPush: async () => true })).done, { code: 0 })
  const found = new Map<string, string>()
  const entries = extract()
  bench.repositories.commit(bench.app, head).archive().pipe(entries)
  for await (const entry of entries) {
    const { name, mode, linkname, type } = entry.header
    const content = (await buffer(entry)).toString()
    if (type !== 'directory') found.set(name, linkname ? `-> ${linkname}` : `${mode.toString(8)} ${content}`)
  }
  t.deepEqual(Object.fromEntries(found), {
    '.gitattributes': '644 secret export-ignore\nversion export-subst\n',
    secret: '644 kept',
    version: '644 $Format:%H$',
    run: '-> bin/run',
    'bin/run': '755 #!/bin/sh\n',
    [`${'long/'.repeat(60)}name`]: '644 far',
  })
})

test('the archive of a missing commit ends in an error, not in a short tar', async t => {
  const bench = await openGitBench(t)
  const archive = openCommit(bench.repository, 'a'.repeat(40), null).archive()
  await t.throwsAsync(buffer(archive), { message: /git archive of a{40} ended with status 128: fatal/ })
})

test('an archive that nobody wants any more ends its git', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ big: randomBytes(5_000_000) })
  const archive = openCommit(`${bench.work}/.git`, id, null).archive()
  await new Promise(resolve => archive.once('readable', resolve))
  const closed = new Promise(resolve => archive.once('close', resolve))
  archive.destroy()
  await closed
  t.true(archive.destroyed)
  t.is(archive.errored, null)
})

test('a ref that replaces a commit changes nothing of what it holds', async t => {
  const bench = await openGitBench(t)
  const good = await bench.commit({ Procfile: 'web: good\n' })
  const evil = await bench.commit({ Procfile: 'web: evil\n', more: '' })
  const repository = `${bench.work}/.git`
  await git(bench.work, 'update-ref', `refs/replace/${good}`, evil)
  t.is(await git(bench.work, 'show', `${good}:Procfile`), 'web: evil')
  const commit = openCommit(repository, good, null)
  const files = await commit.readMany(['Procfile', 'more'], 100)
  t.is(files.get('Procfile')?.toString(), 'web: good\n')
  t.is(files.get('more'), null)
  const archive = (await buffer(commit.archive())).toString()
  t.true(archive.includes('web: good'))
  t.false(archive.includes('web: evil'))
})

test('a commit tells who made it and why, also from quarantine', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ a: 'a' }, 'First line\n\nMore\tof it\n')
  const [name, email, seconds] = (await git(bench.work, 'show', '-s', '--format=%cn%n%ce%n%ct', id)).split(
    '\n',
  )
  let inQuarantine: CommitDetails | undefined
  const push = await bench.push(['master'], {
    async onPush({ quarantine }) {
      await t.throwsAsync(openCommit(bench.repository, id, null).details(), { instanceOf: Problem })
      inQuarantine = await openCommit(bench.repository, id, quarantine).details()
      return true
    },
  })
  t.is((await push.done).code, 0)
  const details = await openCommit(bench.repository, id, null).details()
  t.deepEqual(inQuarantine, details)
  t.like(details, {
    subject: 'First line',
    message: 'First line\n\nMore\tof it\n',
    committer: { name, email },
  })
  t.is(details.committer.time.getTime(), Number(seconds) * 1000)
})

test('the details of what is no commit are a Problem', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ a: 'a' })
  const tree = await git(bench.work, 'rev-parse', `${id}^{tree}`)
  for (const other of ['a'.repeat(40), tree]) {
    const problem = await t.throwsAsync(openCommit(`${bench.work}/.git`, other, null).details(), {
      instanceOf: Problem,
    })
    t.is(problem.code, 'commit-not-found')
  }
})

test('of a commit larger than 1 MiB the beginning is read', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: 'a' })
  await writeFile(`${bench.directory}/message`, `First\n${'x'.repeat(3_000_000)}`)
  await git(bench.work, 'commit', '--quiet', '--amend', '--file', `${bench.directory}/message`)
  const id = await git(bench.work, 'rev-parse', 'HEAD')
  const details = await openCommit(`${bench.work}/.git`, id, null).details()
  t.is(details.subject, 'First')
  t.is(details.message.length, 65_536)
  const repository = `${bench.work}/.git`
  t.is((await readCommitObject(repository, {}, id, 1_048_576))?.length, 1_048_576)
  t.is(
    (await readCommitObject(repository, {}, id, 10_000_000))?.toString().split('\n\n')[1]?.length,
    3_000_007,
  )
})
