// What an engine says, and through it whatever registry an app has named: made fit to be read by patterns, some of
// which take time by the square of the length, and to be shown, where it may not steer a terminal.
import { printable } from '../domain/printable.ts'

/** Characters, at the beginning and at the end: what failed stands in front, exit codes stand last. */
const KEPT = 2000

export function fitWords(words: string): string {
  const gap = words.length - 2 * KEPT
  const kept = gap > 0 ? `${words.slice(0, KEPT)} (${gap} more) ${words.slice(-KEPT)}` : words
  return kept
    .split('\n')
    .map(line => printable(line, Number.POSITIVE_INFINITY))
    .join('\n')
}
