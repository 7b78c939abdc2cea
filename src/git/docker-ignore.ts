// The patterns of a .dockerignore, with Docker's meaning: a pattern also takes everything below what it matches, the
// last one that matches decides, `!` makes an exception. Written here and not as regular expressions, because a
// hostile pattern can make those run for ever (`**/**/**/…/x`); this takes at most pattern length × path length.
import { posix } from 'node:path'
import { Problem } from '../domain/problem.ts'

type Token =
  | { kind: 'one'; matches: (character: string) => boolean }
  /** `*`: any number of characters, none of them a slash. */
  | { kind: 'star' }
  /** A `**` at the end: anything. */
  | { kind: 'rest' }
  /** Any other `**`: nothing, or whole directories up to and including a slash. Always followed by `inside`. */
  | { kind: 'directories' }
  | { kind: 'inside' }

interface Rule {
  readonly exception: boolean
  readonly tokens: readonly Token[]
}

/** Characters in all: bounds the work per path. */
const MAX_LENGTH = 16 * 1024
/** Characters of one pattern. */
const MAX_PATTERN = 1024

/**
 * @returns whether a path (relative, `/` between its parts) is left out of the build context
 * @throws Problem `dockerfile-invalid`
 */
export function parseDockerIgnore(text: string): (path: string) => boolean {
  if (text.length > MAX_LENGTH) throw unreadable(`it is longer than ${MAX_LENGTH / 1024} KiB`)
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const rules = lines.flatMap((line, index) => parseLine(line, index + 1))
  return path => {
    const characters = [...path]
    let ignored = false
    for (const rule of rules) {
      // A rule that would change nothing need not be tried.
      if (ignored === rule.exception && matches(rule.tokens, characters)) ignored = !rule.exception
    }
    return ignored
  }
}

function parseLine(line: string, number: number): Rule[] {
  if (line.startsWith('#')) return []
  const trimmed = line.trim()
  const exception = trimmed.startsWith('!')
  const pattern = exception ? trimmed.slice(1).trim() : trimmed
  if (pattern === '') {
    if (exception) throw unreadable(`line ${number} is a "!" without a pattern`)
    return []
  }
  if (pattern.length > MAX_PATTERN) {
    throw unreadable(`line ${number} is longer than ${MAX_PATTERN} characters`)
  }
  const clean = posix
    .normalize(pattern)
    .replace(/(?<=.)\/$/, '')
    .replace(/^\/(?=.)/, '')
  const tokens = tokenise(clean)
  if (tokens === null) throw unreadable(`line ${number} has an unfinished "[" or "\\": ${line.slice(0, 200)}`)
  return [{ exception, tokens }]
}

function tokenise(pattern: string): Token[] | null {
  const characters = [...pattern]
  const tokens: Token[] = []
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]
    if (character === '*' && characters[i + 1] === '*') {
      i++
      if (characters[i + 1] === '/') i++
      if (i + 1 === characters.length) tokens.push({ kind: 'rest' })
      // A second one in a row would add nothing but work.
      else if (tokens.at(-1)?.kind !== 'inside') tokens.push({ kind: 'directories' }, { kind: 'inside' })
    } else if (character === '*') {
      tokens.push({ kind: 'star' })
    } else if (character === '?') {
      tokens.push({ kind: 'one', matches: found => found !== '/' })
    } else if (character === '[') {
      const end = classEnd(characters, i)
      if (end === null) return null
      tokens.push({ kind: 'one', matches: parseClass(characters.slice(i + 1, end)) })
      i = end
    } else {
      const literal = character === '\\' ? characters[++i] : character
      if (literal === undefined) return null
      tokens.push({ kind: 'one', matches: found => found === literal })
    }
  }
  return tokens
}

/** Index of the `]` that closes the class opened at `start`. */
function classEnd(characters: readonly string[], start: number): number | null {
  for (let i = start + 1; i < characters.length; i++) {
    if (characters[i] === '\\') i++
    else if (characters[i] === ']' && i > start + 1) return i
  }
  return null
}

function parseClass(body: readonly string[]): (character: string) => boolean {
  const inverted = body[0] === '^'
  const ranges: [string, string][] = []
  let i = inverted ? 1 : 0
  const next = () => {
    if (body[i] === '\\') i++
    return body[i++] ?? ''
  }
  while (i < body.length) {
    const low = next()
    if (body[i] === '-' && i + 1 < body.length) {
      i++
      ranges.push([low, next()])
    } else {
      ranges.push([low, low])
    }
  }
  return found => found !== '/' && inverted !== ranges.some(([low, high]) => low <= found && found <= high)
}

/** Whether the tokens match the path or one of the directories above it, following all possibilities at once. */
function matches(tokens: readonly Token[], path: readonly string[]): boolean {
  let states = new Set<number>()
  enter(tokens, 0, states)
  for (const character of path) {
    if (character === '/' && states.has(tokens.length)) return true
    const after = new Set<number>()
    for (const state of states) step(tokens, state, character, after)
    if (after.size === 0) return false
    states = after
  }
  return states.has(tokens.length)
}

/** Adds a state and those that are reached from it without reading. */
function enter(tokens: readonly Token[], state: number, into: Set<number>): void {
  for (let at = state; !into.has(at); ) {
    into.add(at)
    const kind = tokens[at]?.kind
    if (kind === 'star' || kind === 'rest') {
      at++
    } else if (kind === 'directories') {
      into.add(at + 1)
      at += 2
    } else {
      return
    }
  }
}

function step(tokens: readonly Token[], state: number, character: string, into: Set<number>): void {
  const token = tokens[state]
  if (token === undefined || token.kind === 'directories') return
  if (token.kind === 'one') {
    if (token.matches(character)) enter(tokens, state + 1, into)
  } else if (token.kind === 'inside') {
    into.add(state)
    if (character === '/') enter(tokens, state + 1, into)
  } else if (token.kind === 'rest' || character !== '/') {
    enter(tokens, state, into)
  }
}

function unreadable(why: string): Problem {
  return new Problem('dockerfile-invalid', {
    headline: `The .dockerignore cannot be read: ${why}`,
    hint: 'Correct the .dockerignore, commit and push again.',
  })
}
