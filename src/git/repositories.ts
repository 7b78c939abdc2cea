// The bare repositories, one per app, at <root>/<environment>/<app>.git.
import fs from 'node:fs'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import isomorphicGit from 'isomorphic-git'
import { type AppName, formatAppName } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'
import { type Commit, openCommit } from './commit.ts'
import { runGit } from './git.ts'
import { holdsNoObject, listRepositories } from './listing.ts'
import { isBranchName } from './ref-name.ts'
import { sweep } from './sweep.ts'

export interface Repositories {
  /** Makes an empty bare repository; one that exists is left as it is. */
  create(name: AppName): Promise<void>
  /** Missing is success. */
  remove(name: AppName): Promise<void>
  exists(name: AppName): Promise<boolean>
  /** All that there are, by name. */
  list(): Promise<AppName[]>
  /** Whether nothing was ever pushed to it. */
  isEmpty(name: AppName): Promise<boolean>
  /** Absolute path. */
  path(name: AppName): string
  /** Commit id of a branch, null when there is none of that name. */
  branch(name: AppName, branch: string): Promise<string | null>
  /** Names of the branches, sorted. */
  branches(name: AppName): Promise<string[]>
  /**
   * Commit id for a branch, tag, full or short commit id. A branch wins over a tag of the same name.
   * @throws Problem `commit-not-found`, also for anything that is not such a name
   */
  resolve(name: AppName, revision: string, signal: AbortSignal): Promise<string>
  /** @param quarantine of the push that brings the commit, when it is not accepted yet */
  commit(name: AppName, id: string, quarantine?: string | null): Commit
  /** After pushes: HEAD names a branch that there is, so that clones check it out; objects are packed when they are many. */
  tidy(name: AppName, signal: AbortSignal): Promise<void>
  /**
   * Removes what a crash left in any repository: quarantines, temporary packs, lock files.
   * Only before the first push is taken. @returns how many were removed
   */
  sweepQuarantine(): Promise<number>
}

/** @param root directory that holds nothing else; made when missing */
export function openRepositories(root: string): Repositories {
  const path = (name: AppName) => resolve(root, name.environment, `${name.app}.git`)
  const exists = (name: AppName) =>
    access(join(path(name), 'HEAD')).then(
      () => true,
      () => false,
    )

  const branches = async (name: AppName) => {
    const found = await isomorphicGit.listBranches({ fs, gitdir: path(name) })
    return found.sort()
  }

  const branch = async (name: AppName, short: string) => {
    if (!isBranchName(short)) return null
    const ref = `refs/heads/${short}`
    try {
      // Asked for refs/heads/x, isomorphic-git would also take refs/heads/refs/heads/x.
      const found = await isomorphicGit.expandRef({ fs, gitdir: path(name), ref })
      return found === ref ? await isomorphicGit.resolveRef({ fs, gitdir: path(name), ref }) : null
    } catch (error) {
      if (error instanceof isomorphicGit.Errors.NotFoundError) return null
      throw error
    }
  }

  const notFound = async (name: AppName, revision: string) => {
    const there = await branches(name).catch(() => [])
    return new Problem('commit-not-found', {
      headline: `No commit ${JSON.stringify(revision.slice(0, 80))} is stored for ${formatAppName(name)}`,
      hint:
        there.length === 0
          ? 'Nothing was pushed yet: push a branch first, then name it.'
          : `Name a branch, a tag or a commit id that was pushed. Branches: ${listed(there)}.`,
    })
  }

  return {
    path,
    exists,
    list: () => listRepositories(resolve(root)),
    isEmpty: name => holdsNoObject(path(name)),
    branch,
    branches,

    async create(name) {
      if (await exists(name)) return
      // Made aside and moved into place, so that a half-made repository is never seen.
      const home = dirname(path(name))
      await mkdir(home, { recursive: true })
      const draft = await mkdtemp(join(home, '.new-'))
      try {
        await isomorphicGit.init({ fs, gitdir: draft, bare: true, defaultBranch: 'master' })
        // What is deployed is the whole tree, not a release tarball: export-ignore would drop files from the build.
        await mkdir(join(draft, 'info'), { recursive: true })
        await writeFile(join(draft, 'info', 'attributes'), '* -export-ignore -export-subst\n')
        await rename(draft, path(name))
      } catch (error) {
        await rm(draft, { recursive: true, force: true })
        if (!(await exists(name))) throw error
      }
    },

    async remove(name) {
      const aside = await mkdtemp(join(dirname(path(name)), '.removed-')).catch(absent)
      if (aside === null) return
      await rename(path(name), join(aside, 'repository')).catch(absent)
      await rm(aside, { recursive: true, force: true })
    },

    async resolve(name, revision, signal) {
      const head = await branch(name, revision)
      if (head !== null) return head
      if (!isBranchName(revision)) throw await notFound(name, revision)
      const args = ['--git-dir', path(name), 'rev-parse', '--verify', '--quiet', '--end-of-options']
      const { code, stdout } = await runGit([...args, `${revision}^{commit}`], { signal })
      const id = stdout.trim()
      if (code !== 0 || !/^[0-9a-f]{40}$/.test(id)) throw await notFound(name, revision)
      return id
    },

    commit(name, id, quarantine = null) {
      return openCommit(path(name), id, quarantine)
    },

    async tidy(name, signal) {
      if ((await branch(name, 'master')) === null && (await branch(name, 'main')) !== null) {
        // By git itself, which replaces the file whole: an empty HEAD is no repository to anybody who comes by just then.
        const head = await readFile(join(path(name), 'HEAD'), 'utf8')
        if (head.trim() !== 'ref: refs/heads/main') {
          await runGit(['--git-dir', path(name), 'symbolic-ref', 'HEAD', 'refs/heads/main'], { signal })
        }
      }
      await runGit(['--git-dir', path(name), '-c', 'gc.autoDetach=false', 'gc', '--auto', '--quiet'], {
        signal,
      })
    },

    sweepQuarantine: () => sweep(resolve(root)),
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(', ')
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown
}
