// What must not be seen in the log of a generator: the values it was given, and whatever its file holds, also a file
// that cannot be read as credentials.
import type { Config } from '../domain/config.ts'
import { maskSecrets, Secret } from '../domain/secret.ts'

/** What a dockercfg says in the open. */
const OPEN: ReadonlySet<string> = new Set(['username', 'email', 'serveraddress'])
/** Characters. A word of a file that is no JSON, or a line of a longer value, from which on it could be a secret. */
const SHORTEST_WORD = 8
/** Characters. What has so many in common with a secret is a piece of it, cut out or wrapped, and no chance. */
const RUN = 16
const PIECE = /[A-Za-z0-9+/=_-]{16,}/g
/** More than this, which no registry needs, would keep the gateway busy. */
const MAX_VALUES = 1000
const MAX_CHARACTERS = 64 * 1024

/**
 * @param written what the file holds, null when there is none
 * @returns what makes a text of the log fit to be shown; null when there is too much that it must not show
 */
export function hideGenerated(env: Config, written: string | null): ((text: string) => string) | null {
  const given = [...env.values()].map(value => value.reveal())
  if ([...given, written ?? ''].reduce((sum, { length }) => sum + length, 0) > MAX_CHARACTERS) return null
  const values = [...given, ...(written === null ? [] : inside(written))]
  const encoded = [...given, ...(written === null ? [] : [written, written.trim()])].map(base64)
  const secrets = [...values, ...values.flatMap(lines), ...encoded]
  if (secrets.length > MAX_VALUES) return null
  const hideWhole = maskSecrets(secrets.map(value => new Secret(value)))
  const runs = new Set([...values, ...encoded].flatMap(value => value.match(PIECE) ?? []).flatMap(runsOf))
  const isPiece = (word: string) => runsOf(word).some(run => runs.has(run))
  return text => hideWhole(text).replace(PIECE, word => (isPiece(word) ? '[redacted]' : word))
}

/** Every RUN characters in a row. To search for words of a log in a long secret instead can take seconds. */
function runsOf(word: string): string[] {
  return Array.from({ length: word.length - RUN + 1 }, (_, at) => word.slice(at, at + RUN))
}

/** What stands in a dockercfg, each also as the login that it may encode. */
function inside(written: string): string[] {
  const words = valuesOfJson(written) ?? [
    ...lines(written),
    ...written.split(/[\s"'`,;<>[\]{}]+/).filter(word => word.length >= SHORTEST_WORD),
  ]
  return words.flatMap(word => [word, ...login(word)])
}

function valuesOfJson(text: string): string[] | null {
  try {
    return leaves(JSON.parse(text))
  } catch {
    return null
  }
}

function leaves(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return OPEN.has(key) ? [] : [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => leaves(each, name))
}

/** `user:password` in base64, with or without its padding. */
function login(word: string): string[] {
  const decoded = Buffer.from(word, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon === -1 ? [] : [decoded, decoded.slice(colon + 1)]
}

function lines(value: string): string[] {
  const each = value.split('\n').map(line => line.trim())
  return each.length === 1 ? [] : each.filter(line => line.length >= SHORTEST_WORD)
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
