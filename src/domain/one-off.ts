// The one-off containers of `run` and `ssh`: told apart from what a release runs, and named after what was asked for.
import type { ContainerLabels } from './container.ts'

/** As the process that it is called in `ps`. A Procfile may have one of that name, which is no one-off. */
export const RUN = 'run'

/** Whether a container is somebody's `run` or `ssh`: no deploy's to stop, and its output is theirs alone. */
export function isRun(labels: ContainerLabels): boolean {
  return labels.oneOff && labels.process === RUN
}

/** A script for a shell, or a program and its arguments: what a container is to run. */
export interface OneOffCommand {
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
}

/**
 * Several words are a program and its arguments, exactly as they are. A single word that is more than the name of a
 * program is a line for /bin/sh, as if it had been typed into one. The image's ENTRYPOINT is left out in both cases.
 */
export function oneOffCommand(words: readonly string[]): OneOffCommand {
  const [first = ''] = words
  if (words.length === 1 && !/^[\w@%+:,./-]+$/.test(first)) {
    return { entrypoint: [], command: ['/bin/sh', '-c', first] }
  }
  return { entrypoint: [], command: words }
}

/** What is recorded of the words: the program, and not what may be a value (`NAME=…`) or a password (`…:…@…`) in it. */
export function subjectOf(words: readonly string[]): string {
  const [first = ''] = (words[0] ?? '').trimStart().split(/\s/)
  const name = /^[\w+./-]{0,60}/.exec(first)?.[0] ?? ''
  return name === first ? name : `${name}…`
}
