// The commands of `.aptible.yml` that run before anything of a release is started: in one one-off container of
// the new image, in order, with the release's config. When a command fails, the undo of the release removes the
// container with the rest.
import type { Engine, Image } from '../domain/engine.ts'
import { plainLine, printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import type { Transcript } from '../domain/transcript.ts'
import { quoteWord, splitWords, UnbalancedQuote } from '../domain/words.ts'
import { containerSpec, type Surroundings } from './container-spec.ts'
import { linked } from './linked.ts'
import { undoSignal } from './undo.ts'

/** Stands before the number of the command that begins; nothing prints it by accident. */
const MARK = '\u0001fairlead:'
/**
 * One shell runs them all, since they share a container; each arrives as an argument, so no quoting is ours. Both
 * outputs are one, or the engine would mix up what one command says last and the next one first.
 */
const ONE_AFTER_THE_OTHER = `exec 2>&1; i=0; for c in "$@"; do printf '${MARK}%s\\n' "$i"; /bin/sh -c "$c" || exit $?; i=$((i+1)); done`

/** @throws Problem `before-release-failed` with the command and its last lines, `aptible-yml-invalid` */
export async function runBeforeRelease(
  commands: readonly string[],
  engine: Engine,
  surroundings: Surroundings,
  transcript: Transcript,
  asked: AbortSignal,
): Promise<void> {
  if (commands.length === 0) return
  const seconds = surroundings.stack.build.timeout
  const deadline = AbortSignal.timeout(seconds * 1000)
  try {
    await runAll(commands, engine, surroundings, transcript, AbortSignal.any([asked, deadline]))
  } catch (error) {
    throw deadline.aborted && !asked.aborted ? tookTooLong(seconds, surroundings.stack.name) : error
  }
}

function tookTooLong(seconds: number, stack: string): Problem {
  return new Problem('before-release-failed', {
    phase: 'before_release',
    headline: `The before_release commands took longer than ${seconds} s, the most that the stack ${stack} allows`,
    hint: 'Make them quicker, or ask an operator to raise build.timeout in the stack file. What they did to a database stays done.',
  })
}

async function runAll(
  commands: readonly string[],
  engine: Engine,
  surroundings: Surroundings,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<void> {
  transcript.line('-----> Running before_release')
  const lines = commands.map(line => shellLine(line, surroundings.image))
  const spec = {
    ...containerSpec(surroundings, { name: 'before-release', command: lines[0] ?? '' }, 1, true),
    entrypoint: ['/bin/sh', '-c', ONE_AFTER_THE_OTHER, 'before_release'],
    command: lines,
  }
  const id = await engine.create(spec, undoSignal()) // As in `rollOut`: not broken off.
  signal.throwIfAborted()
  const watch = linked(signal)
  try {
    const exit = engine.nextExit(id, watch.signal)
    exit.catch(() => {}) // Awaited below, unless start fails first.
    await engine.start(id, signal)
    const output: string[] = []
    const print = (text: string) => {
      const line = plainLine(text)
      output.push(line)
      if (output.length > 20) output.shift()
      transcript.line(`       ${line}`)
    }
    let running = commands[0] ?? ''
    await engine.logs(
      id,
      { follow: true, lines: 'all' },
      line => {
        // What the command before printed last may lack its line end.
        const mark = line.lastIndexOf(MARK)
        if (mark !== 0) print(mark === -1 ? line : line.slice(0, mark))
        if (mark === -1) return
        output.length = 0
        running = commands[Number(line.slice(mark + MARK.length))] ?? running
        transcript.line(`       $ ${running}`)
      },
      signal,
    )
    const exitCode = await exit
    if (exitCode === 0) return await engine.remove(id, undoSignal())
    throw new Problem('before-release-failed', {
      phase: 'before_release',
      headline: `A before_release command failed with exit code ${exitCode}: ${running}`,
      saw: output.length > 0 ? ['Its last output:', ...output].join('\n') : 'It printed nothing.',
      hint: 'Mend the command in .aptible.yml or what it calls, and push again. What it did to a database stays done.',
    })
  } finally {
    watch.end()
  }
}

/**
 * The same rule as for the Procfile: without an ENTRYPOINT the line belongs to the shell; with one, its words are
 * arguments of the ENTRYPOINT and the shell must leave them alone.
 * @throws Problem `aptible-yml-invalid` for a quote left open
 */
export function shellLine(line: string, image: Pick<Image, 'entrypoint'>): string {
  if (image.entrypoint.length === 0) return line
  try {
    return [...image.entrypoint, ...splitWords(line)].map(quoteWord).join(' ')
  } catch (error) {
    if (!(error instanceof UnbalancedQuote)) throw error
    throw new Problem('aptible-yml-invalid', {
      headline: `.aptible.yml: a before_release command cannot be split into words: ${error.message}`,
      saw: printable(line),
      hint: 'Close the quote. The image has an ENTRYPOINT, so the command is not read by a shell: its words become arguments.',
      cause: error,
    })
  }
}
