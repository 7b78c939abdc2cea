// Reads the engine's streams of JSON lines (pull, build, wait). The client library's own reader corrupts
// characters that lie across two chunks, dies of a line that is no JSON, and takes a cut stream for its end.
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { Problem } from '../domain/problem.ts'
import { readChunks } from './chunks.ts'

/** Characters. The engine's own lines are below a few thousand. */
const LONGEST_LINE = 1024 * 1024

/**
 * Yields the value of every line. Blank lines are passed over. The stream is destroyed when the reader stops early.
 * What the lines mean, `{"error": …}` too, is for the caller to say.
 * @throws Problem `engine-unreachable` when the stream is cut before its end
 * @throws Problem `engine-failed` for a line that is no JSON or longer than 1 MiB
 * @throws signal.reason when aborted
 */
export async function* readNdjson(stream: Readable, signal: AbortSignal): AsyncGenerator<unknown> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of readChunks(stream, signal)) {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield* parse(line)
    if (rest.length > LONGEST_LINE) throw unreadable('a line of more than 1 MiB')
  }
  yield* parse(rest + decoder.end())
}

function* parse(line: string): Generator<unknown> {
  if (line.length > LONGEST_LINE) throw unreadable('a line of more than 1 MiB')
  if (line.trim() === '') return
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw unreadable(JSON.stringify(line.slice(0, 200)), error)
  }
  yield value
}

function unreadable(saw: string, cause?: unknown): Problem {
  return new Problem('engine-failed', {
    headline: 'The Docker engine sent an answer that cannot be read',
    saw,
    hint: 'Something between the gateway and the engine may garble it. Ask the operator of the gateway to look.',
    cause,
  })
}
