// One HTTP request and its answer, within limits of size and time. Knows nothing of registries, logins or redirects.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import * as http from 'node:http'
import * as https from 'node:https'
import { getCACertificates } from 'node:tls'
import type { Secret } from '../domain/secret.ts'

export interface Answer {
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The body was longer than the limit; `body` holds its beginning. */
  readonly cut: boolean
}

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Body of a POST, in the form of `application/x-www-form-urlencoded`. */
  readonly form?: Secret
  /** Bytes of body that are read at most. */
  readonly limit: number
}

/** Sends requests over connections that it keeps until it is closed: as long as one question to a registry takes. */
export interface Wire {
  /** @throws the bare error of the socket, TLS or the signal's AbortError */
  send(request: Request): Promise<Answer>
  close(): void
}

/** @param trustedCa PEM certificates trusted besides the usual ones */
export function openWire(signal: AbortSignal, trustedCa?: string): Wire {
  let plain: http.Agent | undefined
  let secure: https.Agent | undefined
  const agentFor = (url: URL) => {
    if (url.protocol === 'http:') {
      plain ??= new http.Agent({ keepAlive: true })
      return plain
    }
    secure ??= new https.Agent({
      keepAlive: true,
      ...(trustedCa !== undefined && { ca: [...getCACertificates('default'), trustedCa] }),
    })
    return secure
  }

  async function send(request: Request, mayRetry: boolean): Promise<Answer> {
    signal.throwIfAborted()
    const form = request.form?.reveal()
    const { request: open } = request.url.protocol === 'http:' ? http : https
    const outgoing = open(request.url, {
      method: request.method,
      headers: { 'user-agent': 'fairlead', ...request.headers, ...(form !== undefined && formHeaders(form)) },
      agent: agentFor(request.url),
      signal,
    })
    try {
      const incoming = await answerTo(outgoing, form)
      const { body, cut } = await readBody(incoming, request.limit)
      return { url: request.url, status: incoming.statusCode ?? 0, headers: incoming.headers, body, cut }
    } catch (error) {
      // A server may close a kept connection just when it is used again: that says nothing about the server.
      const stale = outgoing.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
      if (stale && mayRetry) return send(request, false)
      throw error
    }
  }

  return {
    send: request => send(request, true),
    close() {
      plain?.destroy()
      secure?.destroy()
    },
  }
}

function formHeaders(form: string): Record<string, string> {
  return {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(Buffer.byteLength(form)),
  }
}

function answerTo(outgoing: http.ClientRequest, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function readBody(incoming: IncomingMessage, limit: number): Promise<{ body: Buffer; cut: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > limit) return { body: Buffer.concat(chunks).subarray(0, limit), cut: true }
  }
  return { body: Buffer.concat(chunks), cut: false }
}
