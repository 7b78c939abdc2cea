import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openCheckout } from '../../../src/cli/checkout.ts'
import { DEFAULT_ORIGIN, findTarget } from '../../../src/cli/target.ts'
import { formatAppName } from '../../../src/domain/app.ts'
import { Problem } from '../../../src/domain/problem.ts'

const APTIBLE = 'ssh://git@one.example:2222/my-env/my-app.git'

function temporary(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-cli-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

function checkout(t: ExecutionContext, remotes: Record<string, string>): string {
  const directory = temporary(t)
  git(directory, 'init', '-q')
  for (const [name, url] of Object.entries(remotes)) git(directory, 'remote', 'add', name, url)
  return directory
}

function git(cwd: string, ...words: string[]): void {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
  execFileSync('git', [...identity, ...words], { cwd, stdio: 'pipe' })
}

async function found(chosen: string | null, env: Record<string, string>, directory: string) {
  const target = await findTarget(chosen, env, directory)
  return [target.destination, target.port, target.app && formatAppName(target.app)]
}

test('the git remote named aptible names gateway and app, from any subdirectory', async t => {
  const directory = checkout(t, { origin: 'https://example.com/x.git', aptible: APTIBLE })
  const deep = join(directory, 'a', 'b')
  mkdirSync(deep, { recursive: true })
  t.deepEqual(await found(null, {}, deep), ['git@one.example', 2222, 'my-env/my-app'])
})

test('a linked worktree has the remotes of its repository', async t => {
  const directory = checkout(t, { aptible: APTIBLE })
  git(directory, 'commit', '-q', '--allow-empty', '-m', 'first')
  const worktree = join(temporary(t), 'tree')
  git(directory, 'worktree', 'add', '-q', worktree)
  mkdirSync(join(worktree, 'sub'))
  t.deepEqual(await found(null, {}, join(worktree, 'sub')), ['git@one.example', 2222, 'my-env/my-app'])
})

test('a checkout whose .git is a file that leads elsewhere is read there', async t => {
  const directory = temporary(t)
  const gitdir = join(temporary(t), 'elsewhere')
  git(directory, 'init', '-q', `--separate-git-dir=${gitdir}`)
  git(directory, 'remote', 'add', 'aptible', APTIBLE)
  t.deepEqual(await found(null, {}, directory), ['git@one.example', 2222, 'my-env/my-app'])
})

test('where pushes go counts when it differs', async t => {
  const directory = checkout(t, { aptible: 'https://example.com/mirror.git' })
  git(directory, 'remote', 'set-url', '--push', 'aptible', 'git@two.example:my-env/other.git')
  t.deepEqual(await found(null, {}, directory), ['git@two.example', null, 'my-env/other'])
})

test('--remote goes before FAIRLEAD_REMOTE, and FAIRLEAD_REMOTE before aptible', async t => {
  const directory = checkout(t, {
    aptible: APTIBLE,
    staging: 'git@staging.example:s/a.git',
    live: 'git@live.example:l/a.git',
  })
  const env = { FAIRLEAD_REMOTE: 'staging' }
  t.deepEqual(await found(null, env, directory), ['git@staging.example', null, 's/a'])
  t.deepEqual(await found('live', env, directory), ['git@live.example', null, 'l/a'])
})

test('FAIRLEAD_REMOTE may be an address, without an app and without a checkout', async t => {
  const env = { FAIRLEAD_REMOTE: 'ssh://git@gate.example:2022' }
  t.deepEqual(await found(null, env, temporary(t)), ['git@gate.example', 2022, null])
})

test('without a checkout or a remote named aptible, localhost is the default and says so', async t => {
  const outside = await findTarget(null, {}, temporary(t))
  t.is(outside.destination, 'git@localhost')
  t.is(outside.port, 2222)
  t.is(outside.origin, DEFAULT_ORIGIN)
  t.deepEqual(await found(null, {}, checkout(t, { origin: 'git@x:e/a' })), ['git@localhost', 2222, null])
})

test('a remote that is asked for and missing is a Problem that names the ones there are', async t => {
  const directory = checkout(t, { aptible: APTIBLE })
  const problem = await t.throwsAsync(findTarget('nope', {}, directory), { instanceOf: Problem })
  t.is(problem?.headline, 'There is no git remote named "nope", which --remote asks for')
  t.is(problem?.saw, 'Remotes here: aptible.')
  const outside = await t.throwsAsync(findTarget(null, { FAIRLEAD_REMOTE: 'nope' }, temporary(t)), {
    instanceOf: Problem,
  })
  t.is(outside?.headline, 'There is no git remote named "nope", which FAIRLEAD_REMOTE asks for')
  t.is(outside?.saw, 'No git checkout here.')
})

test('a remote named aptible that is no gateway is refused, not passed over', async t => {
  const directory = checkout(t, { aptible: 'https://ann:s3cret@example.com/e/a.git' })
  const problem = await t.throwsAsync(findTarget(null, {}, directory), { instanceOf: Problem })
  t.is(problem?.headline, 'The git remote aptible is not the address of a gateway')
  t.false(problem?.saw?.includes('s3cret'))
})

test('a config that is damaged or odd finds no remote and does not throw', async t => {
  const directory = checkout(t, {})
  writeFileSync(join(directory, '.git', 'config'), '[remote "aptible"\nurl\n\0')
  t.is(await (await openCheckout(directory, undefined))?.remote('aptible'), null)
})

if (process.getuid?.() === 0) {
  test('a checkout of another user is not trusted, unless it is the one who called sudo', async t => {
    const directory = checkout(t, { aptible: APTIBLE })
    chownSync(join(directory, '.git'), 4711, 4711)
    const problem = await t.throwsAsync(findTarget(null, {}, directory), { instanceOf: Problem })
    t.is(problem?.headline, 'The checkout here belongs to another user, so its git remotes are not trusted')
    t.deepEqual(await found(null, { SUDO_UID: '4711' }, directory), [
      'git@one.example',
      2222,
      'my-env/my-app',
    ])
    t.deepEqual(await found('ssh://git@h:1/e/a', {}, directory), ['git@h', 1, 'e/a'])
  })
}
