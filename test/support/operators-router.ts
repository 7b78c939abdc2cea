// An HAProxy that is not the gateway's own but one that an operator runs, behind a gate.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Gate, routerGate } from './gate.ts'
import { until } from './until.ts'

export interface OperatorsRouter {
  /** Its path is what the settings of the gateway name. */
  readonly gate: Gate
  isRunning(): boolean
  /** @param config path of the file that the gateway has written */
  start(config: string): Promise<void>
  remove(): Promise<void>
}

export async function operatorsRouter(): Promise<OperatorsRouter> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-router-'))
  const socket = join(directory, 'master.sock')
  const gate = await routerGate(socket)
  let haproxy: ChildProcess | undefined
  return {
    gate,
    isRunning: () => haproxy !== undefined,
    async start(config) {
      haproxy = spawn('/usr/sbin/haproxy', ['-W', '-S', socket, '-f', config], { stdio: 'ignore' })
      await until('HAProxy listens', async () => existsSync(socket))
    },
    async remove() {
      await gate.remove()
      if (haproxy !== undefined && haproxy.exitCode === null && haproxy.signalCode === null) {
        haproxy.kill('SIGTERM')
        await once(haproxy, 'exit')
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
