// Requests through a router, by hostname, whatever name service says.
import { once } from 'node:events'
import { type Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import type { HostPort } from '../../src/domain/host-port.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** On a connection of its own, unless an agent is given. */
export async function askRouted(
  at: HostPort,
  hostname: string,
  path = '/',
  options: RequestOptions & { readonly agent?: Agent | false; readonly content?: string } = {},
): Promise<Answer> {
  const { content, headers, ...others } = options
  const outgoing = request({
    agent: false,
    ...others,
    host: at.host,
    port: at.port,
    path,
    headers: { host: hostname, ...(headers as Record<string, string>) },
  })
  outgoing.end(content)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) }
}

export interface RoutedUpgrade {
  /** Of the server at its other end. */
  readonly address: string
  readonly ended: Promise<void>
  /** What comes back. */
  echo(words: string): Promise<string>
  end(): void
}

export async function upgradeRouted(at: HostPort, hostname: string): Promise<RoutedUpgrade> {
  const headers = {
    host: hostname,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.from('sixteen bytes...').toString('base64'),
  }
  const outgoing = request({ agent: false, host: at.host, port: at.port, headers })
  outgoing.end()
  const [response, socket] = await once(outgoing, 'upgrade')
  socket.on('error', () => {})
  const ended = once(socket, 'close').then(() => {})
  socket.resume()
  return {
    address: String(response.headers['x-server']),
    ended,
    echo: async words => {
      const heard = once(socket, 'data')
      socket.write(words)
      return String((await heard)[0])
    },
    end: () => socket.destroy(),
  }
}

/** Fingerprint (SHA-256) of the certificate that is shown for a name, null when the handshake is refused. */
export function shownCertificate(at: HostPort, servername: string): Promise<string | null> {
  return new Promise(resolve => {
    const socket = connectTls({ host: at.host, port: at.port, servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? null)
      socket.destroy()
    })
    socket.on('error', () => resolve(null))
  })
}
