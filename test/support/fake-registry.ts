// A server on loopback that answers as its script says, and remembers what it was asked and with which login.
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestCertificate } from './certificate.ts'

export interface FakeRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The Authorization header, null when there was none. */
  readonly authorization: string | null
  /** '' when there was none. */
  readonly body: string
}

/** `hang`: never answers. `cut`: closes the connection instead. `cut-body`: closes it in mid-body. */
export type FakeAnswer =
  | 'hang'
  | 'cut'
  | 'cut-body'
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      /** Objects are sent as JSON. */
      readonly body?: string | Buffer | object
    }

export interface FakeRegistry {
  /** `127.0.0.1:PORT`, or another address if it was bound to that. */
  readonly host: string
  /** With scheme, without slash at the end. */
  readonly url: string
  readonly requests: readonly FakeRequest[]
  /** Every Authorization header that came, in order. */
  authorizations(): string[]
  stop(): Promise<void>
}

/** @param certificate speaks TLS with it; plain HTTP without. @param address to bind */
export async function startFakeRegistry(
  script: (request: FakeRequest) => FakeAnswer,
  certificate?: TestCertificate,
  address = '127.0.0.1',
): Promise<FakeRegistry> {
  const requests: FakeRequest[] = []
  const listener: http.RequestListener = async (incoming, outgoing) => {
    const body = await text(incoming).catch(() => null)
    // Who asked has left already.
    if (body === null) return
    const url = new URL(incoming.url ?? '/', 'http://fake')
    const request = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      authorization: incoming.headers.authorization ?? null,
      body,
    }
    requests.push(request)
    answer(script(request), outgoing)
  }
  const server = certificate ? https.createServer({ ...certificate }, listener) : http.createServer(listener)
  // The first try at a loopback registry is TLS: a plain server sees a request that is none.
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>(resolve => server.listen(0, address, resolve))
  const host = `${address}:${(server.address() as AddressInfo).port}`
  return {
    host,
    url: `${certificate ? 'https' : 'http'}://${host}`,
    requests,
    authorizations: () => requests.flatMap(request => request.authorization ?? []),
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answer(scripted: FakeAnswer, outgoing: http.ServerResponse): void {
  if (scripted === 'hang') return
  if (scripted === 'cut') {
    outgoing.socket?.destroy()
    return
  }
  if (scripted === 'cut-body') {
    outgoing.writeHead(200, { 'content-length': '1000' })
    outgoing.write('{', () => outgoing.socket?.destroy())
    return
  }
  const { status, headers = {}, body = '' } = scripted
  const isPlain = typeof body === 'string' || Buffer.isBuffer(body)
  outgoing.writeHead(status, { ...(!isPlain && { 'content-type': 'application/json' }), ...headers })
  outgoing.end(isPlain ? body : JSON.stringify(body))
}

/** The body of a registry's error. */
export function errorBody(code: string, message: string): object {
  return { errors: [{ code, message, detail: {} }] }
}
