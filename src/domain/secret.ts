// A value that must not be shown. Every way by which JavaScript turns a value into text prints `[redacted]`;
// `reveal()` is the only way in, so that a search for it lists every place where a secret leaves its wrapping.

const REDACTED = '[redacted]'
/** Characters. */
const LINE_WORTH_HIDING = 16
/** Bytes. */
const PIECE = 8192
/** So many forms are simply tried one after another. */
const FEW = 100
/** Characters by which forms are found when there are more: every form has the first, a long one the second too. */
const SHORT_START = 4
const LONG_START = 16

export class Secret {
  #value: string | (() => string)

  /** @param value or what gives it when it is first asked for: a hundred may be read to use one */
  constructor(value: string | (() => string)) {
    this.#value = value
  }

  /** The bare value. Call it at the last edge only: the engine's API, the registry's header, the cipher. */
  reveal(): string {
    if (typeof this.#value === 'function') this.#value = this.#value()
    return this.#value
  }

  equals(other: Secret): boolean {
    return this.reveal() === other.reveal()
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED
  }
}

/**
 * A function that replaces every known secret in a text by `[redacted]`: raw, as JSON writes it, base64 in either
 * alphabet and with or without padding (all three alignments are not tried: only the whole value) and URL-encoded;
 * of a value of several lines also every line that is long.
 * Values shorter than 4 characters are left alone, since replacing them would mangle ordinary text and hide nothing
 * that cannot be guessed.
 */
export function maskSecrets(secrets: Iterable<Secret>): (text: string) => string {
  const forms = new Set<string>()
  for (const secret of secrets) {
    const value = secret.reveal()
    if (value.length < 4) continue
    for (const form of formsOf(value)) forms.add(form)
    for (const line of linesOf(value)) forms.add(line)
  }
  const longestFirst = [...forms].sort((a, b) => b.length - a.length)
  const possibleIn = longestFirst.length > FEW ? findByStart(longestFirst) : () => longestFirst
  return text => possibleIn(text).reduce((masked, form) => masked.replaceAll(form, REDACTED), text)
}

/**
 * Which of the forms can stand in a text, in their order. A file may hold a thousand logins, or one of as many lines,
 * and a build prints thousands of lines a second: to look for each form in each line would keep everybody waiting.
 */
function findByStart(forms: readonly string[]): (text: string) => string[] {
  const starting = Map.groupBy(forms.keys(), index => {
    const form = forms[index] as string
    return form.slice(0, form.length < LONG_START ? SHORT_START : LONG_START)
  })
  return text => {
    const seen = new Set<number[]>()
    for (let at = 0; at + SHORT_START <= text.length; at += 1) {
      for (const length of [SHORT_START, LONG_START]) {
        const found = starting.get(text.slice(at, at + length))
        if (found !== undefined) seen.add(found)
      }
    }
    const indexes = [...seen].flat().sort((a, b) => a - b)
    return indexes.map(index => forms[index] as string)
  }
}

/** A key file is printed line by line: each of its lines that is long enough to matter is hidden by itself too. */
function linesOf(value: string): string[] {
  if (!value.includes('\n')) return []
  return value
    .split('\n')
    .map(line => line.trim())
    .filter(line => line.length >= LINE_WORTH_HIDING)
}

function formsOf(value: string): string[] {
  const padded = base64(value)
  const bare = padded.replace(/=+$/, '')
  const urlSafe = bare.replaceAll('+', '-').replaceAll('/', '_')
  const encoded = encodeURIComponent(value.toWellFormed())
  // A form, as opposed to a path or query, writes blanks as '+' and these four characters encoded.
  const formEncoded = encoded
    .replaceAll('%20', '+')
    .replace(/[!'()~]/g, each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
  const lower = encoded.replace(/%[0-9A-F]{2}/g, each => each.toLowerCase())
  return [value, JSON.stringify(value).slice(1, -1), padded, bare, urlSafe, encoded, formEncoded, lower]
}

/** Of the UTF-8 bytes, in pieces: a call takes only so many arguments. */
function base64(text: string): string {
  const bytes = new TextEncoder().encode(text)
  let binary = ''
  for (let i = 0; i < bytes.length; i += PIECE) binary += String.fromCharCode(...bytes.subarray(i, i + PIECE))
  return btoa(binary)
}
