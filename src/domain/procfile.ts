// The Procfile: which processes the app has. A file with one bad line is refused as a whole, since half an app is
// worse than the app that ran before.
import { printable } from './printable.ts'
import { Problem } from './problem.ts'
import type { Process } from './release.ts'
import { decodeTextFile } from './text-file.ts'

const MAX_BYTES = 64 * 1024
const MAX_PROCESSES = 50
const MAX_NAME = 40
const MAX_SHOWN = 10

const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const CONFLICT = /^(?:<{7}|\|{7}|={7}|>{7})(?: |$)/
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/

/** Whether a line of a Procfile may begin with it. */
export function isProcessName(name: string): boolean {
  return name.length <= MAX_NAME && NAME.test(name)
}

interface BadLine {
  readonly line: number
  readonly text: string
  readonly reason: string
  readonly hint: string
}

/**
 * Lines are `name: command`, in the order of the file. Empty lines and lines that begin with `#` or `//` are skipped;
 * anywhere else both belong to the command. Blanks around name and command, CRLF and a byte order mark are ignored.
 * @throws Problem `procfile-invalid` with the line
 */
export function parseProcfile(content: Uint8Array): Process[] {
  const text = decodeTextFile(content, { file: 'Procfile', maxBytes: MAX_BYTES, code: 'procfile-invalid' })
  const processes: Process[] = []
  const lines = new Map<string, number>()
  const bad: BadLine[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1
    const read = readLine(raw.endsWith('\r') ? raw.slice(0, -1) : raw, lines)
    if (read === null) continue
    if ('reason' in read) {
      bad.push({ line, text: raw, ...read })
      continue
    }
    lines.set(read.name, line)
    processes.push(read)
    if (processes.length === MAX_PROCESSES + 1) bad.push({ line, text: raw, ...tooMany })
  }
  if (bad[0] !== undefined) throw invalid(bad[0], bad)
  if (processes.length === 0) {
    throw new Problem('procfile-invalid', {
      headline: 'Procfile:1: no line of the file defines a process',
      hint: "Add a line such as `web: bundle exec rails s`, or delete the Procfile to run the image's own command.",
    })
  }
  return processes
}

type Reason = Pick<BadLine, 'reason' | 'hint'>

const tooMany: Reason = {
  reason: `the app has more than ${MAX_PROCESSES} processes`,
  hint: `Keep to ${MAX_PROCESSES} processes, or split the app.`,
}

/** @param seen lines by the names that were defined before */
function readLine(raw: string, seen: ReadonlyMap<string, number>): Process | Reason | null {
  const text = trimBlanks(raw)
  if (text === '' || text.startsWith('#') || text.startsWith('//')) return null
  if (CONFLICT.test(raw)) {
    return {
      reason: 'a merge conflict was committed',
      hint: 'Resolve the conflict: keep the lines you want, delete the `<<<<<<<`, `=======` and `>>>>>>>` lines, commit.',
    }
  }
  if (CONTROL.test(text)) {
    return {
      reason: 'the line holds a control character',
      hint: 'Type the line again: it may hold letters, blanks and tabs, but no escape or other invisible character.',
    }
  }
  const colon = text.indexOf(':')
  if (colon === -1) {
    return {
      reason: 'the line has no colon',
      hint: 'Write it as `name: command`, or begin a comment with `#`.',
    }
  }
  const name = trimBlanks(text.slice(0, colon))
  const command = trimBlanks(text.slice(colon + 1))
  const first = seen.get(name)
  if (!isProcessName(name)) return badName(name)
  if (first !== undefined) {
    return { reason: `${name} is defined on line ${first} already`, hint: 'Give every process its own name.' }
  }
  if (command === '') {
    return { reason: `${name} has no command`, hint: `Write the command behind it: \`${name}: command\`.` }
  }
  return { name, command }
}

function badName(name: string): Reason {
  const shown = JSON.stringify(printable(name, 60))
  const suggestion = name.toLowerCase().replaceAll('_', '-')
  const fits = suggestion !== name && suggestion.length <= MAX_NAME && NAME.test(suggestion)
  return {
    reason: `${shown} cannot be the name of a process, since it becomes part of a container's name`,
    hint: fits
      ? `Call it \`${suggestion}\`: 1 to ${MAX_NAME} of a-z, 0-9 and '-'.`
      : `Use 1 to ${MAX_NAME} of a-z, 0-9 and '-', beginning and ending with a letter or digit.`,
  }
}

function invalid(first: BadLine, bad: readonly BadLine[]): Problem {
  const others = bad.slice(1, MAX_SHOWN).map(b => `Procfile:${b.line}: ${b.reason}: ${printable(b.text)}`)
  const hidden = bad.length - 1 - others.length
  const more = hidden > 0 ? [`and ${hidden} more`] : []
  return new Problem('procfile-invalid', {
    headline: `Procfile:${first.line}: ${first.reason}`,
    saw: [printable(first.text), ...others, ...more].join('\n'),
    hint: first.hint,
  })
}

/** Not `trim`: it takes invisible characters along that we want to see and refuse. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charAt(start))) start += 1
  while (end > start && isBlank(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}

const isBlank = (char: string) => char === ' ' || char === '\t'
