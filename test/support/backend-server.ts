// A small HTTP server to route to, on an address of 127.0.0.0/8 of its own: it says who it is and what it was sent, keeps
// upgraded connections open and echoes on them, and answers `/slow` when it is told to.
import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import type { Server } from '../../src/domain/router.ts'

/** What RFC 6455 has every server add to the key. */
const WEBSOCKET = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export interface BackendServer extends Server {
  /** Requests so far. */
  readonly requests: number
  /** Of the last request. */
  readonly headers: IncomingHttpHeaders
  readonly method: string
  /** Answers every request to `/slow` that waits. */
  release(): void
  /** How many requests to `/slow` wait. */
  readonly waiting: number
  /** Ends it and its connections, as a container that is killed. */
  close(): Promise<void>
}

export async function backendServer(t: ExecutionContext, address: string, port = 0): Promise<BackendServer> {
  const sockets = new Set<Socket>()
  const slow: (() => void)[] = []
  let requests = 0
  let headers: IncomingHttpHeaders = {}
  let method = ''
  const server = createServer((request, response) => {
    requests += 1
    headers = request.headers
    method = request.method ?? ''
    request.resume()
    const answer = () => response.end(address)
    if (request.url === '/slow') slow.push(answer)
    else if (request.url === '/silent') request.socket.destroy()
    else answer()
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${WEBSOCKET}`)
    const head = [
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      'Upgrade: websocket',
      `Sec-WebSocket-Accept: ${accept.digest('base64')}`,
      `X-Server: ${address}`,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    socket.on('data', data => socket.write(data))
    socket.on('end', () => socket.end())
  })
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject)
    server.listen(port, address, resolve)
  })
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  t.teardown(close)
  return {
    address,
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests
    },
    get headers() {
      return headers
    },
    get method() {
      return method
    },
    get waiting() {
      return slow.length
    },
    release: () => {
      for (const answer of slow.splice(0)) answer()
    },
    close,
  }
}
