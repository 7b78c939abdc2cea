// A value that must not be shown. Every way by which JavaScript turns a value into text prints `[redacted]`;
// `reveal()` is the only way in, so that a search for it lists every place where a secret leaves its wrapping.

const REDACTED = '[redacted]'
/** Bytes. */
const PIECE = 8192

export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The bare value. Call it at the last edge only: the engine's API, the registry's header, the cipher. */
  reveal(): string {
    return this.#value
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value
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
 * A function that replaces every known secret in a text by `[redacted]`: raw, base64 (all three alignments are
 * not tried: only the whole value) and URL-encoded. Values shorter than 4 characters are left alone, since
 * replacing them would mangle ordinary text and hide nothing that cannot be guessed.
 */
export function maskSecrets(secrets: Iterable<Secret>): (text: string) => string {
  const forms = new Set<string>()
  for (const secret of secrets) {
    const value = secret.reveal()
    if (value.length < 4) continue
    forms.add(value)
    forms.add(base64(value))
    forms.add(encodeURIComponent(value))
  }
  const longestFirst = [...forms].sort((a, b) => b.length - a.length)
  return text => longestFirst.reduce((masked, form) => masked.replaceAll(form, REDACTED), text)
}

/** Of the UTF-8 bytes, in pieces: a call takes only so many arguments. */
function base64(text: string): string {
  const bytes = new TextEncoder().encode(text)
  let binary = ''
  for (let i = 0; i < bytes.length; i += PIECE) binary += String.fromCharCode(...bytes.subarray(i, i + PIECE))
  return btoa(binary)
}
