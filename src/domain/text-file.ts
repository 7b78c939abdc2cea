// The bytes of a file in a commit, as text: UTF-8 or refused, with the line that is to blame.
import { Problem, type ProblemCode } from './problem.ts'

export interface TextFile {
  /** Name for messages: `Procfile`. */
  readonly file: string
  readonly maxBytes: number
  /** Code of the Problem that is thrown. */
  readonly code: ProblemCode
}

const LINE_FEED = 0x0a

/** @throws Problem of the given code when too large, not UTF-8, or with a NUL inside. A byte order mark is dropped. */
export function decodeTextFile(content: Uint8Array, { file, maxBytes, code }: TextFile): string {
  if (content.length > maxBytes) {
    throw new Problem(code, {
      headline: `${file} is too large`,
      saw: `${content.length} bytes, ${content.length - maxBytes} more than the ${maxBytes} that are read`,
      hint: `Make ${file} shorter, commit and push again.`,
    })
  }
  const nul = content.indexOf(0)
  if (nul !== -1) {
    throw new Problem(code, {
      headline: `${file}:${lineAt(content, nul)}: there is a NUL byte in the line`,
      hint: `Save ${file} as plain UTF-8 text (an editor that writes UTF-16 puts a NUL behind every letter).`,
    })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch (cause) {
    throw new Problem(code, {
      headline: `${file}:${firstBadLine(content)}: the line is not UTF-8`,
      hint: `Save ${file} as plain UTF-8 text, commit and push again.`,
      cause,
    })
  }
}

/** Counts from 1. */
function lineAt(content: Uint8Array, position: number): number {
  let line = 1
  for (
    let at = content.indexOf(LINE_FEED);
    at !== -1 && at < position;
    at = content.indexOf(LINE_FEED, at + 1)
  ) {
    line += 1
  }
  return line
}

/** A line feed is never part of a longer UTF-8 sequence, so lines can be judged one by one. */
function firstBadLine(content: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (let line = 1, start = 0; ; line += 1) {
    const feed = content.indexOf(LINE_FEED, start)
    try {
      decoder.decode(content.subarray(start, feed === -1 ? content.length : feed))
    } catch {
      return line
    }
    if (feed === -1) return line
    start = feed + 1
  }
}
