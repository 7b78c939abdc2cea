// Here-documents of RUN, COPY and ADD: text that is no instruction, up to a line that holds only the name.
import type { Instruction } from './dockerfile-lines.ts'
import { refuseDockerfile } from './dockerfile-refusal.ts'

export interface Heredoc {
  readonly name: string
  /** `<<-`: tabs before the closing name are ignored. */
  readonly tabs: boolean
}

const WORD = /\d*<<(-?)(?:([A-Za-z_]\w*)|"([A-Za-z_]\w*)"|'([A-Za-z_]\w*)')(?=[ \t]|$)/y
/** `<<` with something behind it; `<<<` and a bare `<<` are the shell's business. */
const LOOKS_LIKE = /\d*<<-?[^<\s]/y

/** @throws Problem for what might open a here-document to one builder and not to another */
export function heredocNames({ keyword, args, line }: Instruction, escapeChar: string): Heredoc[] {
  const carrier = keyword === 'ONBUILD' ? (args.split(/\s/, 1)[0] ?? '').toUpperCase() : keyword
  if (!['RUN', 'COPY', 'ADD'].includes(carrier) || !/<<-?[^<\s]/.test(args)) return []
  const found: Heredoc[] = []
  let quote = ''
  for (let at = 0; at < args.length; at += 1) {
    const char = args.charAt(at)
    if (char === escapeChar && quote !== "'") {
      at += 1
    } else if (quote !== '') {
      if (char === quote) quote = ''
    } else if (at === 0 || /\s/.test(args.charAt(at - 1))) {
      WORD.lastIndex = at
      LOOKS_LIKE.lastIndex = at
      const match = WORD.exec(args)
      if (match !== null) {
        found.push({ tabs: match[1] === '-', name: match[2] ?? match[3] ?? match[4] ?? '' })
        at = WORD.lastIndex - 1
      } else if (LOOKS_LIKE.test(args)) {
        throw doubtful(line, args)
      } else if (char === "'" || char === '"') quote = char
    } else if (char === "'" || char === '"') quote = char
  }
  // What a builder makes of a quote left open, or of blanks inside ${…}, decides where its words begin.
  if (quote !== '' || (found.length > 0 && args.includes('${'))) throw doubtful(line, args)
  return found
}

/** @returns index of the line behind the here-document that begins at `start` */
export function skipHeredoc(lines: readonly string[], start: number, heredoc: Heredoc, line: number): number {
  for (let at = start; at < lines.length; at += 1) {
    const text = lines[at] ?? ''
    if ((heredoc.tabs ? text.replace(/^\t+/, '') : text) === heredoc.name) return at + 1
  }
  const hint = `Close it with a line that holds only ${heredoc.name}.`
  throw refuseDockerfile(line, `the here-document ${heredoc.name} is never closed`, `<<${heredoc.name}`, hint)
}

function doubtful(line: number, args: string) {
  return refuseDockerfile(
    line,
    'builders do not agree on whether a here-document begins here',
    args,
    'Name it with letters only, close every quote before it and use no braces after a $ on the line; or put the script into a file.',
  )
}
