// Requests whose answer is read as it comes. The client library reads the rest into memory before it hands it
// over, and never settles when the engine breaks off in the middle of such an answer.
import type { IncomingMessage } from 'node:http'
import type Docker from 'dockerode'
import type { AuthConfig } from '../auth-config.ts'

export interface StreamRequest {
  readonly method: 'GET' | 'POST'
  /** Path without version and query; every part of it checked by the caller. */
  readonly path: string
  readonly query: Readonly<Record<string, string | number | boolean>>
  /** Content of X-Registry-Auth; an empty one logs in as nobody. */
  readonly auth?: AuthConfig | Record<string, never>
}

/** Resolves when the engine has sent its headers with status 200. The caller reads or destroys what it gets. */
export function openStream(
  docker: Docker,
  request: StreamRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const dial = {
    path: `${request.path}?`,
    method: request.method,
    options: { _query: { ...request.query }, _body: {} },
    // The library writes it in the alphabet of base64 for URLs, the only one that the engine reads.
    ...(request.auth !== undefined && { authconfig: request.auth }),
    abortSignal: signal,
    isStream: true,
    statusCodes: { 200: true },
  }
  return new Promise((resolve, reject) => {
    docker.modem.dial(dial as never, (error: unknown, answer: unknown) => {
      if (error) reject(error)
      else resolve(answer as IncomingMessage)
    })
  })
}
