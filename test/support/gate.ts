// Gates in front of a unix socket, on one of their own: before the real Docker engine, whose connections carry one request
// each, and before HAProxy's, which carry one command after the other. A gate can hold a request back before it arrives, or
// its answer when it was done, and can be shut like something that went away.
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

export interface Gate {
  readonly path: string
  /** First lines of the requests that have come so far. */
  readonly requests: readonly string[]
  /** The first line of a request that may change something. */
  readonly changes: RegExp
  /** How many come when what made them is over, for all that can be seen. */
  readonly afterwards: number
  /**
   * Holds back the nth request from now whose first line matches, e.g. `/^POST .*\/start/`, and every such after it. One
   * whose sender is gone when it is let through never arrives.
   */
  hold(pattern: RegExp, nth?: number): Held
  /** Lets the nth such request through and holds back what is answered, of that one alone. */
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

/** What those behind it are asked, and how. */
interface Kind {
  readonly changes: RegExp
  readonly afterwards: number
  readonly carry: Carry
}

/** @param arrives resolves when the request may go on, with what holds its answer */
type Carry = (
  from: net.Socket,
  to: net.Socket,
  arrives: (request: Buffer) => Promise<Hold | undefined>,
) => void

/** Images are looked for and taken away after the containers that are seen to be gone. */
const ENGINE: Kind = {
  changes: /^(?!GET|HEAD)/,
  afterwards: 4,
  carry(client, behind, arrives) {
    client.once('data', async first => {
      // Read on while it is held: behind all that it has sent is seen that whoever asked is gone, and asks nothing any more.
      const sent: Buffer[] = [first]
      const keep = (chunk: Buffer) => void sent.push(chunk)
      client.on('data', keep)
      const answer = await arrives(first)
      client.off('data', keep)
      if (client.readableEnded) client.destroy()
      if (client.destroyed) return
      for (const chunk of sent) behind.write(chunk)
      client.pipe(behind)
      if (answer !== undefined) {
        await new Promise(resolve => behind.once('readable', resolve))
        await stop(answer)
      }
      behind.pipe(client)
    })
  },
}

const HAPROXY: Kind = {
  changes: /^(?:@\S+ )?(?:set|add|del|new|commit|reload)\b/,
  afterwards: 0,
  carry(client, behind, arrives) {
    behind.pipe(client)
    client.on('end', () => behind.end())
    // The next one comes when this one was answered.
    client.on('data', async command => {
      const answer = await arrives(command)
      if (client.destroyed) return
      if (answer !== undefined) behind.unpipe(client)
      behind.write(command)
      if (answer === undefined) return
      await new Promise(resolve => behind.once('readable', resolve))
      await stop(answer)
      behind.pipe(client)
    })
  },
}

export const engineGate = (engine = ENGINE_SOCKET): Promise<Gate> => gate(engine, ENGINE)

/** @param haproxy the socket of its master, which need not be there yet */
export const routerGate = (haproxy: string): Promise<Gate> => gate(haproxy, HAPROXY)

async function gate(behindPath: string, { changes, afterwards, carry }: Kind): Promise<Gate> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-gate-'))
  const path = join(directory, 'gate.sock')
  const sockets = new Set<net.Socket>()
  const holds = new Set<Hold>()
  const requests: string[] = []

  async function arrives(request: Buffer): Promise<Hold | undefined> {
    const line = request.toString('latin1').split(/\r?\n/, 1)[0] ?? ''
    requests.push(line)
    const matching = [...holds].filter(({ pattern }) => pattern.test(line))
    for (const hold of matching) hold.left -= 1
    for (const hold of matching) {
      if (hold.what === 'request' && hold.left <= 0) await stop(hold)
    }
    return matching.find(({ what, left }) => what === 'answer' && left === 0)
  }

  function take(client: net.Socket): void {
    const behind = net.connect({ path: behindPath, allowHalfOpen: true })
    for (const end of [client, behind]) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        sockets.delete(end)
        client.destroy()
        behind.destroy()
      })
    }
    carry(client, behind, arrives)
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
    changes,
    afterwards,
    hold: (pattern, nth = 1) => hold('request', pattern, nth),
    holdAnswer: (pattern, nth = 1) => hold('answer', pattern, nth),
    async remove() {
      await shut()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
