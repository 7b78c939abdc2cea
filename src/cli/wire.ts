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
 * string: `words-on-stdin`, then one line of JSON. Not where standard input is a terminal, which has to stay one.
 */
export function pack(words: readonly string[], terminal = false): Parcel {
  const command = words.map(quoteWord).join(' ')
  const fits = Buffer.byteLength(command) <= LONGEST_COMMAND
  if (fits && (terminal || !words.some(word => /[=?]/.test(word)))) {
    return { command, preamble: null }
  }
  return { command: 'words-on-stdin', preamble: `${JSON.stringify(words)}\n` }
}
