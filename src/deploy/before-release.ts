// The commands of `.aptible.yml` that run before anything of a release is started: in the new image, with the
// release's config. When one fails, the undo of the release removes their container with the rest.
import type { Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import type { Transcript } from '../domain/transcript.ts'
import type { Surroundings } from './container-spec.ts'
import { runCommands } from './run-commands.ts'

export const BEFORE_RELEASE = 'before_release'

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
  const list = { key: BEFORE_RELEASE, process: 'before-release', commands }
  const signal = AbortSignal.any([asked, deadline])
  const failed = await runCommands(list, engine, surroundings, transcript, signal).catch(error => {
    throw deadline.aborted && !asked.aborted ? tookTooLong(seconds, surroundings.stack.name) : error
  })
  if (failed === null) return
  const { command, exitCode, output } = failed
  throw new Problem('before-release-failed', {
    phase: 'before_release',
    headline: `A before_release command failed with exit code ${exitCode}: ${command}`,
    saw: output.length > 0 ? ['Its last output:', ...output].join('\n') : 'It printed nothing.',
    hint: 'Mend the command in .aptible.yml or what it calls, and push again. What it did to a database stays done.',
  })
}

function tookTooLong(seconds: number, stack: string): Problem {
  return new Problem('before-release-failed', {
    phase: 'before_release',
    headline: `The before_release commands took longer than ${seconds} s, the most that the stack ${stack} allows`,
    hint: 'Make them quicker, or ask an operator to raise build.timeout in the stack file. What they did to a database stays done.',
  })
}
