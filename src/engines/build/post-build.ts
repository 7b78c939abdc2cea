// POST /build: sends the context, hands back the engine's stream of progress.
import type { IncomingMessage } from 'node:http'
import { addAbortSignal, PassThrough, pipeline, type Readable } from 'node:stream'
import type Docker from 'dockerode'

export interface BuildCall {
  /** Parameters of the URL. */
  readonly query: Readonly<Record<string, unknown>>
  /** Value of X-Registry-Config. */
  readonly registryConfig?: string
  /** Uncompressed tar. */
  readonly context: () => Readable
}

/**
 * The answer begins while the context is still being sent. Aborting the signal cuts the connection, on which the
 * engine ends the build, and destroys the context.
 * @param contextFailed called when the context broke off by itself
 */
export async function postBuild(
  docker: Docker,
  call: BuildCall,
  contextFailed: (error: Error) => void,
  signal: AbortSignal,
): Promise<Readable> {
  signal.throwIfAborted()
  const upload = addAbortSignal(signal, new PassThrough())
  pipeline(call.context(), upload, error => {
    if (error && !signal.aborted) contextFailed(error)
  })
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        method: 'POST',
        path: '/build?',
        options: { _query: call.query },
        file: upload,
        ...(call.registryConfig !== undefined && { registryconfig: { base64: call.registryConfig } }),
        isStream: true,
        statusCodes: { 200: true },
        abortSignal: signal,
      },
      (error: Error | null, answer: unknown) => {
        if (error) return reject(error)
        const stream = answer as IncomingMessage
        // A cut connection speaks up even when nobody reads any more, and would end the process.
        stream.on('error', () => {})
        resolve(stream)
      },
    )
  })
}
