// /healthz and /metrics on a loopback port: for programs on the gateway's own machine, and for no web page that
// somebody there has open.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { HostPort } from '../domain/host-port.ts'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'
import { readHealth, readMetrics, type Watched } from './monitor.ts'

/** Milliseconds for a request to come whole, and for a client to take the answer. */
const REQUEST_TIME = 5000
const IDLE_TIME = 10_000
/** Bytes. */
const MOST_HEADERS = 8192
const MOST_CONNECTIONS = 32

export interface MonitorListener {
  readonly port: number
  close(): Promise<void>
}

/** @throws Problem `settings-invalid` when the address cannot be listened on */
export async function startMonitor(address: HostPort, watched: Watched, log: Log): Promise<MonitorListener> {
  const server = createServer(
    {
      maxHeaderSize: MOST_HEADERS,
      headersTimeout: REQUEST_TIME,
      requestTimeout: REQUEST_TIME,
      connectionsCheckingInterval: 1000,
      keepAlive: false,
    },
    (request, response) => {
      answer(request, response, watched).catch(error => {
        log.error({ error }, 'a question about health or metrics failed')
        if (response.headersSent) response.destroy()
        else send(request, response, 500, 'text/plain', 'A fault of the gateway: see its log.\n')
      })
    },
  )
  server.maxConnections = MOST_CONNECTIONS
  server.timeout = IDLE_TIME
  await listening(server, address)
  server.on('error', error => log.error({ error }, 'metrics listener'))
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Whether the Host of a request is this machine by its loopback names: a web page can bring any other one. */
export function isLoopback(host: string | undefined): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host ?? '')
}

async function answer(request: IncomingMessage, response: ServerResponse, watched: Watched): Promise<void> {
  // Whatever a request carries is not read.
  request.resume()
  if (!isLoopback(request.headers.host)) {
    return send(request, response, 403, 'text/plain', 'Ask by the name localhost.\n')
  }
  const [path] = (request.url ?? '').split('?', 1)
  if (path !== '/healthz' && path !== '/metrics') {
    return send(request, response, 404, 'text/plain', 'There are /healthz and /metrics.\n')
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return send(request, response, 405, 'text/plain', 'Only GET and HEAD.\n')
  }
  if (path === '/metrics') {
    const type = 'text/plain; version=0.0.4; charset=utf-8'
    return send(request, response, 200, type, await readMetrics(watched))
  }
  const health = await readHealth(watched)
  const status = health.status === 'ok' ? 200 : 503
  send(request, response, status, 'application/json', `${JSON.stringify(health)}\n`)
}

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  })
  response.end(method === 'HEAD' ? undefined : text)
}

function listening(server: ReturnType<typeof createServer>, { host, port }: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(
        new Problem('settings-invalid', {
          headline: `Health and metrics cannot be served on ${host}:${port}`,
          saw: cause.message,
          hint: 'Set FAIRLEAD_METRICS to a loopback address and a port that is free, or leave it out.',
          cause,
        }),
      )
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      resolve()
    })
  })
}
