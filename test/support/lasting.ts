// Clients that stay: one that talks over an upgraded connection, one that reads a slow answer. Both notice when they are
// cut off.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Echo {
  /** @returns what came back @throws when the connection is cut before */
  say(words: string): Promise<string>
  /** Resolves when the other side has ended it. */
  readonly closed: Promise<void>
  end(): void
}

/** @param port of the router, on 127.0.0.1 */
export async function openEcho(port: number, hostname: string): Promise<Echo> {
  const headers = {
    host: hostname,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  }
  const asked = request({ port, headers, agent: false })
  asked.on('response', ({ statusCode }) => asked.destroy(new Error(`no upgrade, but ${statusCode}`)))
  asked.end()
  const [, socket] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket]
  socket.on('error', () => {}) // Its `close` follows.
  const closed = once(socket, 'close').then(() => {})
  return {
    closed,
    say: words =>
      new Promise((resolve, reject) => {
        let heard = ''
        const take = (chunk: Buffer) => {
          heard += chunk
          if (heard.length < words.length) return
          socket.off('data', take)
          resolve(heard)
        }
        socket.on('data', take)
        socket.write(words)
        closed.then(() => reject(new Error(`cut off after "${heard}" of "${words}"`)))
      }),
    end: () => socket.destroy(),
  }
}

/**
 * Asks for an answer that takes so long, and resolves when it has begun.
 * @returns `whole`: what the answer ended with, its release; rejects when it was cut off
 */
export async function readSlowly(
  port: number,
  hostname: string,
  milliseconds: number,
): Promise<{ whole: Promise<string> }> {
  const asked = get({ port, path: `/slow?ms=${milliseconds}`, headers: { host: hostname }, agent: false })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const whole = text(response).then(body => body.replace(/^\.*/, '').trimEnd())
  whole.catch(() => {}) // Looked at when the test comes to it.
  return { whole }
}
