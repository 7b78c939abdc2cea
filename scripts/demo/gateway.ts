// The demo's gateway: its own process, with a data directory, a stack and a key that go away with it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const USUAL_PORT = 2222

export interface DemoGateway {
  readonly url: string
  readonly fingerprint: string
  stop(): Promise<void>
}

/** @returns path of the private key */
export function makeKey(directory: string): string {
  const key = join(directory, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'demo', '-f', key])
  return key
}

export async function startDemoGateway(directory: string, key: string): Promise<DemoGateway> {
  const child = spawn(process.execPath, [MAIN], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      FAIRLEAD_DATA: join(directory, 'data'),
      FAIRLEAD_SSH: `127.0.0.1:${(await isFree(USUAL_PORT)) ? USUAL_PORT : 0}`,
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
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
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
  const server = createServer()
  server.listen(port, '127.0.0.1')
  const free = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ])
  server.close()
  return free
}
