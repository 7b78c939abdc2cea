// Where a text stops being JSON, said without repeating any of it: JSON.parse quotes what it stumbled over, which
// may be a password, and does not always say where that was.

export interface JsonFault {
  /** From 1. */
  readonly line: number
  /** From 1, in characters. */
  readonly column: number
  /** What is wrong there, a sentence without full stop that holds nothing of the text. */
  readonly what: string
}

/** What may come next. `first…` also allows the closing bracket. */
type Expected = 'value' | 'firstValue' | 'key' | 'firstKey' | 'colon' | 'comma' | 'end'

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const LITERAL = /true|false|null/y
const HEX = /[0-9a-fA-F]{4}/y
const WHAT: Record<Expected, string> = {
  value: 'a value should stand there: text in double quotes, a number, an object or a list',
  firstValue: "a value or the closing ']' should stand there",
  key: 'a name in double quotes should stand there, as behind every comma in an object',
  firstKey: "a name in double quotes or the closing '}' should stand there",
  colon: "a ':' should stand there, between the name and its value",
  comma: 'a comma or the closing bracket should stand there',
  end: 'the text goes on behind its end',
}

/** The first fault of a text that JSON.parse refuses, null when there is none. Nesting costs no stack. */
export function findJsonFault(text: string): JsonFault | null {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0
  const behindValue = (): Expected => (open.length === 0 ? 'end' : 'comma')

  for (;;) {
    while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at += 1
    if (at === text.length) {
      if (expected === 'end') return null
      return fault(text, at, open.length > 0 ? 'the text ends before it is complete' : 'there is no text')
    }
    const char = text.charAt(at)
    if (char === '"' && (expected.endsWith('ey') || expected.endsWith('alue'))) {
      const string = endOfString(text, at)
      if (typeof string !== 'number') return fault(text, string.at, string.what)
      at = string
      expected = expected.endsWith('ey') ? 'colon' : behindValue()
    } else if ((expected === 'value' || expected === 'firstValue') && (char === '{' || char === '[')) {
      open.push(char)
      expected = char === '{' ? 'firstKey' : 'firstValue'
      at += 1
    } else if (expected === 'value' || (expected === 'firstValue' && char !== ']')) {
      const end = match(NUMBER, text, at) ?? match(LITERAL, text, at)
      if (end === null) return fault(text, at, WHAT[expected])
      at = end
      expected = behindValue()
    } else if (expected === 'colon' && char === ':') {
      expected = 'value'
      at += 1
    } else if (expected === 'comma' && char === ',') {
      expected = open.at(-1) === '{' ? 'key' : 'value'
      at += 1
    } else if (closes(char, open.at(-1)) && /^(?:comma|first)/.test(expected)) {
      open.pop()
      expected = behindValue()
      at += 1
    } else {
      return fault(text, at, WHAT[expected])
    }
  }
}

const closes = (char: string, opening: string | undefined): boolean =>
  (char === '}' && opening === '{') || (char === ']' && opening === '[')

function match(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : null
}

/** The place behind the closing quote, or what is wrong and where. */
function endOfString(text: string, open: number): number | { at: number; what: string } {
  for (let at = open + 1; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '"') return at + 1
    if (char < ' ') {
      return { at, what: 'a text in quotes holds a line break or another control character; is it closed?' }
    }
    if (char !== '\\') continue
    at += 1
    const kind = text.charAt(at)
    if (kind === 'u' && match(HEX, text, at + 1) !== null) at += 4
    else if (kind === '' || !'"\\/bfnrt'.includes(kind)) {
      return { at, what: 'the backslash before it begins no escape that JSON knows' }
    }
  }
  return { at: open, what: 'the text in quotes that begins there is never closed' }
}

function fault(text: string, at: number, what: string): JsonFault {
  const before = text.slice(0, at).split(/\r\n|\r|\n/)
  return { line: before.length, column: [...(before.at(-1) ?? '')].length + 1, what }
}
