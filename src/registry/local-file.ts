// A file of credentials on the gateway's own disk, below the one directory that its operator opened to apps.
//
// Invariant: nobody learns from here what else is on that disk. Nothing outside the directory is ever looked at, so
// what lies there and what does not get the same answer. On Linux, as the rest of the gateway.
import { constants } from 'node:fs'
import { open, readlink, realpath } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { codeOf, uriFailed } from './download-trouble.ts'

/** As many as Linux follows. */
const MOST_LINKS = 40
const SETTING = 'FAIRLEAD_REGISTRY_FILES'
const ASK = 'Ask an operator of the gateway to'
const SET = '`fairlead registry:uri file:///…`'

/**
 * @param directory absolute; null: no file may be read at all
 * @throws Problem `registry-uri-failed`
 */
export async function readFileBelow(directory: string | null, uri: URL, maxBytes: number): Promise<Buffer> {
  if (directory === null) {
    throw uriFailed(
      uri,
      'This gateway opens no directory to file: addresses.',
      `${ASK} set ${SETTING} to the directory that the file is in, or set an address with \`fairlead registry:uri https://…\`.`,
    )
  }
  const root = await realpath(directory).catch(error => {
    throw uriFailed(
      uri,
      `${SETTING} is ${directory}, which cannot be read (${codeOf(error)}).`,
      `${ASK} put that directory back.`,
    )
  })
  try {
    const path = await followLinks({ root, directory }, fileURLToPath(uri))
    return await readPlainFile(root, path, maxBytes)
  } catch (error) {
    const [saw, hint] = wordsFor(codeOf(error), directory, maxBytes)
    if (saw === undefined || hint === undefined) throw error
    throw uriFailed(uri, saw, hint)
  }
}

/** What we refuse, beside what the system does. */
class Refusal extends Error {
  readonly code: 'OUTSIDE' | 'CIRCLE' | 'NO_FILE' | 'TOO_LARGE'
  constructor(code: Refusal['code']) {
    super(code)
    this.code = code
  }
}

/** The path without links. Each link is read only once all before it is known to lie inside. */
async function followLinks(tops: { root: string; directory: string }, path: string): Promise<string> {
  const below = (absolute: string) =>
    segmentsBelow(tops.directory, absolute) ?? segmentsBelow(tops.root, absolute)
  const here: string[] = []
  const ahead = below(path)
  if (ahead === null) throw new Refusal('OUTSIDE')
  for (let links = 0; ahead.length > 0; ) {
    const segment = ahead.shift() ?? ''
    if (segment === '' || segment === '.') continue
    if (segment === '..') {
      if (here.pop() === undefined) throw new Refusal('OUTSIDE')
      continue
    }
    const target = await linkTarget(join(tops.root, ...here, segment))
    if (target === null) {
      here.push(segment)
      continue
    }
    if (++links > MOST_LINKS) throw new Refusal('CIRCLE')
    const next = isAbsolute(target) ? below(target) : target.split('/')
    if (next === null) throw new Refusal('OUTSIDE')
    if (isAbsolute(target)) here.length = 0
    ahead.unshift(...next)
  }
  return join(tops.root, ...here)
}

/** Null when it is there and no link. */
async function linkTarget(path: string): Promise<string | null> {
  try {
    return await readlink(path)
  } catch (error) {
    if (codeOf(error) === 'EINVAL') return null
    throw error
  }
}

/** By whole segments; null when it is not below. */
function segmentsBelow(top: string, path: string): string[] | null {
  const prefix = top.endsWith('/') ? top : `${top}/`
  return `${path}/`.startsWith(prefix) ? path.slice(prefix.length).split('/') : null
}

/**
 * Reads a path that held no links a moment ago. Whether it still does is seen on the open file, which nobody can
 * exchange any more.
 * @throws Refusal, or the bare error of the system
 */
export async function readPlainFile(root: string, path: string, maxBytes: number): Promise<Buffer> {
  // Without O_NONBLOCK, opening a pipe would wait for someone to write to it.
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const where = await readlink(`/proc/self/fd/${file.fd}`)
    if (segmentsBelow(root, where) === null) throw new Refusal('OUTSIDE')
    if (!(await file.stat()).isFile()) throw new Refusal('NO_FILE')
    const buffer = Buffer.alloc(maxBytes + 1)
    let size = 0
    for (let read = -1; read !== 0 && size <= maxBytes; size += read) {
      read = (await file.read(buffer, size, buffer.length - size, null)).bytesRead
    }
    if (size > maxBytes) throw new Refusal('TOO_LARGE')
    return buffer.subarray(0, size)
  } finally {
    await file.close()
  }
}

/** What was seen and what to do; nothing for what is no error of a file. */
function wordsFor(code: string, directory: string, maxBytes: number): [string, string] | [] {
  switch (code) {
    case 'OUTSIDE':
      return [
        `Only files below ${directory} may be read, and links only as long as they stay there.`,
        `${ASK} put the file there, and set its address with ${SET}.`,
      ]
    case 'ENOENT':
    case 'ENOTDIR':
      return ['There is no such file.', `${ASK} put it there, or correct the address with ${SET}.`]
    case 'EACCES':
    case 'EPERM':
      return [`The gateway may not read it (${code}).`, `${ASK} let the gateway's user read it.`]
    case 'NO_FILE':
    case 'ENXIO': // how Linux refuses to open a socket
      return [
        'It is a directory, a pipe or a device.',
        `Set the address of a config.json or docker.tar.gz with ${SET}.`,
      ]
    case 'TOO_LARGE':
      return [
        `The file has more than ${maxBytes} bytes.`,
        'Keep only config.json in it, or docker.tar.gz with only that inside.',
      ]
    case 'CIRCLE':
      return [
        `More than ${MOST_LINKS} links had to be followed.`,
        `${ASK} put a file where the links lead in a circle.`,
      ]
    default:
      return /^E[A-Z]+$/.test(code) ? [`Reading it failed (${code}).`, `${ASK} look at that disk.`] : []
  }
}
