// Why a container could not be started, freed of the layers of runtime that each put their name in front.
import { Problem } from '../../domain/problem.ts'
import { diskFull, engineWords, statusOf } from './translate.ts'

const NOISE = [
  /^failed to create (?:shim )?task(?: for container)?: /,
  /^OCI runtime (?:create|start) failed: /,
  /^runc (?:create|run) failed: /,
  /^(?:container|process|rootfs|init|standard_init)_linux\.go:\d+: /,
  /^(?:starting container process|container init|running init|process_linux\.go:\d+: container init) caused(?: "|: )/,
  /^unable to start container process: /,
  /^error during container init: /,
]

const NO_ADDRESS = /^no available IPv4 addresses/
const FULL_NETWORK =
  "Every address of the environment's network is taken, and the old and the new containers stand side by side for a moment. Scale something in the environment down; for a new environment an operator can make the subnet larger (network.size in the stack file)."

/** The same words from the first that says something on. */
export function withoutNoise(words: string): string {
  let rest = words
  for (;;) {
    const noise = NOISE.find(pattern => pattern.test(rest))
    if (noise === undefined) return rest.replace(/:? ?unknown$/, '')
    rest = rest.replace(noise, '')
  }
}

/**
 * Null when the error is no answer of the engine.
 * @param container `web.1`
 */
export function notStarted(error: unknown, container: string, stack: string): Problem | null {
  if (statusOf(error) === null) return null
  const words = withoutNoise(engineWords(error))
  return (
    diskFull(words, stack, error) ??
    new Problem('container-not-started', {
      headline: `${container} could not be started`,
      saw: words,
      hint: NO_ADDRESS.test(words)
        ? FULL_NETWORK
        : 'Check the command in the Procfile, and USER, WORKDIR and ENTRYPOINT of the image.',
      cause: error,
    })
  )
}
