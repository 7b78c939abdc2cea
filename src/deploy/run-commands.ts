// A list of commands of `.aptible.yml`: run in order in one one-off container, until one fails.
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

export interface CommandList {
  /** Its key in `.aptible.yml`. */
  readonly key: string
  /** Stands for the process in the container's name and labels: one that no line of a Procfile can have there and then. */
  readonly process: string
  readonly commands: readonly string[]
}

export interface FailedCommand {
  readonly command: string
  readonly exitCode: number
  /** Its last lines, to show. */
  readonly output: readonly string[]
}

/**
 * Says in the transcript what each prints. The container of a list that succeeded is removed; of another it is left,
 * perhaps not yet made: the caller removes it by its labels.
 * @returns the command that failed, null when none did
 * @throws Problem `aptible-yml-invalid`, or of the engine; the signal's reason
 */
export async function runCommands(
  { key, process, commands }: CommandList,
  engine: Engine,
  surroundings: Surroundings,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<FailedCommand | null> {
  transcript.line(`-----> Running ${key}`)
  const lines = commands.map(line => shellLine(line, surroundings.image, key))
  const spec = {
    ...containerSpec(surroundings, { name: process, command: lines[0] ?? '' }, 1, true),
    entrypoint: ['/bin/sh', '-c', ONE_AFTER_THE_OTHER, key],
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
    let command = commands[0] ?? ''
    await engine.logs(
      id,
      { follow: true, lines: 'all' },
      line => {
        // What the command before printed last may lack its line end.
        const mark = line.lastIndexOf(MARK)
        if (mark !== 0) print(mark === -1 ? line : line.slice(0, mark))
        if (mark === -1) return
        output.length = 0
        command = commands[Number(line.slice(mark + MARK.length))] ?? command
        transcript.line(`       $ ${command}`)
      },
      signal,
    )
    const exitCode = await exit
    if (exitCode !== 0) return { command, exitCode, output }
    await engine.remove(id, undoSignal())
    return null
  } finally {
    watch.end()
  }
}

/**
 * The same rule as for the Procfile: without an ENTRYPOINT the line belongs to the shell; with one, its words are
 * arguments of the ENTRYPOINT and the shell must leave them alone.
 * @throws Problem `aptible-yml-invalid` for a quote left open
 */
export function shellLine(line: string, image: Pick<Image, 'entrypoint'>, key: string): string {
  if (image.entrypoint.length === 0) return line
  try {
    return [...image.entrypoint, ...splitWords(line)].map(quoteWord).join(' ')
  } catch (error) {
    if (!(error instanceof UnbalancedQuote)) throw error
    throw new Problem('aptible-yml-invalid', {
      headline: `.aptible.yml: a command of ${key} cannot be split into words: ${error.message}`,
      saw: printable(line),
      hint: 'Close the quote. The image has an ENTRYPOINT, so the command is not read by a shell: its words become arguments.',
      cause: error,
    })
  }
}
