// Files in which docker keeps logins: config.json, whose entries stand in `auths`, and the flat .dockercfg before it.
// An entry that cannot be used makes the file invalid: left out without a word, it would be missed much later.
import { type EntryFault, type Login, readEntry } from './dockercfg-entry.ts'
import { isObject, kindOf, parseJsonObject } from './dockercfg-text.ts'
import { printable } from './printable.ts'
import { Problem } from './problem.ts'
import type { RegistryAuth } from './registry-auth.ts'
import { parseRegistryKey } from './registry-key.ts'

const MAX_ENTRIES = 1000
/** Where `docker login` in a browser keeps what it needs itself; the login for images stands beside them. */
const NOT_FOR_IMAGES = /^https:\/\/index\.docker\.io\/v1\/(?:access|refresh)-token$/

interface From {
  /** For RegistryAuth.source. */
  readonly source: string
  /** What messages call it: `dockercfg.encrypted`, `standard input`. */
  readonly file: string
}

/**
 * The logins in it, at least one, in the order of the file. A host and path that stand there twice, in two
 * spellings, must have the same login: which one docker takes is left to chance.
 * @throws Problem `dockercfg-invalid`, which repeats nothing of the file but hosts
 */
export function parseDockercfg(text: string, { source, file }: From): RegistryAuth[] {
  const root = new Map<string, unknown>(Object.entries(parseJsonObject(text, file)))
  const helpers = new Helpers(root, file)
  const entries = entriesOf(root, file, helpers.isSet)
  if (entries.length > MAX_ENTRIES) {
    throw invalid(
      `${file} has ${entries.length} entries, and at most ${MAX_ENTRIES} are read`,
      'Leave only the registries in it that are needed.',
    )
  }

  const auths = new Map<string, RegistryAuth>()
  for (const [index, [key, entry]] of entries.entries()) {
    if (NOT_FOR_IMAGES.test(key)) continue
    const place = parseRegistryKey(key)
    if (place === null) throw notARegistry(file, index, key)
    const login = readEntry(entry)
    if (login === null) {
      helpers.refuseFor(place.host, key)
      continue
    }
    const { host, path } = place
    const name = path === '' ? host : `${host}/${path}`
    if ('what' in login) throw unusable(file, host, name, login)
    const before = auths.get(name)
    if (before !== undefined && !sameLogin(before, login)) {
      throw invalid(
        `${file} holds two different logins for ${name}`,
        'Leave the one in it that is right, and write its host once.',
      )
    }
    auths.set(name, { host, path, ...login, source })
  }
  helpers.refuseMissing(auths)
  if (auths.size === 0) {
    throw invalid(
      `${file} holds no login for any registry`,
      'Write one with `docker --config DIR login HOST`, where DIR is an empty directory: it is then in DIR/config.json.',
    )
  }
  return [...auths.values()]
}

function entriesOf(root: Map<string, unknown>, file: string, isConfig: boolean): [string, unknown][] {
  if (!root.has('auths')) return isConfig ? [] : [...root]
  const auths = root.get('auths')
  if (isObject(auths)) return Object.entries(auths)
  throw invalid(
    `${file} has ${kindOf(auths)} as its "auths", not an object`,
    'Write {"auths": {"HOST": {"auth": "…"}}}, as docker does in its config.json.',
  )
}

/** `credsStore` and `credHelpers`: programs beside docker that keep passwords, so that the file has none. */
class Helpers {
  readonly #file: string
  readonly #store: string
  readonly #byKey: ReadonlyMap<string, unknown>

  constructor(root: ReadonlyMap<string, unknown>, file: string) {
    const store = root.get('credsStore')
    const helpers = root.get('credHelpers')
    this.#file = file
    this.#store = typeof store === 'string' ? store : ''
    this.#byKey = new Map(isObject(helpers) ? Object.entries(helpers) : [])
  }

  get isSet(): boolean {
    return this.#store !== '' || this.#byKey.size > 0
  }

  /** @throws Problem when the login of an empty entry is with a helper */
  refuseFor(host: string, key: string): void {
    const helper = this.#byKey.get(key) ?? this.#store
    if (helper !== '') throw this.#refusal(helper, host)
  }

  /** @throws Problem when a host has a helper and no login in the file, or there is nothing but a helper */
  refuseMissing(auths: ReadonlyMap<string, RegistryAuth>): void {
    const hosts = new Set([...auths.values()].map(({ host }) => host))
    for (const [key, helper] of this.#byKey) {
      const host = parseRegistryKey(key)?.host ?? null
      if (host === null || !hosts.has(host)) throw this.#refusal(helper, host)
    }
    if (this.isSet && auths.size === 0) throw this.#refusal(this.#store, null)
  }

  #refusal(helper: unknown, host: string | null): Problem {
    const isName = typeof helper === 'string' && /^[a-z][a-z0-9._-]{0,39}$/.test(helper)
    const place = `${isName ? `the credential helper ${helper}` : 'a credential helper'} on the machine where \`docker login\` was run`
    return invalid(
      `${this.#file} holds no password for ${host ?? 'any registry'}: docker keeps it in ${place}`,
      `Store the login with \`fairlead registry:login ${host ?? 'HOST'} --username USER --password-stdin\`, or write a file that holds it with \`docker --config DIR login ${host ?? 'HOST'}\`, where DIR is an empty directory: it is then in DIR/config.json.`,
    )
  }
}

function sameLogin(a: Login, b: Login): boolean {
  return a.kind === b.kind && a.username === b.username && a.password.equals(b.password)
}

function unusable(file: string, host: string, name: string, { what, hint }: EntryFault): Problem {
  const login = `\`fairlead registry:login ${name} --username USER --password-stdin\``
  return invalid(
    `${file}: the entry for ${name} ${what}`,
    hint === undefined
      ? `Write the entry anew with \`docker --config DIR login ${host}\`, where DIR is an empty directory, or store the login with ${login}.`
      : `${hint}: ${login}.`,
  )
}

/** A key like https://user:password@host holds a password, so none with such characters is shown. */
function notARegistry(file: string, index: number, key: string): Problem {
  const maySay = !/[:@]/.test(key.replace(/^https?:\/\//, ''))
  const shown = maySay ? `, "${printable(key, 60)}",` : " (not shown, since it has a ':' or '@')"
  return invalid(
    `${file}: the name of entry ${index + 1}${shown} is not a registry host`,
    'Name entries as images name registries, without user or spaces: quay.io, ghcr.io/acme, and https://index.docker.io/v1/ for Docker Hub.',
  )
}

function invalid(headline: string, hint: string): Problem {
  return new Problem('dockercfg-invalid', { headline, hint })
}
