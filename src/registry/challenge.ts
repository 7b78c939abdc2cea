// What a registry's 401 asks for: the WWW-Authenticate header (RFC 9110, section 11.6.1).

export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer'
      readonly realm: string
      readonly service: string | null
      /** What was wrong with the token that came: `insufficient_scope`, `invalid_token` (RFC 6750, section 3.1). */
      readonly error: string | null
    }

// token, then optionally = and a token or quoted string
const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
const PARAMETER = new RegExp(`[\\s,]*(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y')
const SCHEME = new RegExp(`[\\s,]*(${TOKEN})(?=[\\s,]|$)`, 'y')

/**
 * The challenge to answer: Bearer if it is offered, else Basic, null when neither is.
 * The scope that a Bearer challenge asks for is left out on purpose: we ask for what we need, never for more.
 */
export function parseChallenge(header: string | undefined): Challenge | null {
  const offered = challenges(header ?? '')
  const bearer = offered.find(challenge => challenge.scheme === 'bearer')
  const realm = bearer?.parameters.get('realm')
  if (realm !== undefined) {
    const [service = null, error = null] = ['service', 'error'].map(name => bearer?.parameters.get(name))
    return { scheme: 'bearer', realm, service, error }
  }
  return offered.some(challenge => challenge.scheme === 'basic') ? { scheme: 'basic' } : null
}

/** What can be read from the left; a malformed rest is left alone. */
function challenges(header: string): { scheme: string; parameters: Map<string, string> }[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at
    const match = pattern.exec(header)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  while (at < header.length) {
    const parameter = take(PARAMETER)
    if (parameter !== null) {
      const [, name = '', quoted, bare = ''] = parameter
      const value = quoted?.replace(/\\(.)/g, '$1') ?? bare
      found.at(-1)?.parameters.set(name.toLowerCase(), value)
      continue
    }
    const scheme = take(SCHEME)
    if (scheme === null) break
    found.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: new Map() })
  }
  return found
}
