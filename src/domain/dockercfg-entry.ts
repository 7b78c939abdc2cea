// One entry of a dockercfg: the login that docker keeps for a registry, in the spellings there are.
import { isObject, kindOf } from './dockercfg-text.ts'
import { type RegistryAuth, TOKEN_USER } from './registry-auth.ts'
import { Secret } from './secret.ts'

export type Login = Pick<RegistryAuth, 'kind' | 'username' | 'password'>

/** Why an entry cannot be used: a predicate for "the entry for quay.io …", never with its value, and what to do. */
export interface EntryFault {
  readonly what: string
  readonly hint?: string
}

const IGNORED = new Set(['email', 'serveraddress'])
const LOGIN_FIELDS = ['auth', 'username', 'password', 'identitytoken', 'registrytoken'] as const
type Field = (typeof LOGIN_FIELDS)[number]

/** Null for an entry without any login: docker writes those where a credential helper keeps it. */
export function readEntry(entry: unknown): Login | EntryFault | null {
  if (!isObject(entry)) return { what: `is ${kindOf(entry)}, not an object with "auth"` }
  const fields = new Map<string, unknown>(Object.entries(entry))
  for (const name of LOGIN_FIELDS) {
    const value = fields.get(name)
    if (value !== undefined && typeof value !== 'string') {
      return { what: `has ${kindOf(value)} as its "${name}", not text` }
    }
  }
  const field = (name: Field) => (fields.get(name) as string | undefined) ?? ''

  if (field('registrytoken') !== '') {
    return {
      what: 'holds a "registrytoken", which is over after some minutes and cannot be had anew from it',
      hint: 'Log in with a user name and a password or access token instead',
    }
  }
  // Beside an identity token docker writes an "auth" whose password is empty.
  if (field('identitytoken') !== '') {
    return { kind: 'identity-token', username: TOKEN_USER, password: new Secret(field('identitytoken')) }
  }
  if (field('auth') !== '') return loginOfAuth(field('auth'))
  if (field('username') !== '' || field('password') !== '') return login(field('username'), field('password'))
  const known = (name: string) => IGNORED.has(name) || LOGIN_FIELDS.some(each => each === name)
  if ([...fields.keys()].every(known)) return null
  return { what: 'has neither "auth" nor "username" and "password"' }
}

/** `auth` is `user:password` in base64, of either alphabet, padded or not; docker reads over line ends and last NULs. */
function loginOfAuth(auth: string): Login | EntryFault {
  const packed = auth.replace(/[\r\n]/g, '')
  const [, digits = '', padding = ''] = /^([A-Za-z0-9+/]*|[A-Za-z0-9_-]*)(={0,2})$/.exec(packed) ?? []
  if (digits === '' || digits.length % 4 === 1 || (padding !== '' && packed.length % 4 !== 0)) {
    return { what: 'has an "auth" that is not base64' }
  }
  const text = utf8(Buffer.from(digits, 'base64'))
  if (text === null) return { what: 'has an "auth" that is no UTF-8 text behind its base64' }
  const colon = text.indexOf(':')
  if (colon === -1) return { what: 'has an "auth" without a colon, so it is not user:password in base64' }
  return login(text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, ''))
}

function login(username: string, password: string): Login | EntryFault {
  if (username === '') return { what: 'has no user name' }
  if (/[:\x00-\x1f\x7f]/.test(username)) {
    return { what: "has a ':' or a control character in its user name, which no registry login can carry" }
  }
  if (password === '') return { what: 'has no password' }
  if (password.includes('\0')) return { what: 'has a NUL in its password' }
  // Keys of service accounts have many lines; a password of one line with an end is a slip of `echo`.
  if (/^[^\r\n]*[\r\n]+$/.test(password)) {
    return {
      what: 'has a password that ends with a line break, as `echo` without -n leaves it',
      hint: "Make it with `printf '%s' user:password | base64`",
    }
  }
  return {
    kind: username === TOKEN_USER ? 'identity-token' : 'password',
    username,
    password: new Secret(password),
  }
}

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
