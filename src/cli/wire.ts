// How words travel through ssh: in the command it executes, or as the first line of its standard input.
import { quoteWord } from '../domain/words.ts'

export interface Parcel {
  /** The last argument of ssh. */
  readonly command: string
  /** Goes before the command's own standard input; null when the words are all in `command`. */
  readonly preamble: string | null
}

/** UTF-8 bytes. The front door closes connections with exec strings of 32 KiB. */
const LONGEST_COMMAND = 8 * 1024

/**
 * Anybody on this machine may read the arguments of ssh, so that words which set something (`NAME=value`) or have a
 * query (`https://…?…`, which may sign an address) go by standard input, as do words that are too long for an exec
 * string: `words-on-stdin`, then one line of JSON.
 */
export function pack(words: readonly string[]): Parcel {
  const command = words.map(quoteWord).join(' ')
  if (!words.some(word => /[=?]/.test(word)) && Buffer.byteLength(command) <= LONGEST_COMMAND) {
    return { command, preamble: null }
  }
  return { command: 'words-on-stdin', preamble: `${JSON.stringify(words)}\n` }
}
