// An app's variables. Every value is a Secret, and no message here ever holds one, nor a text that could be one.
import { Problem } from './problem.ts'
import { Secret } from './secret.ts'

export type Config = ReadonlyMap<string, Secret>

const MAX_NAME_LENGTH = 256
const MAX_VALUE_BYTES = 64 * 1024
/** Names and values together. */
const MAX_CONFIG_BYTES = 512 * 1024

const REGISTRY_PREFIX = 'APTIBLE_PRIVATE_REGISTRY_'
const bytes = (text: string) => Buffer.byteLength(text, 'utf8')

/** Why `name` is not `[A-Za-z_][A-Za-z0-9_]*` of at most 256, without repeating it; null when it is. */
export function nameFault(name: string): string | null {
  if (name === '') return 'is empty'
  if (name.length > MAX_NAME_LENGTH) return `is ${name.length} characters long, more than ${MAX_NAME_LENGTH}`
  if (/^[0-9]/.test(name)) return 'begins with a digit'
  const bad = /[^A-Za-z0-9_]/.exec(name)
  return bad === null ? null : `has a character other than A-Z, a-z, 0-9 and '_' in place ${bad.index + 1}`
}

/**
 * `KEY=value` words; the value is everything behind the first `=`, and may be empty.
 * @throws Problem `usage` for a word without `=`, `config-invalid` for a bad or repeated name
 */
export function parseAssignments(words: readonly string[]): Map<string, Secret> {
  const assigned = new Map<string, Secret>()
  for (const [index, word] of words.entries()) {
    const equals = word.indexOf('=')
    // The word is not shown: it may well be the half of a secret that a missing quote has cut off.
    if (equals === -1) {
      throw new Problem('usage', {
        headline: `Variable ${index + 1} of ${words.length} has no '='`,
        hint: "Write KEY=value, and put quotes around a value with blanks: 'KEY=two words'.",
      })
    }
    const name = word.slice(0, equals)
    const fault = nameFault(name)
    if (fault !== null) throw badName(`The name of variable ${index + 1} of ${words.length}`, fault)
    if (assigned.has(name)) {
      throw new Problem('config-invalid', {
        headline: `${name} is set twice in one command`,
        hint: 'Give every variable once.',
      })
    }
    assigned.set(name, new Secret(word.slice(equals + 1)))
  }
  return assigned
}

/** @throws Problem `config-invalid` for a bad name, a value that is not UTF-8 text without NUL, or too much of it */
export function checkConfig(config: Config): void {
  let total = 0
  let position = 0
  for (const [name, secret] of config) {
    position += 1
    const fault = nameFault(name)
    if (fault !== null) throw badName(`The name of variable ${position} of ${config.size}`, fault)
    const value = secret.reveal()
    if (value.includes('\0')) throw badValue(name, 'holds a NUL, which no environment can carry')
    if (!value.isWellFormed()) throw badValue(name, 'is not UTF-8 text')
    const size = bytes(value)
    if (size > MAX_VALUE_BYTES) throw tooLarge(`The value of ${name}`, size, MAX_VALUE_BYTES)
    total += bytes(name) + size
  }
  if (total > MAX_CONFIG_BYTES) throw tooLarge('The whole config', total, MAX_CONFIG_BYTES)
}

/** `current` without the names of `unset`, then with `set` on top. Neither is checked here: see checkConfig. */
export function mergeConfig(current: Config, set: Config, unset: Iterable<string>): Map<string, Secret> {
  const merged = new Map(current)
  for (const name of unset) merged.delete(name)
  for (const [name, value] of set) merged.set(name, value)
  return merged
}

/** The names of what was added or changed, and of what is gone, each sorted. */
export function describeChange(before: Config, after: Config): { set: string[]; unset: string[] } {
  const set = [...after].filter(([name, value]) => !before.get(name)?.equals(value)).map(([name]) => name)
  const unset = [...before.keys()].filter(name => !after.has(name))
  return { set: set.sort(), unset: unset.sort() }
}

/** What containers get to see: nothing of the registry's credential. */
export function containerConfig(config: Config): Map<string, Secret> {
  return new Map([...config].filter(([name]) => !name.startsWith(REGISTRY_PREFIX)))
}

/**
 * Whether the variable counts. An empty value is a value like any other, except where the gateway itself reads it:
 * setting APTIBLE_DOCKER_IMAGE or APTIBLE_PRIVATE_REGISTRY_* to nothing is how they are cleared.
 */
export function isSet(config: Config, name: string): boolean {
  const value = config.get(name)?.reveal()
  if (value === undefined) return false
  return value !== '' || !(name === 'APTIBLE_DOCKER_IMAGE' || name.startsWith(REGISTRY_PREFIX))
}

/** The bare value, null when not set in the sense of isSet. For names and hosts; a password stays a Secret. */
export function setting(config: Config, name: string): string | null {
  return isSet(config, name) ? (config.get(name)?.reveal() ?? null) : null
}

function badName(subject: string, fault: string): Problem {
  return new Problem('config-invalid', {
    headline: `${subject} ${fault}`,
    hint: "Use A-Z, a-z, 0-9 and '_' in names, not beginning with a digit, at most 256 of them.",
  })
}

function badValue(name: string, fault: string): Problem {
  return new Problem('config-invalid', {
    headline: `The value of ${name} ${fault}`,
    hint: 'Store bytes that are not text as base64, and decode them in the app.',
  })
}

function tooLarge(subject: string, size: number, limit: number): Problem {
  return new Problem('config-invalid', {
    headline: `${subject} is too large`,
    saw: `${size} bytes, ${size - limit} more than the ${limit} that are allowed`,
    hint: 'Put what is large into a file of the image or an object store, and keep its address in the config.',
  })
}
