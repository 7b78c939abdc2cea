// Builds an image through the engine's API. What a build opens (requests, session, context) ends with it, however
// it ends; the engine stops a build whose connection is cut.
import type Docker from 'dockerode'
import type { BuildRequest } from '../../domain/engine.ts'
import { Problem } from '../../domain/problem.ts'
import type { Transcript } from '../../domain/transcript.ts'
import { buildWithBuildkit } from './buildkit.ts'
import { buildWithClassic } from './classic.ts'
import { explainBuildFailure } from './failure.ts'

export interface BuildOptions {
  /** Labels of the image. Anybody can read them: ids only. */
  readonly labels: Readonly<Record<string, string>>
  readonly timeoutSeconds: number
}

/**
 * Resolves when the image is built and tagged.
 * @throws Problem `build-failed`, `dockerfile-invalid`, `build-timeout`, `engine-*`, and the registry's Problems
 *   for what FROM and COPY --from name
 * @throws signal.reason when aborted; whatever the context threw when that broke off
 */
export async function buildImage(
  docker: Docker,
  request: BuildRequest,
  options: BuildOptions,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const ending = new AbortController()
  const either = AbortSignal.any([signal, ending.signal])
  const deadline = setTimeout(
    () => ending.abort(tooLong(options.timeoutSeconds)),
    options.timeoutSeconds * 1000,
  )
  const build = request.builder === 'buildkit' ? buildWithBuildkit : buildWithClassic
  try {
    await build(docker, request, transcript, {
      labels: options.labels,
      signal: either,
      contextFailed: error => ending.abort(error),
    })
  } catch (error) {
    either.throwIfAborted()
    throw explainBuildFailure(error, request.auths)
  } finally {
    clearTimeout(deadline)
    ending.abort()
  }
}

function tooLong(seconds: number): Problem {
  const limit = seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${seconds} seconds`
  return new Problem('build-timeout', {
    headline: `The build took longer than the ${limit} that the stack allows, and was stopped`,
    hint: 'Make the Dockerfile quicker (slow steps first, so that they stay cached), or ask the operator of the gateway to raise build.timeout in the stack file.',
  })
}
