// Reads an engine's answer piece by piece, and tells its end from a cut.
import { addAbortSignal, type Readable } from 'node:stream'
import { Problem } from '../domain/problem.ts'

/**
 * The stream is destroyed when the reader stops early.
 * @throws Problem `engine-unreachable` when the stream is cut before its end
 * @throws signal.reason when aborted
 */
export async function* readChunks(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  // Listens for 'error' from here on, also between two reads, where one that nobody hears would end the process.
  addAbortSignal(signal, stream)
  try {
    for await (const chunk of stream) yield Buffer.from(chunk)
  } catch (error) {
    signal.throwIfAborted()
    throw new Problem('engine-unreachable', {
      headline: 'The Docker engine broke off in the middle of its answer',
      saw: error instanceof Error ? error.message : String(error),
      hint: 'The engine may have been restarted. Try again; if it happens again, ask the operator of the gateway.',
      cause: error,
    })
  }
}
