// A door in front of a real registry: passes everything on, and remembers every request with its Authorization header.
// It can redirect to another host, which no docker-registry with files on its disk does.
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Recorded {
  readonly method: string
  readonly path: string
  /** The Authorization header, null when there was none. */
  readonly authorization: string | null
  /** The User-Agent header: `docker/…` and `buildkit/…` are the engine's. */
  readonly agent: string
}

export interface RecordingRegistry {
  /** `127.0.0.1:PORT`, or another address if it was bound to that. */
  readonly host: string
  readonly url: string
  readonly requests: readonly Recorded[]
  /** Every Authorization header that came, each once. */
  authorizations(): string[]
  stop(): Promise<void>
}

export interface RecordingOptions {
  /** Address to bind. Default 127.0.0.1. */
  readonly address?: string
  /** The origin to which a request is redirected with 307, null for none. */
  readonly redirect?: (request: Recorded) => string | null
}

/** @param upstream the host of a registry that speaks plain HTTP */
export async function startRecordingRegistry(
  upstream: string,
  { address = '127.0.0.1', redirect = () => null }: RecordingOptions = {},
): Promise<RecordingRegistry> {
  const requests: Recorded[] = []
  const server = http.createServer((incoming, outgoing) => {
    const request = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      authorization: incoming.headers.authorization ?? null,
      agent: incoming.headers['user-agent'] ?? '',
    }
    requests.push(request)
    const elsewhere = redirect(request)
    if (elsewhere !== null) {
      outgoing.writeHead(307, { location: `${elsewhere}${request.path}` }).end()
      return
    }
    const { method, path } = request
    const passed = http.request(
      `http://${upstream}${path}`,
      { method, headers: incoming.headers },
      answer => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('error', () => outgoing.destroy()).pipe(outgoing)
      },
    )
    passed.on('error', () => outgoing.destroy())
    outgoing.on('error', () => passed.destroy())
    incoming.on('error', () => passed.destroy()).pipe(passed)
  })
  // The first try at a loopback registry is TLS: a plain server sees a request that is none.
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>(resolve => server.listen(0, address, resolve))
  const host = `${address}:${(server.address() as AddressInfo).port}`
  return {
    host,
    url: `http://${host}`,
    requests,
    authorizations: () => [...new Set(requests.flatMap(({ authorization }) => authorization ?? []))],
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface Sent {
  /** Every login, or token, that the gateway sent, each once, in order. */
  readonly gateway: readonly string[]
  readonly engine: readonly string[]
  /** Whether the engine asked at all. */
  readonly engineCame: boolean
}

/** What was sent for one repository. */
export function sent({ requests }: RecordingRegistry, repository: string): Sent {
  const about = requests.filter(({ path }) => path.startsWith(`/v2/${repository}/`))
  const ours = about.filter(({ agent }) => agent.startsWith('fairlead'))
  const theirs = about.filter(({ agent }) => !agent.startsWith('fairlead'))
  const logins = (of: readonly Recorded[]) => [
    ...new Set(of.flatMap(({ authorization }) => authorization ?? [])),
  ]
  return { gateway: logins(ours), engine: logins(theirs), engineCame: theirs.length > 0 }
}
