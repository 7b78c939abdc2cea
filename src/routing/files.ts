// The directory of the router: what lies where, and how it is written. A file is replaced as a whole, so that a HAProxy
// that is started at this moment reads either the old or the new one.
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../domain/problem.ts'
import type { Route } from '../domain/router.ts'
import { backendName } from './haproxy-config.ts'

export interface RouterFiles {
  readonly directory: string
  readonly config: string
  /** Hostname → backend. */
  readonly hosts: string
  /** Hostnames that are sent on to HTTPS. */
  readonly secure: string
  /** Token → answer for the authority. */
  readonly challenges: string
  readonly certificateList: string
  /** Holds the word by which workers know each other. */
  readonly key: string
  readonly certificates: string
  readonly pid: string
  readonly socket: string
}

/** Paths stand in the configuration and in commands: nothing in them may mean something there. */
const PLAIN_PATH = /^\/[\w./+@-]*$/
/** Bytes that a socket's path may have by Linux, less what HAProxy appends to it while it makes a new one. */
const LONGEST_SOCKET = 107 - '.1234567.tmp'.length

/** @throws Problem `router-unreachable` for a directory that HAProxy cannot be told of */
export function routerFiles(directory: string): RouterFiles {
  const socket = join(directory, 'master.sock')
  if (!PLAIN_PATH.test(directory)) {
    throw unusable(directory, 'Its path holds characters other than letters, digits and ./_+@-')
  }
  if (socket.length > LONGEST_SOCKET) {
    throw unusable(
      directory,
      `The path of its socket has ${socket.length} characters; ${LONGEST_SOCKET} are possible`,
    )
  }
  return {
    directory,
    config: join(directory, 'haproxy.cfg'),
    hosts: join(directory, 'hosts.map'),
    secure: join(directory, 'secure.map'),
    challenges: join(directory, 'acme.map'),
    certificateList: join(directory, 'crt-list'),
    key: join(directory, 'workers.key'),
    certificates: join(directory, 'certificates'),
    pid: join(directory, 'haproxy.pid'),
    socket,
  }
}

function unusable(directory: string, saw: string): Problem {
  return new Problem('router-unreachable', {
    headline: `HAProxy cannot be run in ${directory}`,
    saw,
    hint: 'Set FAIRLEAD_DATA to a directory with a shorter, plainer path, and start the gateway again.',
  })
}

export async function prepareDirectory(files: RouterFiles): Promise<void> {
  await mkdir(files.certificates, { recursive: true, mode: 0o700 })
  await chmod(files.directory, 0o700)
  const toBeThere = [files.hosts, files.secure, files.challenges, files.certificateList]
  await Promise.all(toBeThere.map(async file => (await open(file, 'a', 0o600)).close()))
}

/** Made once: workers of two configurations have to know each other. */
export async function workersKey(files: RouterFiles): Promise<string> {
  const kept = (await readIfThere(files.key)).trim()
  if (/^[0-9a-f]{64}$/.test(kept)) return kept
  const made = randomBytes(32).toString('hex')
  await replaceFile(files.key, lines([made]))
  return made
}

/** The maps before the configuration: the one that is started from it finds them. */
export async function writeRoutes(
  files: RouterFiles,
  routes: readonly Route[],
  config: string,
): Promise<void> {
  const secure = routes.filter(route => route.secure)
  await Promise.all([
    replaceFile(files.hosts, lines(routes.map(({ hostname, slot }) => `${hostname} ${backendName(slot)}`))),
    replaceFile(files.secure, lines(secure.map(({ hostname }) => `${hostname} 1`))),
  ])
  await replaceFile(files.config, config)
}

/** What is to take the place of that file: left there by whoever is killed while writing it. */
export function nextOf(path: string): string {
  return `${path}.next`
}

/**
 * Not waited for until it is on the disk: all of it can be derived again, and is at every start of the gateway. A deploy
 * waits for this, and changes one file of three: what stands there already is not written again.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  if ((await readIfThere(path)) === text) return
  const next = nextOf(path)
  await rm(next, { force: true })
  await writeFile(next, text, { flag: 'wx', mode: 0o600 })
  await rename(next, path)
}

/** @returns '' for one that is not there */
export async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Every certificate is for the hostname that its file is named after, and for no other that it may also hold. */
export async function writeCertificateList(files: RouterFiles): Promise<void> {
  const names = (await readdir(files.certificates)).filter(name => name.endsWith('.pem')).sort()
  const text = lines(names.map(name => `${join(files.certificates, name)} ${name.slice(0, -'.pem'.length)}`))
  await replaceFile(files.certificateList, text)
}

export function lines(each: readonly string[]): string {
  return each.map(line => `${line}\n`).join('')
}
