// The demo's gateway: its own process, with a data directory, a stack and a key that go away with it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endHaproxy, freePort } from '../../test/support/haproxy.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const USUAL = { ssh: 2222, http: 8080 }

export interface DemoGateway {
  readonly url: string
  readonly fingerprint: string
  /** Port of its router, on 127.0.0.1. */
  readonly http: number
  /** Its HAProxy too, which would go on without it. */
  stop(): Promise<void>
}

/** @returns path of the private key */
export function makeKey(directory: string): string {
  const key = join(directory, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'demo', '-f', key])
  return key
}

export async function startDemoGateway(directory: string, key: string): Promise<DemoGateway> {
  const data = join(directory, 'data')
  const http = (await isFree(USUAL.http)) ? USUAL.http : await freePort()
  const child = spawn(process.execPath, [MAIN], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      FAIRLEAD_DATA: data,
      FAIRLEAD_SSH: `127.0.0.1:${(await isFree(USUAL.ssh)) ? USUAL.ssh : 0}`,
      FAIRLEAD_HTTP: `127.0.0.1:${http}`,
      FAIRLEAD_OPERATOR_KEYS: `${key}.pub`,
    },
    // A process group of its own: a ^C on the terminal is for the demo, which still needs it to clean up.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ready = await untilReady(child, join(directory, 'gateway.log'))
  return {
    url: ready.url,
    fingerprint: ready.hostKey,
    http,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill('SIGTERM')
        await exited
      }
      await endHaproxy(join(data, 'router', 'haproxy.pid'))
    },
  }
}

async function untilReady(child: ChildProcess, logFile: string): Promise<{ url: string; hostKey: string }> {
  const log = createWriteStream(logFile)
  child.stderr?.pipe(log, { end: false })
  child.stdout?.pipe(log, { end: false })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  return new Promise((resolve, reject) => {
    child.once('exit', status =>
      reject(new Error(`the gateway ended with status ${status}:\n${readFileSync(logFile, 'utf8')}`)),
    )
    lines.on('line', line => {
      const entry = line.startsWith('{') ? JSON.parse(line) : {}
      if (entry.msg === 'Fairlead is ready') resolve(entry)
    })
  })
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
