// Text of strangers on its way to a terminal: nothing in it may move the cursor, change colours or reorder what is read.

/**
 * One line that is safe to print: control, formatting and line-separating characters become `\u{1b}`, and what is
 * longer than `max` UTF-16 units ends in `…`.
 */
export function printable(text: string, max = 120): string {
  const kept = text.length > max ? `${text.slice(0, max - 1)}…` : text
  return kept.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, char =>
    char === '\t' ? '\\t' : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/** Colours and other terminal commands (CSI, OSC), which mean nothing in a kept transcript. */
const TERMINAL = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g

/**
 * A line of a program's output as a terminal would show it in the end: without colours, and of a line that overwrote
 * itself the last state. Of any length.
 */
export function plainLine(line: string): string {
  const plain = line.replace(TERMINAL, '').replace(/\r+$/, '')
  return printable(
    plain.slice(plain.lastIndexOf('\r') + 1).replaceAll('\t', '    '),
    Number.POSITIVE_INFINITY,
  )
}
