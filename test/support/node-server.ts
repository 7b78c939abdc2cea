// The program of the image that load is put on: it says which release it is, answers slowly where that is asked for,
// echoes after an upgrade, and ends as an app should. It runs in a container with nothing but Node beside it.
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

const release = `${process.env.FAIRLEAD_RELEASE}\n`
const upgraded = new Set<Duplex>()

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://app')
  if (pathname === '/slow') void answerSlowly(response, Number(searchParams.get('ms')))
  else response.end(release)
})
// Longer than the router keeps a connection that nobody uses, so that it is never the app that closes one.
server.keepAliveTimeout = 120_000

server.on('upgrade', (request, socket) => {
  upgraded.add(socket)
  socket.on('close', () => upgraded.delete(socket))
  socket.on('error', () => {}) // Its `close` follows.
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`) // RFC 6455, 4.2.2
    .digest('base64')
  const head = ['Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Accept: ${accept}`]
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head.join('\r\n')}\r\n\r\n`)
  socket.pipe(socket)
})

process.once('SIGTERM', () => {
  server.close()
  for (const socket of upgraded) socket.end()
})

server.listen(Number(process.env.PORT))

/** A byte every 50 ms for so many milliseconds, then the release. */
async function answerSlowly(response: ServerResponse, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end && !response.destroyed) {
    response.write('.')
    await delay(50)
  }
  response.end(release)
}
