// A regular expression that a stranger wrote, over the name of a branch: in RE2's language, as Codeship's are in Go's,
// which is matched in time proportional to pattern and name. What remains is to bound the two.
import { RE2JS, RE2JSException } from 're2js'
import { printable } from '../domain/printable.ts'
import type { BranchPattern } from '../domain/push-entry.ts'

const MAX_LENGTH = 200
/** Instructions. Counted repetition is written out when compiled: 80,000 of them fit in 200 characters, and take 20 s. */
export const MAX_PROGRAM = 1000
/** Characters of a name. Longer ones fit no pattern. */
export const MAX_NAME = 512

/** What is wrong with a pattern, in a sentence without a full stop. */
export class PatternFault extends Error {
  override readonly name = 'PatternFault'
}

/** @throws PatternFault */
export function parseBranchPattern(text: string): BranchPattern {
  if (text.length > MAX_LENGTH) throw new PatternFault(`it has more than ${MAX_LENGTH} characters`)
  const tooMuch = () => new PatternFault('its repetitions {n} make too much of it; use + or * in their place')
  if (writtenOut(text) > MAX_PROGRAM) throw tooMuch()
  const compiled = compile(text)
  if (compiled.programSize() > MAX_PROGRAM) throw tooMuch()
  return { text, fits: branch => branch.length <= MAX_NAME && compiled.matcher(branch).find() }
}

/**
 * About how long the pattern is without counted repetition, known before anything of that length is made. Only a group
 * can repeat what holds repetitions itself: `a{2}{3}` is refused by the language.
 */
function writtenOut(text: string): number {
  let length = text.length
  let groups = 1
  for (const [, group, least, most] of text.matchAll(/(\)?)\{(\d+)(?:,(\d*))?\}/g)) {
    const count = Math.max(1, Number(most || least))
    if (group === '') length += count
    else groups *= count
  }
  return length * groups
}

function compile(text: string): RE2JS {
  try {
    return RE2JS.compile(text)
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    const reason = error.message.replace(/^error parsing regexp: /, '')
    const more = /\(\?<?[=!]/.test(text) ? ' (there is no looking ahead or behind in RE2)' : ''
    throw new PatternFault(`${printable(reason, 100)}${more}`)
  }
}
