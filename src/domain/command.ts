// What a container runs: the rule that Procfile lines follow depends on whether the image has an ENTRYPOINT.
import type { Image } from './engine.ts'
import { printable } from './printable.ts'
import { Problem } from './problem.ts'
import type { Process } from './release.ts'
import { splitWords, UnbalancedQuote } from './words.ts'

/** The part of a ContainerSpec that says what runs; what is left out is the image's own. */
export interface ContainerCommand {
  readonly entrypoint?: string[]
  readonly command?: string[]
}

/**
 * Without an ENTRYPOINT the line is a script of `/bin/sh`. With one it is split into words, which become the arguments
 * of the ENTRYPOINT: no shell, so nothing is expanded. A process without a line runs the image as it is.
 * @throws Problem `no-command`, or `procfile-invalid` for a quote left open
 */
export function containerCommand(
  process: Process,
  image: Pick<Image, 'entrypoint' | 'command'>,
): ContainerCommand {
  if (process.command === null) {
    if (image.entrypoint.length > 0 || image.command.length > 0) return {}
    throw new Problem('no-command', {
      headline: `There is nothing to run for ${process.name}: no Procfile, and the image has no CMD or ENTRYPOINT`,
      hint: 'Commit a Procfile with a line such as `web: bundle exec rails s`, or give the image a CMD.',
    })
  }
  if (image.entrypoint.length === 0) return { command: ['/bin/sh', '-c', process.command] }
  return { command: argumentsOf(process.name, process.command) }
}

function argumentsOf(name: string, line: string): string[] {
  try {
    return splitWords(line)
  } catch (error) {
    if (!(error instanceof UnbalancedQuote)) throw error
    throw new Problem('procfile-invalid', {
      headline: `Procfile: the command of ${name} cannot be split into words: ${error.message}`,
      saw: printable(`${name}: ${line}`),
      hint: 'Close the quote. The image has an ENTRYPOINT, so the line is not read by a shell: its words become arguments.',
      cause: error,
    })
  }
}
