// A gate in front of the real Docker engine, on a unix socket of its own: it can hold a request back before the
// engine sees it, or its answer when the engine has done it, and can be shut like an engine that went away. Every
// connection carries one request.
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENGINE_SOCKET } from './engine-proxy.ts'

export interface Held {
  /** Resolves when such a request has come. */
  readonly reached: Promise<void>
  /** Lets it and those after it through. */
  release(): void
}

export interface EngineGate {
  readonly path: string
  /** First lines of the requests that have come so far. */
  readonly requests: readonly string[]
  /** Holds back the nth request from now whose first line matches, e.g. `/^POST .*\/start/`, and every such after it. */
  hold(pattern: RegExp, nth?: number): Held
  /** Lets the nth such request through and holds back what the engine answers, of that one alone. */
  holdAnswer(pattern: RegExp, nth?: number): Held
  /** Cuts every connection; nobody listens any more. */
  shut(): Promise<void>
  open(): Promise<void>
  /** Shuts it for good. */
  remove(): Promise<void>
}

interface Hold {
  readonly what: 'request' | 'answer'
  readonly pattern: RegExp
  left: number
  reach(): void
  readonly released: Promise<void>
}

function stop({ reach, released }: Hold): Promise<void> {
  reach()
  return released
}

export async function engineGate(behind = ENGINE_SOCKET): Promise<EngineGate> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-gate-'))
  const path = join(directory, 'engine.sock')
  const sockets = new Set<net.Socket>()
  const holds = new Set<Hold>()
  const requests: string[] = []

  function take(socket: net.Socket): void {
    const engine = net.connect({ path: behind, allowHalfOpen: true })
    for (const end of [socket, engine]) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        sockets.delete(end)
        socket.destroy()
        engine.destroy()
      })
    }
    socket.once('data', async first => {
      socket.pause()
      const line = first.toString('latin1').split('\r\n', 1)[0] ?? ''
      requests.push(line)
      const matching = [...holds].filter(({ pattern }) => pattern.test(line))
      for (const hold of matching) hold.left -= 1
      for (const hold of matching) {
        if (hold.what === 'request' && hold.left <= 0) await stop(hold)
      }
      if (socket.destroyed) return
      engine.write(first)
      socket.pipe(engine)
      const answer = matching.find(({ what, left }) => what === 'answer' && left === 0)
      if (answer !== undefined) {
        await new Promise(resolve => engine.once('readable', resolve))
        await stop(answer)
      }
      engine.pipe(socket)
    })
  }

  function hold(what: Hold['what'], pattern: RegExp, nth: number): Held {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    const held = { what, pattern, left: nth, reach: reached.resolve, released: released.promise }
    holds.add(held)
    return {
      reached: reached.promise,
      release() {
        holds.delete(held)
        released.resolve()
      },
    }
  }

  const server = net.createServer({ allowHalfOpen: true }, take)
  const open = async () => {
    if (!server.listening) await new Promise<void>(resolve => server.listen(path, resolve))
  }
  const shut = async () => {
    if (!server.listening) return
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await open()
  return {
    path,
    open,
    shut,
    requests,
    hold: (pattern, nth = 1) => hold('request', pattern, nth),
    holdAnswer: (pattern, nth = 1) => hold('answer', pattern, nth),
    async remove() {
      await shut()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
