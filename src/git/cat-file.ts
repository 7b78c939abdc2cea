// Reading a commit and files of it with one `git cat-file --batch`: 2 to 3 ms, however many files and however large the pack.

import type { Readable } from 'node:stream'
import { TooLarge } from '../domain/too-large.ts'
import { startGit } from './git.ts'

/**
 * The files at those paths. Symbolic links are followed inside the tree; what is no file, or lies outside, is null.
 * @returns null when there is no object of that id, or it is no commit: git would read a tree or a tag just as well
 * @throws TooLarge for the first file above `maxBytes`
 */
export async function readBlobs(
  repository: string,
  env: Readonly<Record<string, string>>,
  commit: string,
  paths: readonly string[],
  maxBytes: number,
): Promise<Map<string, Buffer | null> | null> {
  for (const path of paths) {
    if (/[\n\0]/.test(path)) throw new TypeError(`not a path to read: ${JSON.stringify(path)}`)
  }
  return ask(repository, env, [commit, ...paths.map(path => `${commit}:${path}`)], async answers => {
    const size = await readCommitHead(answers)
    if (size === null) return null
    await answers.take(size + 1, false)
    const files = new Map<string, Buffer | null>()
    for (const path of paths) files.set(path, await readAnswer(answers, path, maxBytes))
    return files
  })
}

/**
 * The commit object itself: its headers and its message.
 * @returns at most the first `maxBytes`; null when there is no object of that id, or it is no commit
 */
export async function readCommitObject(
  repository: string,
  env: Readonly<Record<string, string>>,
  commit: string,
  maxBytes: number,
): Promise<Buffer | null> {
  return ask(repository, env, [commit], async answers => {
    const size = await readCommitHead(answers)
    return size === null ? null : answers.take(Math.min(size, maxBytes), true)
  })
}

/** Starts a git that answers for these objects in turn, and ends it when enough was read. */
async function ask<T>(
  repository: string,
  env: Readonly<Record<string, string>>,
  objects: readonly string[],
  read: (answers: Answers) => Promise<T>,
): Promise<T> {
  const git = startGit(['--git-dir', repository, 'cat-file', '--batch', '--follow-symlinks'], { env })
  const { stdin, stdout } = git.child
  if (!stdin || !stdout) throw new Error('git cat-file has no pipes')
  try {
    stdin.end(objects.map(object => `${object}\n`).join(''))
    return await read(new Answers(stdout))
  } catch (error) {
    if (!(error instanceof Incomplete)) throw error
    const code = await git.ended
    throw new Error(`git cat-file ended with status ${code}: ${git.stderr()}`)
  } finally {
    if (git.child.exitCode === null) git.child.kill('SIGKILL')
  }
}

/** @returns bytes of the commit that follows; null when something else does */
async function readCommitHead(answers: Answers): Promise<number | null> {
  const size = /^[0-9a-f]{40} commit (\d+)$/.exec(await answers.line())?.[1]
  return size === undefined ? null : Number(size)
}

/** One answer: `<id> blob <size>` and the content; `symlink`, `dangling`, `loop` or `notdir <size>` and a text; `… missing`. */
async function readAnswer(answers: Answers, path: string, maxBytes: number): Promise<Buffer | null> {
  const head = await answers.line()
  const [, kind, digits] =
    /^(?:[0-9a-f]{40} )?(blob|tree|commit|tag|symlink|dangling|loop|notdir) (\d+)$/.exec(head) ?? []
  if (kind === undefined) {
    if (/ (missing|ambiguous)$/.test(head)) return null
    throw new Error(`git cat-file answered ${JSON.stringify(head.slice(0, 200))}`)
  }
  const size = Number(digits)
  if (kind === 'blob' && size > maxBytes) throw new TooLarge(path, size, maxBytes)
  const content = await answers.take(size, kind === 'blob')
  await answers.take(1, false)
  return content
}

class Incomplete extends Error {}

/** Lines and counted bytes from a stream, in turn. */
class Answers {
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: Readable) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf(10)
      if (end !== -1) {
        const line = this.#rest.toString('utf8', 0, end)
        this.#rest = this.#rest.subarray(end + 1)
        return line
      }
      this.#rest = Buffer.concat([this.#rest, await this.#more()])
    }
  }

  /** Passes over that many bytes, and hands them over if they are wanted. */
  async take(bytes: number, wanted: boolean): Promise<Buffer | null> {
    const parts: Buffer[] = []
    for (let missing = bytes; missing > 0; ) {
      if (this.#rest.length === 0) this.#rest = await this.#more()
      const part = this.#rest.subarray(0, missing)
      this.#rest = this.#rest.subarray(part.length)
      missing -= part.length
      if (wanted) parts.push(part)
    }
    return wanted ? Buffer.concat(parts) : null
  }

  async #more(): Promise<Buffer> {
    const next = await this.#chunks.next()
    if (next.done) throw new Incomplete()
    return next.value
  }
}
