// A gate in front of the real Docker engine, on a unix socket of its own: it can hold a request back before the
// engine sees it, and can be shut like an engine that went away. Every connection carries one request.
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
  /** How many requests have come so far. */
  readonly requests: number
  /** Holds back the nth request from now whose first line matches, e.g. `/^POST .*\/start/`, and every such after it. */
  hold(pattern: RegExp, nth?: number): Held
  /** Cuts every connection; nobody listens any more. */
  shut(): Promise<void>
  open(): Promise<void>
  /** Shuts it for good. */
  remove(): Promise<void>
}

export async function engineGate(behind = ENGINE_SOCKET): Promise<EngineGate> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-gate-'))
  const path = join(directory, 'engine.sock')
  const sockets = new Set<net.Socket>()
  const holds = new Set<{ pattern: RegExp; left: number; reach(): void; released: Promise<void> }>()
  let requests = 0

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
      requests += 1
      for (const hold of holds) {
        if (!hold.pattern.test(line)) continue
        hold.left -= 1
        if (hold.left > 0) continue
        hold.reach()
        await hold.released
      }
      if (socket.destroyed) return
      engine.write(first)
      socket.pipe(engine).pipe(socket)
    })
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
    get requests() {
      return requests
    },
    hold(pattern, nth = 1) {
      const reached = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      const hold = { pattern, left: nth, reach: reached.resolve, released: released.promise }
      holds.add(hold)
      return {
        reached: reached.promise,
        release() {
          holds.delete(hold)
          released.resolve()
        },
      }
    },
    async remove() {
      await shut()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
