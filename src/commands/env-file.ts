// `config:set --env-file`: variables in the format of dotenv. The parser of dotenv leaves out what it cannot read and
// cuts a value at a `#`; here every entry is cut out first, so that nothing is dropped without a word.
import { parse } from 'dotenv'
import { nameFault } from '../domain/config.ts'
import { Problem } from '../domain/problem.ts'
import { Secret } from '../domain/secret.ts'

const MAX_LENGTH = 1024 * 1024
const MAX_SHOWN = 10

/** Name, and what stands behind `=` (or, as dotenv also allows, behind `: `). */
const ENTRY = /^[ \t]*(?:export[ \t]+)?([\w.-]+)(?:[ \t]*=|:(?=[ \t]))(.*)$/s
const NOTHING = /^[ \t]*(?:#.*)?$/

interface Fault {
  readonly line: number
  readonly reason: string
}

/**
 * `KEY=value` lines; values may be quoted with ', " or `, and then span lines. Comments and empty lines are skipped.
 * @throws Problem `config-invalid` that names every line that cannot be read, and shows none of them
 */
export function parseEnvFile(text: string): Map<string, Secret> {
  if (text.length > MAX_LENGTH) throw tooLong(text.length)
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)
  const variables = new Map<string, Secret>()
  const faults: Fault[] = []
  for (let at = 0; at < lines.length; ) {
    const entry = readEntry(lines, at)
    const first = at + 1
    at = entry.end
    if (entry.kind === 'nothing') continue
    if (entry.kind === 'fault') faults.push({ line: first, reason: entry.reason })
    else if (variables.has(entry.name))
      faults.push({ line: first, reason: `${entry.name} is set a second time` })
    else variables.set(entry.name, entry.value)
  }
  if (faults.length > 0) throw unreadable(faults)
  return variables
}

/** `end` is the index of the first line behind the entry. */
type Entry = { readonly end: number } & (
  | { readonly kind: 'nothing' }
  | { readonly kind: 'fault'; readonly reason: string }
  | { readonly kind: 'variable'; readonly name: string; readonly value: Secret }
)

function readEntry(lines: readonly string[], start: number): Entry {
  const line = lines[start] ?? ''
  const end = start + 1
  if (NOTHING.test(line)) return { kind: 'nothing', end }
  const match = ENTRY.exec(line)
  if (match === null) return { kind: 'fault', reason: 'the line is not KEY=value', end }
  const [, name = '', rest = ''] = match
  const fault = nameFault(name)
  if (fault !== null) return { kind: 'fault', reason: `the name ${fault}`, end }

  const quote = /^[ \t]*(['"`])/.exec(rest)?.[1]
  if (quote === undefined) {
    // dotenv would take the `#` of `PASSWORD=a#b` for a comment.
    if (/[^ \t]#/.test(rest)) {
      return { kind: 'fault', reason: "put quotes around a value that holds a '#'", end }
    }
    return variable(name, line, end)
  }
  const last = closingLine(lines, start, rest, quote)
  if (last === null) return { kind: 'fault', reason: `the ${quote} is never closed, or text follows it`, end }
  return variable(name, lines.slice(start, last + 1).join('\n'), last + 1)
}

function variable(name: string, entry: string, end: number): Entry {
  const parsed = parse(entry)
  // Own names only: an entry for `__proto__` leaves nothing of its own behind.
  const value = Object.hasOwn(parsed, name) ? parsed[name] : undefined
  if (value === undefined) return { kind: 'fault', reason: 'the line cannot be read', end }
  return { kind: 'variable', name, value: new Secret(value), end }
}

/** Index of the line in which the quote that `rest` begins with is closed; null when it is not, or not cleanly. */
function closingLine(lines: readonly string[], start: number, rest: string, quote: string): number | null {
  let from = rest.indexOf(quote) + 1
  for (let at = start, text = rest; at < lines.length; at += 1, text = lines[at] ?? '', from = 0) {
    let close = text.indexOf(quote, from)
    while (close > 0 && text.charAt(close - 1) === '\\') close = text.indexOf(quote, close + 1)
    if (close !== -1) return NOTHING.test(text.slice(close + 1)) ? at : null
  }
  return null
}

function unreadable(faults: readonly Fault[]): Problem {
  const shown = faults.slice(0, MAX_SHOWN).map(fault => `line ${fault.line}: ${fault.reason}`)
  const hidden = faults.length - shown.length
  return new Problem('config-invalid', {
    headline: `The env file has ${faults.length === 1 ? 'a line' : `${faults.length} lines`} that cannot be read; nothing was set`,
    saw: [...shown, ...(hidden > 0 ? [`and ${hidden} more`] : [])].join('\n'),
    hint: 'Write KEY=value, begin comments with #, and close every quote. Names are A-Z, a-z, 0-9 and _.',
  })
}

function tooLong(length: number): Problem {
  return new Problem('config-invalid', {
    headline: 'The env file is too large',
    saw: `${length} characters, ${length - MAX_LENGTH} more than the ${MAX_LENGTH} that are read`,
    hint: 'Leave out what is no variable; a whole config may have 512 KiB.',
  })
}
