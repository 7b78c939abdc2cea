// A gateway's worth of git for one test: a repository, a working copy beside it, and a listener that takes pushes.
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { type AppName, parseAppPath } from '../../src/domain/app.ts'
import { type ReceivePackOptions, receivePack } from '../../src/git/receive-pack.ts'
import { openRepositories, type Repositories } from '../../src/git/repositories.ts'
import { uploadPack } from '../../src/git/upload-pack.ts'
import { type GitRun, git, listenForGit, startGitClient } from './git-transport.ts'

export const HOOKS = join(import.meta.dirname, '../../hooks')

export interface GitBench {
  readonly directory: string
  readonly repositories: Repositories
  readonly app: AppName
  /** Bare repository of the app. */
  readonly repository: string
  /** Working copy of the pusher. */
  readonly work: string
  /** Writes files (`{ link }`: a symbolic link) and commits. @returns the commit id */
  commit(files: Record<string, string | Buffer | { link: string }>, message?: string): Promise<string>
  /** Starts a push of the working copy with the given words after `git push <url>`. */
  push(words: readonly string[], serving: Serving): Promise<GitRun & { served: Promise<number> }>
  /** What lies in the repository's object directory besides finished objects. */
  leftovers(): Promise<string[]>
}

export type Serving = Partial<Omit<ReceivePackOptions, 'onPush'>> & {
  onPush: (...words: [...Parameters<ReceivePackOptions['onPush']>, signal: AbortSignal]) => Promise<boolean>
  /** Working copy to push from, when not the bench's own. */
  from?: string
}

export async function openGitBench(t: ExecutionContext): Promise<GitBench> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-git-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const repositories = openRepositories(join(directory, 'repositories'))
  const app = parseAppPath('my-env/my-app')
  await repositories.create(app)
  const repository = repositories.path(app)
  const work = join(directory, 'work')
  await mkdir(work)
  await git(work, 'init', '--quiet', '--initial-branch=master')

  return {
    directory,
    repositories,
    app,
    repository,
    work,
    async commit(files, message = 'a commit') {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(work, path)), { recursive: true })
        if (typeof content === 'object' && 'link' in content) await symlink(content.link, join(work, path))
        else await writeFile(join(work, path), content)
      }
      await git(work, 'add', '--all', '--force')
      await git(work, 'commit', '--quiet', '--allow-empty', '--message', message)
      return git(work, 'rev-parse', 'HEAD')
    },
    async push(words, { from = work, onPush, ...serving }) {
      const served = Promise.withResolvers<number>()
      served.promise.catch(() => {})
      const transport = await listenForGit(async channel => {
        const options = { repository, hooks: HOOKS, maxBytes: 100_000_000, ...channel, ...serving }
        const code = receivePack({ ...options, onPush: (push, say) => onPush(push, say, channel.signal) })
        code.then(served.resolve, served.reject)
        return code.catch(() => 1)
      })
      const options = words.filter(word => word.startsWith('-'))
      const refs = words.filter(word => !word.startsWith('-'))
      const run = startGitClient(from, ['push', ...options, 'ssh://git@test/app.git', ...refs], transport.env)
      void Promise.allSettled([run.done, served.promise]).then(() => transport.close())
      t.teardown(run.kill)
      return { ...run, served: served.promise }
    },
    async leftovers() {
      const names = await readdir(join(repository, 'objects'))
      return names.filter(name => !/^([0-9a-f]{2}|info|pack)$/.test(name))
    },
  }
}

/** A client for clone and fetch. */
export async function fetchFrom(t: ExecutionContext, repository: string, cwd: string, ...args: string[]) {
  const protocols: (string | null)[] = []
  const transport = await listenForGit(channel => {
    protocols.push(channel.protocol)
    return uploadPack({ repository, ...channel })
  })
  t.teardown(() => transport.close())
  const result = await startGitClient(cwd, args, transport.env).done
  return { ...result, protocols }
}
