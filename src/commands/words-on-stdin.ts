// The other way for words to arrive: a JSON array on the first line of standard input. The CLI takes it for words
// that hold values, since an argument list can be read by everybody on the user's machine (`ps`) and an exec
// string ends at 32 KiB.
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { Problem } from '../domain/problem.ts'
import { firstLine } from './first-line.ts'

/** Room for the largest config (512 KiB) after JSON's escapes. */
const MAX_LINE = 4 * 1024 * 1024
const Words = z.array(z.string()).max(5000)

/** @throws Problem `usage`; what follows the line stays in the stream */
export async function wordsFromStdin(stdin: Readable, signal: AbortSignal): Promise<string[]> {
  const line = await firstLine(stdin, MAX_LINE, signal)
  try {
    return Words.parse(JSON.parse(line ?? ''))
  } catch {
    // The cause is left out on purpose: it would quote the line, and the line holds secrets.
    throw new Problem('usage', {
      headline: '`words-on-stdin` wants a JSON array of words on the first line of standard input',
      hint: 'Use the fairlead CLI, or write the words into the command itself.',
    })
  }
}
