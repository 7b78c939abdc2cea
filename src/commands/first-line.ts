// Reads one line from a stream and leaves the rest in it, so that somebody else can go on reading.
import { once } from 'node:events'
import type { Readable } from 'node:stream'

const NEWLINE = 0x0a

/** @returns the line without its end; null when the stream ends first or the line is longer than `max` bytes */
export async function firstLine(stream: Readable, max: number, signal: AbortSignal): Promise<string | null> {
  const chunks: Buffer[] = []
  let size = 0
  for (;;) {
    signal.throwIfAborted()
    const chunk: Buffer | null = stream.read()
    if (chunk === null) {
      if (stream.readableEnded || stream.destroyed) return null
      await Promise.race([once(stream, 'readable', { signal }), once(stream, 'end', { signal })])
      continue
    }
    const end = chunk.indexOf(NEWLINE)
    size += end === -1 ? chunk.length : end
    if (size > max) return null
    if (end === -1) {
      chunks.push(chunk)
      continue
    }
    chunks.push(chunk.subarray(0, end))
    if (end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1))
    return Buffer.concat(chunks).toString('utf8')
  }
}

/** Everything up to the end, as UTF-8 text; null when it is more than `max` bytes. */
export async function wholeText(stream: Readable, max: number): Promise<string | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += (chunk as Buffer).length
    if (size > max) return null
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}
