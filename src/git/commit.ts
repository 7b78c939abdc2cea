// One commit of an app's repository: its files, one by one or all in a tar.
import { PassThrough, type Readable } from 'node:stream'
import { Problem } from '../domain/problem.ts'
import { readBlobs, readCommitObject } from './cat-file.ts'
import { type CommitDetails, parseCommit } from './commit-details.ts'
import { quarantineEnvironment, startGit } from './git.ts'

/** One commit of an app's repository, perhaps still in quarantine. */
export interface Commit {
  /** Full object id. */
  readonly id: string
  /**
   * The file at that path. Symbolic links are followed inside the tree, as in a checkout; null when there is
   * nothing, a directory, or a link that leaves the tree.
   * @throws Problem `commit-not-found`; TooLarge
   */
  read(path: string, maxBytes: number): Promise<Buffer | null>
  /** Like `read`, for several files at the price of one. */
  readMany(paths: readonly string[], maxBytes: number): Promise<Map<string, Buffer | null>>
  /**
   * Who made it, when, and with which words.
   * @throws Problem `commit-not-found`
   */
  details(): Promise<CommitDetails>
  /**
   * Uncompressed tar of the tree, without `.git`; `export-ignore` does not apply. Destroying it ends the git behind
   * it; a git that fails destroys it with an error.
   */
  archive(): Readable
}

/** Bytes. Headers can be large too: a merge of signed tags holds them all. */
const MAX_COMMIT = 1024 * 1024

/** @param quarantine where the objects of a push not yet accepted lie; null for a stored commit */
export function openCommit(repository: string, id: string, quarantine: string | null): Commit {
  if (!/^[0-9a-f]{40}$/.test(id)) throw new TypeError(`not a commit id: ${JSON.stringify(id)}`)
  const env = quarantineEnvironment(quarantine)

  const readMany = async (paths: readonly string[], maxBytes: number) => {
    const files = await readBlobs(repository, env, id, paths, maxBytes)
    if (files === null) throw notACommit(id)
    return files
  }
  return {
    id,
    readMany,
    read: async (path, maxBytes) => (await readMany([path], maxBytes)).get(path) ?? null,
    async details() {
      const object = await readCommitObject(repository, env, id, MAX_COMMIT)
      if (object === null) throw notACommit(id)
      return parseCommit(object)
    },
    archive: () => archive(repository, env, id),
  }
}

function notACommit(id: string): Problem {
  return new Problem('commit-not-found', {
    headline: `${id} is not a commit that the gateway has`,
    hint: 'Push a commit, not a tag, a tree or a file, then try again.',
  })
}

function archive(repository: string, env: Record<string, string>, id: string): Readable {
  // Modes as a checkout with the usual umask has them; git's own default makes files writable for the group.
  const git = startGit(['--git-dir', repository, '-c', 'tar.umask=0022', 'archive', '--format=tar', id], {
    env,
  })
  const tar = new PassThrough()
  git.child.stdin?.end()
  git.child.stdout?.pipe(tar, { end: false })
  tar.once('close', () => git.child.kill('SIGKILL'))
  git.ended.then(
    code => {
      if (code === 0) tar.end()
      else tar.destroy(new Error(`git archive of ${id} ended with status ${code}: ${git.stderr()}`))
    },
    (error: Error) => tar.destroy(error),
  )
  return tar
}
