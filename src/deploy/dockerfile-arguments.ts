// Variables in a FROM line: what `ARG` above the first FROM gives them.

/** Says in words why a text cannot be expanded. */
export class CannotExpand extends Error {
  override readonly name = 'CannotExpand'
}

/** Names the builder itself gives a value to, which nobody else knows. */
const FROM_BUILDER = /^(?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT)$/
const REFERENCE = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+?])([^{}]*))?\})/
const MAX_LENGTH = 4096

/**
 * `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`, `${NAME:?message}`, each also without the colon.
 * @param values null for a variable that is declared without a value
 * @throws CannotExpand
 */
export function expandArguments(text: string, values: ReadonlyMap<string, string | null>): string {
  let expanded = ''
  for (let at = 0; at < text.length; ) {
    const dollar = text.indexOf('$', at)
    if (dollar === -1) return checked(expanded + text.slice(at))
    const match = REFERENCE.exec(text.slice(dollar, dollar + MAX_LENGTH))
    if (match === null) throw new CannotExpand('a variable is written in a way that is not supported')
    expanded = checked(expanded + text.slice(at, dollar) + valueOfReference(match, values))
    at = dollar + match[0].length
  }
  return checked(expanded)
}

function valueOfReference(match: RegExpExecArray, values: ReadonlyMap<string, string | null>): string {
  const name = match[1] ?? match[2] ?? ''
  const operator = match[3] ?? ''
  const word = match[4] ?? ''
  const value = values.get(name) ?? null
  const present = value !== null && (value !== '' || !operator.startsWith(':'))
  if (operator.endsWith('-') && !present) return expandArguments(word, values)
  if (operator.endsWith('+')) return present ? expandArguments(word, values) : ''
  if (present) return value
  if (FROM_BUILDER.test(name)) throw new CannotExpand(`${name} is known only to the builder`)
  if (values.has(name)) throw new CannotExpand(`${name} has no value`)
  throw new CannotExpand(`${name} is not defined by an ARG above the first FROM`)
}

/** Keeps `ARG A=$B$B` and its likes from doubling without end. */
function checked(text: string): string {
  if (text.length > MAX_LENGTH)
    throw new CannotExpand(`the text expands to more than ${MAX_LENGTH} characters`)
  return text
}
