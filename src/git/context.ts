// The build context of a commit: its tree as a tar, without what .dockerignore leaves out.
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { pipeline as piped } from 'node:stream/promises'
import { setImmediate as breathe } from 'node:timers/promises'
import { extract, type Header, type Pack, pack } from 'tar-stream'
import { Problem } from '../domain/problem.ts'
import type { Commit } from './commit.ts'
import { parseDockerIgnore } from './docker-ignore.ts'

/** The builder needs these, whatever .dockerignore says. */
const ALWAYS = new Set(['Dockerfile', '.dockerignore'])
/** Milliseconds after which others get their turn: hostile patterns make an entry dear. */
const BREATH = 20
/** Bytes; what Linux can open. */
const MAX_PATH = 4096

/**
 * An uncompressed tar. Destroying it ends the git behind it; what fails behind it destroys it with that error.
 * @param options.ignore text of the .dockerignore, null when the commit has none
 * @throws Problem `dockerfile-invalid` at once for a .dockerignore that cannot be read
 */
export function buildContext(commit: Commit, { ignore }: { ignore: string | null }): Readable {
  if (ignore === null) return commit.archive()
  const ignores = parseDockerIgnore(ignore)
  const archive = commit.archive()
  const kept = pack()
  const context = new PassThrough()
  pipeline(kept, context, () => archive.destroy())
  copyKept(archive, kept, path => !ALWAYS.has(path) && ignores(path)).then(
    () => kept.finalize(),
    (error: Error) => kept.destroy(error),
  )
  return context
}

async function copyKept(archive: Readable, kept: Pack, ignores: (path: string) => boolean): Promise<void> {
  const entries = extract()
  const read = piped(archive, entries)
  read.catch(() => {}) // the loop below meets the same error
  /** Directories left out so far, which an exception below them brings back. */
  let above: { path: string; header: Header }[] = []
  let breathed = performance.now()
  for await (const entry of entries) {
    if (performance.now() - breathed > BREATH) {
      await breathe()
      breathed = performance.now()
    }
    const path = checkedPath(entry.header.name)
    // A global header shows in every entry; name, link and size are already taken from it.
    const header = { ...entry.header, pax: null }
    above = above.filter(directory => path.startsWith(`${directory.path}/`))
    if (!ignores(path)) {
      for (const directory of above) kept.entry(directory.header)
      above = []
      await piped(entry, kept.entry(header))
    } else {
      if (header.type === 'directory') above.push({ path, header })
      entry.resume()
    }
  }
  await read
}

/** @throws Problem for a path that git lets nobody commit, but that a hand-made tree can hold */
function checkedPath(name: string): string {
  const path = name.replace(/\/$/, '')
  const hostile = path
    .split('/')
    .some(part => ['', '.', '..'].includes(part) || part.toLowerCase() === '.git')
  if (!hostile && !path.includes('\0') && Buffer.byteLength(path) <= MAX_PATH) return path
  throw new Problem('name-invalid', {
    headline: `The commit holds a file that cannot be unpacked: ${JSON.stringify(name.slice(0, 80))}`,
    hint: 'Take the file out of the commit, then push again.',
  })
}
