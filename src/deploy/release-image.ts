// The image of a release that is to run again: nothing is pulled or built for it.
import type { Engine, Image } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import type { Release } from '../domain/release.ts'

/**
 * @param cure what to do when somebody removed it
 * @throws Problem `image-not-found`
 */
export async function releaseImage(
  engine: Engine,
  { number, image }: Pick<Release, 'number' | 'image'>,
  cure: string,
  signal: AbortSignal,
): Promise<Image> {
  const found = await engine.findImage(image.tag, signal)
  if (found !== null) return found
  throw new Problem('image-not-found', {
    phase: 'image',
    headline: `The image of release v${number} is not on the engine any more`,
    saw: `${image.tag} (${image.source}) was removed by somebody else.`,
    hint: cure,
  })
}
