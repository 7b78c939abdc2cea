import { randomBytes } from 'node:crypto'
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import type { Push } from '../../../src/git/receive-pack.ts'
import { HOOKS, openGitBench } from '../../support/git-bench.ts'
import { git } from '../../support/git-transport.ts'

test('a push that is accepted moves the ref, and its files could be read before', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ Procfile: 'web: run\n' })
  let push: Push | undefined
  let procfile: string | undefined
  let unseen: Promise<unknown> | undefined
  const run = await bench.push(['master'], {
    onPush: async seen => {
      push = seen
      procfile = (
        await bench.repositories.commit(bench.app, id, seen.quarantine).read('Procfile', 100)
      )?.toString()
      unseen = bench.repositories.commit(bench.app, id).read('Procfile', 100)
      await t.throwsAsync(unseen, { instanceOf: Problem })
      return true
    },
  })
  t.like(await run.done, { code: 0 })
  t.is(await run.served, 0)
  t.deepEqual(push?.updates, [{ ref: 'refs/heads/master', old: null, new: id }])
  t.deepEqual(push?.options, [])
  t.is(procfile, 'web: run\n')
  t.is(await bench.repositories.branch(bench.app, 'master'), id)
  t.deepEqual(await bench.leftovers(), [])
})

test('a push that is refused leaves the ref and nothing of its objects', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ a: 'a' })
  const run = await bench.push(['master'], {
    onPush: async (_push, say) => {
      say(' !     not today\n')
      return false
    },
  })
  const { code, output } = await run.done
  t.is(code, 1)
  t.regex(output, /remote: +! +not today/)
  t.regex(output, /remote rejected.*pre-receive hook declined/)
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
  t.deepEqual(await bench.leftovers(), [])
  await t.throwsAsync(bench.repositories.commit(bench.app, id).read('a', 9), { instanceOf: Problem })
})

test('the pusher sees words and live percentages while the hook still waits', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: 'a' })
  const seen = Promise.withResolvers<boolean>()
  const run = await bench.push(['master'], {
    onPush: async (_push, say) => {
      say('-----> Pulling\n')
      say('layer 3 of 7, 42%\r')
      return seen.promise
    },
  })
  await run.shows('-----> Pulling')
  await run.shows('42%')
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
  seen.resolve(true)
  t.like(await run.done, { code: 0 })
})

test('several refs come as one push, with deletions and their old ids', async t => {
  const bench = await openGitBench(t)
  const first = await bench.commit({ a: '1' })
  const before = await bench.push(['master', 'master:topic', 'master:refs/tags/v1'], {
    onPush: async () => true,
  })
  t.like(await before.done, { code: 0 })
  const second = await bench.commit({ a: '2' })
  let push: Push | undefined
  const run = await bench.push(['master', ':topic'], {
    onPush: async seen => {
      push = seen
      return true
    },
  })
  t.like(await run.done, { code: 0 })
  t.deepEqual(
    [...(push?.updates ?? [])].sort((a, b) => a.ref.localeCompare(b.ref)),
    [
      { ref: 'refs/heads/master', old: first, new: second },
      { ref: 'refs/heads/topic', old: first, new: null },
    ],
  )
  t.deepEqual(await bench.repositories.branches(bench.app), ['master'])
})

test('a push that only deletes brings no quarantine', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  t.like(await (await bench.push(['master', 'master:topic'], { onPush: async () => true })).done, { code: 0 })
  const run = await bench.push([':topic'], {
    onPush: async push => {
      t.is(push.quarantine, null)
      return false
    },
  })
  t.like(await run.done, { code: 1 })
  t.deepEqual(await bench.repositories.branches(bench.app), ['master', 'topic'])
})

test('push options arrive as they were written, and cannot pass for refs', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  const zeros = '0'.repeat(40)
  const options = [`${zeros} ${zeros} refs/heads/faked`, 'a=$(id) `id` "\'\\n %s', 'grün 🚢', '-n', '']
  const run = await bench.push([...options.map(option => `--push-option=${option}`), 'master'], {
    onPush: async push => {
      t.deepEqual(push.options, options)
      t.is(push.updates.length, 1)
      return true
    },
  })
  t.like(await run.done, { code: 0 })
})

test('a push that throws a Problem is refused with its text, any other error comes out', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  const problem = await bench.push(['master'], {
    onPush: async () => {
      throw new Problem('no-command', { headline: 'Nothing to run', hint: 'Add a Procfile.' })
    },
  })
  const { code, output } = await problem.done
  t.is(code, 1)
  t.regex(output, /remote: +! +Nothing to run \(no-command\)/)
  t.regex(output, /remote: +What to do: +Add a Procfile\./)
  t.is(await problem.served, 0)

  const bug = await bench.push(['master'], {
    onPush: async () => {
      throw new Error('a bug')
    },
  })
  t.like(await bug.done, { code: 1 })
  await t.throwsAsync(bug.served, { message: 'a bug' })
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
  t.deepEqual(await bench.leftovers(), [])
})

test('a shallow clone without its history is refused with advice, and nothing is deployed', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  await bench.commit({ a: '2' })
  const shallow = join(bench.directory, 'shallow')
  await git(bench.directory, 'clone', '--quiet', '--depth=1', `file://${bench.work}`, shallow)
  const run = await bench.push(['master'], {
    from: shallow,
    onPush: async () => t.fail('must not be asked') as never,
  })
  const { code, output } = await run.done
  t.is(code, 1)
  t.regex(output, /remote: +! +The push comes from a shallow clone.*\(push-shallow\)/)
  t.regex(output, /remote: +What to do: +Run `git fetch --unshallow`/)
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
  t.deepEqual(await bench.leftovers(), [])
})

test('a shallow clone whose history the gateway has may push', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  await bench.commit({ a: '2' })
  t.like(await (await bench.push(['master'], { onPush: async () => true })).done, { code: 0 })
  const shallow = join(bench.directory, 'shallow')
  await git(bench.directory, 'clone', '--quiet', '--depth=1', `file://${bench.work}`, shallow)
  await git(shallow, 'commit', '--quiet', '--allow-empty', '--message=more')
  const run = await bench.push(['master'], { from: shallow, onPush: async () => true })
  t.like(await run.done, { code: 0 })
  t.is(await bench.repositories.branch(bench.app, 'master'), await git(shallow, 'rev-parse', 'HEAD'))
})

test('a push that is too large is refused with the limit and the setting that raises it', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ big: randomBytes(3_000_000) })
  const run = await bench.push(['master'], {
    maxBytes: 1_048_576,
    onPush: async () => t.fail('must not be asked') as never,
  })
  const { code, output } = await run.done
  t.is(code, 1)
  t.regex(output, /! +The push is larger than 1 MiB.*\(push-too-large\)/)
  t.regex(output, /FAIRLEAD_MAX_PUSH/)
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
  t.deepEqual(await bench.leftovers(), [])
})

test('the limit of a push is counted in pack bytes, and a push below it passes', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ big: randomBytes(1_000_000) })
  const run = await bench.push(['master'], { maxBytes: 1_048_576, onPush: async () => true })
  t.like(await run.done, { code: 0 })
})

test('a client killed while the hook waits aborts the push, and git cleans up', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  const asked = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const run = await bench.push(['master'], {
    onPush: async (_push, say, signal) => {
      say('waiting\n')
      signal.addEventListener('abort', () => left.resolve(), { once: true })
      asked.resolve()
      await left.promise
      say('nobody reads this\n'.repeat(100_000))
      return false
    },
  })
  await asked.promise
  t.true((await bench.leftovers()).length > 0)
  run.kill()
  await left.promise
  t.is(await run.served, 0)
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
  t.deepEqual(await bench.leftovers(), [])
})

test('what was accepted stands, even when the client left before git could tell it so', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ a: '1' })
  const asked = Promise.withResolvers<void>()
  const run = await bench.push(['master'], {
    onPush: async (_push, _say, signal) => {
      const left = new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
      asked.resolve()
      await left
      return true
    },
  })
  await asked.promise
  run.kill()
  await run.served
  t.is(await bench.repositories.branch(bench.app, 'master'), id)
})

test('a hook that does not end after its client left is killed, and its quarantine removed', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  const hooks = join(bench.directory, 'hooks')
  await mkdir(hooks)
  const own = await readFile(join(HOOKS, 'pre-receive'), 'utf8')
  const stuck = own.replace('cat <&4 >&2', 'exec sleep 1000')
  await writeFile(join(hooks, 'pre-receive'), stuck, { mode: 0o755 })
  const asked = Promise.withResolvers<void>()
  const run = await bench.push(['master'], {
    hooks,
    linger: 50,
    onPush: async (_push, _say, signal) => {
      const left = new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
      asked.resolve()
      await left
      return false
    },
  })
  await asked.promise
  run.kill()
  t.is(await run.served, 1)
  t.deepEqual(await bench.leftovers(), [])
})

test('a hook that is missing or cannot be run takes no push', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  const hooks = join(bench.directory, 'hooks')
  await mkdir(hooks)
  const missing = await bench.push(['master'], { hooks, onPush: async () => true })
  t.not((await missing.done).code, 0)
  await copyFile(join(HOOKS, 'pre-receive'), join(hooks, 'pre-receive'))
  await chmod(join(hooks, 'pre-receive'), 0o644)
  const mute = await bench.push(['master'], { hooks, onPush: async () => true })
  t.not((await mute.done).code, 0)
  await t.throwsAsync(mute.served, { code: 'EACCES' })
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
})

test('a hook that hands over something else has the push refused', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  const hooks = join(bench.directory, 'hooks')
  await mkdir(hooks)
  const own = await readFile(join(HOOKS, 'pre-receive'), 'utf8')
  for (const [line, message] of [
    ['send nonsense ""', /handed over "nonsense 0"/],
    ['send quarantine "$GIT_QUARANTINE_PATH/.."', /named the quarantine/],
    ['send quarantine /etc', /named the quarantine/],
  ] as const) {
    const other = own.replace(/send quarantine .*/, () => line)
    await writeFile(join(hooks, 'pre-receive'), other, { mode: 0o755 })
    const run = await bench.push(['master'], { hooks, onPush: async () => true })
    t.like(await run.done, { code: 1 })
    await t.throwsAsync(run.served, { message })
  }
  t.is(await bench.repositories.branch(bench.app, 'master'), null)
  t.deepEqual(await bench.leftovers(), [])
})

test('pushes to different branches of one repository run side by side', async t => {
  const bench = await openGitBench(t)
  const id = await bench.commit({ a: '1' })
  const both = Promise.withResolvers<void>()
  let waiting = 0
  const onPush = async () => {
    waiting++
    if (waiting === 2) both.resolve()
    await both.promise
    return true
  }
  const runs = await Promise.all([
    bench.push(['master:one'], { onPush }),
    bench.push(['master:two'], { onPush }),
  ])
  for (const run of runs) t.like(await run.done, { code: 0 })
  t.is(await bench.repositories.branch(bench.app, 'one'), id)
  t.is(await bench.repositories.branch(bench.app, 'two'), id)
})

test('of two pushes that replace the same commit only the first moves the branch', async t => {
  const bench = await openGitBench(t)
  await bench.commit({ a: '1' })
  t.like(await (await bench.push(['master'], { onPush: async () => true })).done, { code: 0 })
  await bench.commit({ a: '2' })
  const other = join(bench.directory, 'other')
  await git(bench.directory, 'clone', '--quiet', '--no-local', bench.work, other)
  await git(other, 'commit', '--quiet', '--amend', '--message=another')
  const slow = Promise.withResolvers<boolean>()
  const asked = Promise.withResolvers<void>()
  const late = await bench.push(['master'], {
    onPush: async () => {
      asked.resolve()
      return slow.promise
    },
  })
  await asked.promise
  const early = await bench.push(['master'], { from: other, onPush: async () => true })
  t.like(await early.done, { code: 0 })
  slow.resolve(true)
  const { code, output } = await late.done
  t.is(code, 1)
  t.regex(output, /rejected/)
  t.is(await bench.repositories.branch(bench.app, 'master'), await git(other, 'rev-parse', 'HEAD'))
})

test('hostile file names and branch names go through unharmed', async t => {
  const bench = await openGitBench(t)
  const names = ['-rf', '$(touch pwned)', 'a\nb', '"quoted" \'name\'', '🚢.txt']
  const id = await bench.commit(Object.fromEntries(names.map(name => [name, `content of ${name}`])))
  const branch = '$(id)\'"&;|é'
  const run = await bench.push([`master:refs/heads/${branch}`], {
    onPush: async push => {
      t.is(push.updates[0]?.ref, `refs/heads/${branch}`)
      const commit = bench.repositories.commit(bench.app, id, push.quarantine)
      t.is((await commit.read('$(touch pwned)', 100))?.toString(), 'content of $(touch pwned)')
      return true
    },
  })
  t.like(await run.done, { code: 0 })
  t.is(await bench.repositories.branch(bench.app, branch), id)
  t.false((await readdir(bench.repository)).includes('pwned'))
})

test('a ref that would replace an object is refused, and nothing of the push is kept', async t => {
  const bench = await openGitBench(t)
  const good = await bench.commit({ a: 'good' })
  t.like(await (await bench.push(['master'], { onPush: async () => true })).done, { code: 0 })
  await bench.commit({ a: 'evil' })
  const run = await bench.push([`master:refs/replace/${good}`], {
    onPush: async () => t.fail('the push was shown'),
  })
  t.not((await run.done).code, 0)
  t.is(await git(bench.directory, '--git-dir', bench.repository, 'for-each-ref', 'refs/replace'), '')
  t.deepEqual(await bench.leftovers(), [])
})
