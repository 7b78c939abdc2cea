// What a pull or a push that was broken off has left on the engine: the name that an image bore meanwhile.
import { formatImageReference, type ImageReference } from '../../domain/image-reference.ts'
import type { Connection } from './connect.ts'
import { removeName } from './images.ts'
import { removePushedName, targetName } from './pushed-name.ts'
import type { Turns } from './turns.ts'

/** Waits for whoever pulls or pushes under the same name now, since that may be another app. */
export function removeLeftName(
  connection: Connection,
  gatewayId: string,
  turns: Turns,
  reference: ImageReference,
  signal: AbortSignal,
): Promise<void> {
  if (reference.digest === null) {
    return turns.take(targetName(reference).repository, signal, () =>
      removePushedName(connection, gatewayId, turns, reference, signal),
    )
  }
  // What was pulled has no label of ours: that the name was not there before is all that speaks for taking it.
  const pinned = formatImageReference({ ...reference, tag: null })
  return turns.take(pinned, signal, () =>
    connection.call(
      `take the name ${pinned} away`,
      docker => removeName(docker, turns, pinned, signal),
      signal,
    ),
  )
}
