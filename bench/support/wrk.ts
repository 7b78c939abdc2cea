// wrk: as many requests over kept-alive connections as are answered. It counts a request as lost whose connection ends
// before its answer, and one that is answered with an error.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

export interface Pressed {
  readonly requests: number
  readonly perSecond: number
  readonly lost: number
}

/** @param port of the router, on 127.0.0.1 */
export function startWrk(port: number, hostname: string, connections: number): { stop(): Promise<Pressed> } {
  const child = spawn(
    'wrk',
    [
      ...['-t', '1', '-c', String(connections), '-d', '1h', '--timeout', '30s'],
      ...['-H', `Host: ${hostname}`, `http://127.0.0.1:${port}/`],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const said = text(child.stdout)
  const ended = once(child, 'close')
  ended.catch(() => {}) // That it could not be started is told by whoever stops it.
  return {
    async stop() {
      child.kill('SIGINT')
      await ended
      return readWrk(await said)
    },
  }
}

function readWrk(said: string): Pressed {
  const number = (pattern: RegExp) => Number(pattern.exec(said)?.[1] ?? 0)
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(said) ?? []
  const lost = socketErrors.slice(1).reduce((sum, each) => sum + Number(each), 0)
  if (!/requests in/.test(said)) throw new Error(`wrk said: ${said}`)
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    lost: lost + number(/Non-2xx or 3xx responses: (\d+)/),
  }
}
