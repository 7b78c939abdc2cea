// Reads text from a stream: one line, leaving the rest in it so that somebody else can go on reading, or all of it.
// Bytes that are not UTF-8 are refused: with a mark in their place they would be stored as something else.
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { Problem } from '../domain/problem.ts'

const NEWLINE = 0x0a

/**
 * @returns the line without its end; null when the stream ends first
 * @throws Problem `usage` when the line is longer than `max` bytes or no UTF-8
 */
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
    if (size > max) throw tooLong(max)
    if (end === -1) {
      chunks.push(chunk)
      continue
    }
    chunks.push(chunk.subarray(0, end))
    if (end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1))
    return decode(chunks)
  }
}

/** Everything up to the end. @throws Problem `usage` when it is more than `max` bytes or no UTF-8 */
export async function wholeText(stream: Readable, max: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += (chunk as Buffer).length
    if (size > max) throw tooLong(max)
    chunks.push(chunk as Buffer)
  }
  return decode(chunks)
}

function decode(chunks: readonly Buffer[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new Problem('usage', {
      headline: 'Standard input is not UTF-8 text',
      hint: 'Write it in UTF-8; store bytes that are not text as base64.',
    })
  }
}

function tooLong(max: number): Problem {
  return new Problem('usage', {
    headline: `Standard input is longer than ${max} bytes, the most that is read here`,
    hint: 'Send less at once; a whole config may have 512 KiB.',
  })
}
