// A Dockerfile as a list of instructions. The engine's builders do not all read one alike: what a line ends with, or
// whether a comment is a directive, depends on their age. A base image that one of them sees and we do not would be
// used without the registry being asked, so whatever they read differently is refused instead of guessed at.
import { refuseDockerfile } from './dockerfile-refusal.ts'
import { heredocNames, skipHeredoc } from './heredoc.ts'

export interface Instruction {
  /** Counts from 1: where the instruction begins. */
  readonly line: number
  /** In capitals. */
  readonly keyword: string
  /** Everything behind it, continuation lines joined, without the text of here-documents. */
  readonly args: string
}

export interface Directive {
  readonly line: number
  readonly value: string
}

export interface DockerfileLines {
  readonly directives: ReadonlyMap<string, Directive>
  readonly instructions: readonly Instruction[]
  /** Line of the first here-document, which the classic builder does not know; null when there is none. */
  readonly heredocLine: number | null
}

const DIRECTIVE = /^(\s*)#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=(.*)$/
const KNOWN = ['syntax', 'escape', 'check']
const MAX_LINES = 20_000
/** Control characters, a carriage return that ends no line, and indents that only some builders take for blanks. */
const INVISIBLE =
  /[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f\u0085\u2028\u2029\ufeff]|\r(?!\n)|^[ \t]*[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/m
const COMMENT = /^\s*#/
const KEYWORDS = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
)

/** @throws Problem `dockerfile-invalid` */
export function readLines(text: string): DockerfileLines {
  const lines = text.split(/\r?\n/)
  if (lines.length > MAX_LINES) {
    const saw = `${lines.length} lines; at most ${MAX_LINES} are read`
    throw refuseDockerfile(MAX_LINES + 1, 'the file has too many lines', saw, 'Make it shorter.')
  }
  refuseInvisible(text, lines)
  const directives = readDirectives(lines)
  const escapeChar = escapeCharacter(directives.get('escape'))

  const instructions: Instruction[] = []
  let heredocLine: number | null = null
  let at = 0
  while (at < lines.length) {
    const first = lines[at] ?? ''
    if (first.trim() === '' || COMMENT.test(first)) {
      at += 1
      continue
    }
    const joined = joinContinuations(lines, at, escapeChar)
    const instruction = readInstruction(joined.text, at + 1)
    instructions.push(instruction)
    at = joined.end
    for (const heredoc of heredocNames(instruction, escapeChar)) {
      heredocLine ??= instruction.line
      at = skipHeredoc(lines, at, heredoc, instruction.line)
    }
  }
  return { directives, instructions, heredocLine }
}

/** To a builder, a form feed parts words and a lone carriage return does not end a line; few readers would agree. */
function refuseInvisible(text: string, lines: readonly string[]): void {
  const found = INVISIBLE.exec(text)
  if (found === null) return
  const line = text.slice(0, found.index).split('\n').length
  throw refuseDockerfile(
    line,
    'there is an invisible character in the line',
    lines[line - 1] ?? '',
    'Remove it: a line may hold text, blanks and tabs. Where a command needs it, let printf make it (printf "\\033").',
  )
}

/** Directives are the comments from the first line on that read `# key=value`, up to the first that does not. */
function readDirectives(lines: readonly string[]): Map<string, Directive> {
  const directives = new Map<string, Directive>()
  let doubtful = lines[0]?.startsWith('#!') === true
  for (const [index, text] of lines.entries()) {
    if (index === 0 && doubtful) continue
    const match = DIRECTIVE.exec(text)
    if (match === null) break
    const [, indent = '', key = '', value = ''] = match
    const name = key.toLowerCase()
    if (!KNOWN.includes(name)) {
      doubtful = true
    } else if (doubtful || indent !== '' || directives.has(name)) {
      throw refuseDockerfile(
        index + 1,
        'some builders take this line for a directive, others for a comment',
        text,
        'Put directives (# syntax=, # escape=, # check=) on the first lines, not indented, each once; or delete the line.',
      )
    } else {
      directives.set(name, { line: index + 1, value: value.trim() })
    }
  }
  return directives
}

function escapeCharacter(directive: Directive | undefined): string {
  if (directive === undefined) return '\\'
  if (directive.value === '\\' || directive.value === '`') return directive.value
  const hint = 'Write `# escape=\\` or `# escape=` with a backquote.'
  throw refuseDockerfile(directive.line, 'this cannot be the escape character', directive.value, hint)
}

/** Comments and empty lines between continued lines belong to nothing. `end` is the index behind the last line. */
function joinContinuations(
  lines: readonly string[],
  start: number,
  escapeChar: string,
): { text: string; end: number } {
  const parts: string[] = []
  for (let at = start; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    if (at > start && (line.trim() === '' || COMMENT.test(line))) continue
    const end = withoutTrailingBlanks(line)
    if (!end.endsWith(escapeChar)) return { text: [...parts, line].join(''), end: at + 1 }
    if (end.endsWith(escapeChar + escapeChar)) {
      throw refuseDockerfile(
        at + 1,
        `to some builders this line goes on below, to others the two ${escapeChar} are text`,
        line,
        `End the line with one ${escapeChar} to continue it, or with something else.`,
      )
    }
    parts.push(end.slice(0, -1))
  }
  return { text: parts.join(''), end: lines.length }
}

/** By hand: a regular expression for it takes a second for a line of 64 KiB of blanks. */
function withoutTrailingBlanks(line: string): string {
  let end = line.length
  while (end > 0 && (line.charAt(end - 1) === ' ' || line.charAt(end - 1) === '\t')) end -= 1
  return line.slice(0, end)
}

/** @throws Problem when there is no such keyword */
export function readInstruction(text: string, line: number): Instruction {
  const trimmed = text.trim()
  const blank = trimmed.search(/\s/)
  const keyword = (blank === -1 ? trimmed : trimmed.slice(0, blank)).toUpperCase()
  if (!KEYWORDS.has(keyword)) {
    throw refuseDockerfile(
      line,
      'the line begins with no instruction',
      trimmed,
      'Check the spelling, or end the line above with a backslash if this one continues it.',
    )
  }
  return { line, keyword, args: blank === -1 ? '' : trimmed.slice(blank).trim() }
}
