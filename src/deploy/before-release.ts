// The commands of `.aptible.yml` that run before anything of a release is started: in one one-off container of
// the new image, in order, with the release's config. The container is removed whatever happens.
import type { Engine, Image } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import type { Transcript } from '../domain/transcript.ts'
import { quoteWord, splitWords } from '../domain/words.ts'
import { containerSpec, type Surroundings } from './container-spec.ts'
import { linked } from './linked.ts'
import { undoSignal } from './roll-out.ts'

/** Marks the lines of the gateway's own in the container's output; random enough not to be printed by accident. */
const MARK = '\u0001fairlead:'
/** One shell runs them all, since they share a container; each arrives as an argument, so no quoting is ours. */
const ONE_AFTER_THE_OTHER = `i=0; for c in "$@"; do printf '${MARK}%s\\n' "$i"; /bin/sh -c "$c" || exit $?; i=$((i+1)); done`

/** @throws Problem `before-release-failed` with the command and its last lines */
export async function runBeforeRelease(
  commands: readonly string[],
  engine: Engine,
  surroundings: Surroundings,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<void> {
  if (commands.length === 0) return
  transcript.line('-----> Running before_release')
  const lines = commands.map(line => shellLine(line, surroundings.image))
  const spec = {
    ...containerSpec(surroundings, { name: 'before-release', command: lines[0] ?? '' }, 1, true),
    entrypoint: ['/bin/sh', '-c', ONE_AFTER_THE_OTHER, 'before_release'],
    command: lines,
  }
  const id = await engine.create(spec, signal)
  const watch = linked(signal)
  try {
    const exit = engine.nextExit(id, watch.signal)
    exit.catch(() => {}) // Awaited below, unless start fails first.
    await engine.start(id, signal)
    const output: string[] = []
    let running = commands[0] ?? ''
    await engine.logs(
      id,
      { follow: true, lines: 'all' },
      line => {
        if (line.startsWith(MARK)) {
          running = commands[Number(line.slice(MARK.length))] ?? running
          transcript.line(`       $ ${running}`)
          return
        }
        output.push(line)
        if (output.length > 20) output.shift()
        transcript.line(`       ${line}`)
      },
      signal,
    )
    const exitCode = await exit
    if (exitCode === 0) return
    throw new Problem('before-release-failed', {
      phase: 'before_release',
      headline: `A before_release command failed with exit code ${exitCode}: ${running}`,
      saw: output.length > 0 ? ['Its last output:', ...output].join('\n') : 'It printed nothing.',
      hint: 'Mend the command in .aptible.yml or what it calls, and push again. What it did to a database stays done.',
    })
  } finally {
    watch.end()
    await engine.remove(id, undoSignal())
  }
}

/**
 * The same rule as for the Procfile: without an ENTRYPOINT the line belongs to the shell; with one, its words are
 * arguments of the ENTRYPOINT and the shell must leave them alone.
 */
function shellLine(line: string, image: Image): string {
  if (image.entrypoint.length === 0) return line
  return [...image.entrypoint, ...splitWords(line)].map(quoteWord).join(' ')
}
