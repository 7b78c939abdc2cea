// The real router in a directory of its own, on free ports. What it started ends with the test: the gateway leaves HAProxy
// running, so that here its master is ended by its id, and old workers go with it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { HostPort } from '../../src/domain/host-port.ts'
import { createRouter, type HaproxyRouter, type RouterOptions } from '../../src/routing/haproxy.ts'
import { until } from './until.ts'

export interface RealRouter {
  readonly router: HaproxyRouter
  readonly directory: string
  readonly http: HostPort
  readonly https: HostPort
  /** `http://127.0.0.1:port` */
  readonly origin: string
  /** Lines that the router logged. */
  readonly logged: string[]
  /** Another driver over the same directory, as after a restart of the gateway. */
  again(options?: Partial<RouterOptions>): HaproxyRouter
  /** Of HAProxy's master, 0 while there is none. */
  pid(): number
  /** Process ids of those that serve, and of those that end after a reload: a reload makes another one. */
  workers(): number[]
}

/** @param options in place of what it gets by itself */
export async function realRouter(
  t: ExecutionContext,
  options: Partial<RouterOptions> = {},
): Promise<RealRouter> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'fairlead-router-'))
  const http = options.http ?? { host: '127.0.0.1', port: await freePort() }
  const https = { host: '127.0.0.1', port: await freePort() }
  const logged: string[] = []
  const log = (fields: object, message: string) => {
    logged.push(`${message} ${JSON.stringify(fields)}`)
  }
  const opened: HaproxyRouter[] = []
  const again = (others: Partial<RouterOptions> = {}) => {
    const router = createRouter({
      directory,
      http,
      https,
      binary: null,
      masterSocket: null,
      log: { info: log, warn: log, error: log },
      ...options,
      ...others,
    })
    opened.push(router)
    return router
  }
  const pidFile = join(directory, 'haproxy.pid')
  const pid = () => readPid(pidFile)
  t.teardown(async () => {
    for (const router of opened) await router.close()
    await endHaproxy(pidFile)
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    router: again(),
    directory,
    http,
    https,
    origin: `http://${http.host}:${http.port}`,
    logged,
    again,
    pid,
    workers: () =>
      readFileSync(`/proc/${pid()}/task/${pid()}/children`, 'utf8').trim().split(' ').map(Number),
  }
}

/** Master and all workers: SIGTERM ends them at once, connections and all. */
export async function endHaproxy(pidFile: string): Promise<void> {
  const pid = readPid(pidFile)
  if (!isHaproxy(pid)) return
  process.kill(pid, 'SIGTERM')
  await until('HAProxy has ended', async () => !isHaproxy(pid))
}

/** @returns 0 for a file that is not there: HAProxy makes a new one at every start */
function readPid(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0
  }
}

/** A process id may have been given to somebody else since. */
export function isHaproxy(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('haproxy')
  } catch {
    return false
  }
}

/** Below those that the system hands out to connections. */
const FIRST_PORT = 20_000
const BLOCK = 200
const BLOCKS = 60
let block: Promise<number> | undefined
let counter = 0

/** A port that is free now may be somebody's by the time that HAProxy listens: each process has some to itself. */
export async function freePort(): Promise<number> {
  block ??= claimBlock()
  for (;;) {
    const port = (await block) + 1 + (counter++ % (BLOCK - 1))
    if (await isFree(port)) return port
  }
}

/** @returns the first port of a block, which is listened on until this process ends, so that nobody else takes it */
async function claimBlock(): Promise<number> {
  for (let n = 0; n < BLOCKS; n += 1) {
    const port = FIRST_PORT + n * BLOCK
    const server = await listening(port)
    if (server === null) continue
    server.unref()
    return port
  }
  throw new Error(`no block of ports is free from ${FIRST_PORT} on`)
}

async function isFree(port: number): Promise<boolean> {
  const server = await listening(port)
  if (server === null) return false
  await new Promise(resolve => server.close(resolve))
  return true
}

/** @returns null when somebody listens there already */
function listening(port: number): Promise<Server | null> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
