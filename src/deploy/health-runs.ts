// What the last runs of a HEALTHCHECK said, as lines for a Problem: a program's words, of any length.
import type { HealthRun } from '../domain/container.ts'
import { plainLine, printable } from '../domain/printable.ts'

const RUNS = 3
/** Of one run. */
const LINES = 5
/** Characters. */
const LONGEST = 300

/**
 * The last runs, oldest first.
 * @param hide masks secrets. Asked for the whole text: of a half that a cut leaves nobody could tell that it is one
 */
export function healthRunLines(runs: readonly HealthRun[], hide: (text: string) => string): string[] {
  if (runs.length === 0) return ['No run of it has ended yet.']
  return ['Its last runs:', ...runs.slice(-RUNS).flatMap(run => linesOf(run, hide))]
}

function linesOf({ exitCode, output }: HealthRun, hide: (text: string) => string): string[] {
  const ended = exitCode === null ? 'no exit code' : `exit code ${exitCode}`
  const all = hide(output)
    .split('\n')
    .map(line => printable(plainLine(line).trimEnd(), LONGEST))
    .filter(line => line !== '')
  const [only, ...more] = all
  if (only === undefined) return [`- ${ended}, and it printed nothing`]
  if (more.length === 0) return [`- ${ended}: ${only}`]
  const last = all.slice(-LINES)
  const how = last.length < all.length ? `, the last ${LINES} of ${all.length} lines` : ''
  return [`- ${ended}${how}:`, ...last.map(line => `  ${line}`)]
}
