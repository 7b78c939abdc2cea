// Text to words and back, the way a POSIX shell reads quotes and nothing else: no variable, glob, comment, operator or
// substitution is known here, so a word can only ever be the characters that were written.

/** A quote that is never closed, or a backslash with nothing behind it. */
export class UnbalancedQuote extends Error {
  override readonly name = 'UnbalancedQuote'
  /** `'`, `"` or `\`. */
  readonly quote: string
  /** Where it stands: UTF-16 units from 0. */
  readonly position: number

  constructor(quote: string, position: number) {
    super(
      quote === '\\'
        ? 'the text ends in a backslash'
        : `the ${quote} at character ${position + 1} is never closed`,
    )
    this.quote = quote
    this.position = position
  }
}

/**
 * Words of `text`, parted by spaces, tabs and line ends. Single quotes keep everything; in double quotes a backslash
 * escapes only `$`, backquote, `"`, backslash and line end; bare, it escapes any character. `''` is an empty word. A
 * backslash before a line end removes both. Linear in the length of the text.
 * @throws UnbalancedQuote
 */
export function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | null = null
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    if (isBlank(char)) {
      if (word !== null) words.push(word)
      word = null
      at += 1
    } else if (char === "'" || char === '"') {
      const quoted = char === "'" ? readSingle(text, at) : readDouble(text, at)
      word = (word ?? '') + quoted.value
      at = quoted.end
    } else if (char === '\\') {
      if (at + 1 === text.length) throw new UnbalancedQuote('\\', at)
      const escaped = text.charAt(at + 1)
      if (escaped !== '\n') word = (word ?? '') + escaped
      at += 2
    } else {
      word = (word ?? '') + char
      at += 1
    }
  }
  if (word !== null) words.push(word)
  return words
}

/** The word written so that splitWords, and a POSIX shell, read back exactly it. */
export function quoteWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

const isBlank = (char: string) => char === ' ' || char === '\t' || char === '\n' || char === '\r'

interface Quoted {
  readonly value: string
  /** The character behind the closing quote. */
  readonly end: number
}

function readSingle(text: string, open: number): Quoted {
  const close = text.indexOf("'", open + 1)
  if (close === -1) throw new UnbalancedQuote("'", open)
  return { value: text.slice(open + 1, close), end: close + 1 }
}

function readDouble(text: string, open: number): Quoted {
  let value = ''
  for (let at = open + 1; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '"') return { value, end: at + 1 }
    const next = text.charAt(at + 1)
    if (char === '\\' && next !== '' && '$`"\\\n'.includes(next)) {
      if (next !== '\n') value += next
      at += 1
    } else {
      value += char
    }
  }
  throw new UnbalancedQuote('"', open)
}
