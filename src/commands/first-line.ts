// Reads from a stream: one line, leaving the rest in it so that somebody else can go on reading, or all of it. As text,
// bytes that are not UTF-8 are refused: with a mark in their place they would be stored as something else.
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { Problem } from '../domain/problem.ts'

const NEWLINE = 0x0a

/**
 * @returns the line without its end; null when the stream ends first
 * @throws Problem `usage` when the line is longer than `max` bytes or no UTF-8
 */
export async function firstLine(stream: Readable, max: number, signal: AbortSignal): Promise<string | null> {
  const line = createGathering(max)
  for (;;) {
    signal.throwIfAborted()
    const chunk: Buffer | null = stream.read()
    if (chunk === null) {
      if (stream.readableEnded || stream.destroyed) return null
      await readableOrEnd(stream, signal)
      continue
    }
    const end = chunk.indexOf(NEWLINE)
    line.add(end === -1 ? chunk : chunk.subarray(0, end))
    if (end === -1) continue
    if (end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1))
    return decode(line.bytes())
  }
}

/** Everything up to the end. @throws Problem `usage` when it is more than `max` bytes or no UTF-8 */
export async function wholeText(stream: Readable, max: number): Promise<string> {
  return decode(await wholeBytes(stream, max))
}

/** Everything up to the end, text or not. @throws Problem `usage` when it is more than `max` bytes */
export async function wholeBytes(stream: Readable, max: number): Promise<Buffer> {
  const all = createGathering(max)
  for await (const chunk of stream) all.add(chunk as Buffer)
  return all.bytes()
}

/** Leaves no listener behind, whichever comes first: a sender of single bytes makes this happen for every one. */
async function readableOrEnd(stream: Readable, signal: AbortSignal): Promise<void> {
  const round = new AbortController()
  const either = { signal: AbortSignal.any([signal, round.signal]) }
  try {
    await Promise.race([once(stream, 'readable', either), once(stream, 'end', either)])
  } finally {
    round.abort()
  }
}

/** One buffer that doubles: millions of one-byte chunks, each with its own object, would take a hundred times as much. */
function createGathering(max: number) {
  let buffer = Buffer.alloc(Math.min(max, 4096))
  let size = 0
  return {
    /** @throws Problem `usage` when it is more than `max` bytes together */
    add(chunk: Buffer): void {
      const needed = size + chunk.length
      if (needed > max) throw tooLong(max)
      if (needed > buffer.length) {
        const larger = Buffer.alloc(Math.min(max, Math.max(needed, 2 * buffer.length)))
        buffer.copy(larger, 0, 0, size)
        buffer = larger
      }
      size += chunk.copy(buffer, size)
    },
    bytes: () => buffer.subarray(0, size),
  }
}

/** @throws Problem `usage` when it is no UTF-8 */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
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
    hint: 'Send less at once; a whole config may have 512 KiB, a file of credentials 1 MiB.',
  })
}
