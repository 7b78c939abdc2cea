// The engine's words for a failed build as a Problem. The status is of little use (engine 20.10 gives 500 for a
// wrong password, and 200 with an error line once the answer has begun), so that the text decides.
import { Problem } from '../../domain/problem.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'
import { fitWords } from '../engine-words.ts'
import { explainRegistryRefusal } from './registry-refusal.ts'

/** A step that failed, as evidence. */
export interface FailedStep {
  /** `[2/3] RUN make`, or `[internal] load metadata for quay.io/acme/base:1`. */
  readonly name: string
  /** Its last lines. */
  readonly output: readonly string[]
}

/** The engine ended a build with an error line. */
export class BuildRefused extends Error {
  readonly step: FailedStep | null

  constructor(message: string, step: FailedStep | null) {
    super(message)
    this.step = step
  }
}

/** BuildKit says in front of an error through which of its parts the error came. */
const ROUTE =
  /^(?:failed to (?:solve|create LLB definition|compute cache key|load cache key|calculate checksum of ref [^:]+)(?: with frontend [^:]+)?: |rpc error: code = \w+ desc = )+/
const EXIT =
  /(?:(?:executor failed running|did not complete successfully).*exit code|returned a non-zero code): (\d+)$/s
const DISK_FULL = /no space left on device/i
const DOCKERFILE =
  /dockerfile parse error|the dockerfile (?:\(.*\) )?cannot be empty|file with no instructions|unknown instruction|invalid stage index|index out of bounds|no build stage in current context|cannot locate specified dockerfile|failed to read dockerfile|circular dependency|base name \(.*\) should not be blank|failed to parse stage name/i

/** What a caught error means to the one who pushed. What is no answer of the engine comes back as it is: a bug. */
export function explainBuildFailure(error: unknown, auths: ReadonlyMap<string, RegistryAuth>): unknown {
  if (error instanceof BuildRefused) return explain(error.message, error.step, auths, error)
  if (!(error instanceof Error) || error instanceof Problem) return error
  if ('statusCode' in error) return explain(withoutStatus(error.message), null, auths, error)
  return 'code' in error && 'syscall' in error ? unreachable(error) : error
}

function explain(
  text: string,
  step: FailedStep | null,
  auths: ReadonlyMap<string, RegistryAuth>,
  cause: Error,
): Problem {
  const words = fitWords(text).replace(ROUTE, '').trim()
  const exitCode = EXIT.exec(words)?.[1]
  const output = step?.output ?? []
  if (DISK_FULL.test(exitCode === undefined ? words : output.join('\n'))) return diskFull(step, words, cause)
  // A command that failed is never the registry's doing, whatever the command's own text says.
  if (exitCode === undefined) {
    if (DOCKERFILE.test(words)) return dockerfileInvalid(words, cause)
    const refusal = explainRegistryRefusal(words, step?.name ?? '', auths, cause)
    if (refusal !== null) return refusal
  }
  const which = step === null ? 'The build' : `The Dockerfile step ${step.name}`
  return new Problem('build-failed', {
    headline: exitCode === undefined ? `${which} failed` : `${which} failed with exit code ${exitCode}`,
    saw: (exitCode === undefined ? [...output, words] : output).join('\n') || words,
    hint: 'Correct the Dockerfile or what it copies, commit and push again. `docker build .` in a fresh clone shows the same.',
    cause,
  })
}

function dockerfileInvalid(words: string, cause: Error): Problem {
  return new Problem('dockerfile-invalid', {
    headline: 'The engine cannot read the Dockerfile',
    // The engine's own path of the unpacked context says nothing to anybody.
    saw: words.replace(/open \S*\/Dockerfile/, 'open Dockerfile'),
    hint: 'Correct the Dockerfile at the root of the repository, commit and push again.',
    cause,
  })
}

function diskFull(step: FailedStep | null, words: string, cause: Error): Problem {
  return new Problem('engine-disk-full', {
    headline: 'The Docker engine has no space left on its disk to build this image',
    saw: [...(step === null ? [] : [step.name]), ...(step?.output.slice(-3) ?? []), words].join('\n'),
    hint: 'Ask the operator of the gateway to free space on the engine, then push again.',
    cause,
  })
}

function unreachable(cause: Error): Problem {
  return new Problem('engine-unreachable', {
    headline: 'The Docker engine does not answer, so the image could not be built',
    saw: cause.message,
    hint: 'Push again in a moment; if it goes on, ask the operator of the gateway to look at the engine.',
    cause,
  })
}

/** `(HTTP code 400) unexpected - dockerfile parse error … ` → the engine's own words. */
function withoutStatus(message: string): string {
  return message.replace(/^\(HTTP code \d+\) .*? - /, '')
}
