// Which images stay on the engine: those of the last releases that were live, each held by a tag of ours. Older tags
// are taken away one by one; what else lies on the engine is nobody's business here, and nothing is ever pruned.
import type { App } from '../domain/app.ts'
import type { Ground } from './ground.ts'
import { imageRepository, isReleaseTag } from './names.ts'

const DEADLINE_MS = 300_000

/**
 * The app's tags that no kept release has. Releases that share an image (a changed config, a rollback) count as one, so
 * that changing variables puts no code out of reach. In the app's turn only: the image that an operation is about to
 * release is not kept yet.
 */
export async function unkeptTags(
  { store, stack, keepReleases }: Pick<Ground, 'store' | 'stack' | 'keepReleases'>,
  app: App,
  signal: AbortSignal,
): Promise<string[]> {
  const { engine } = stack(app.stack)
  // The newest that was promoted is the live one.
  const kept = new Set(store.releases.promotedTags(app.id, keepReleases))
  const tags = await engine.tags(imageRepository(store.gatewayId, app.name), signal)
  return tags.filter(tag => !kept.has(tag))
}

/**
 * After a promotion, when the app's turn is free: nobody waits for it.
 * @throws Problem `engine-unreachable` and its kin: try again when the engine answers
 */
export function removeOldImages(ground: Ground, app: App): Promise<void> {
  return ground.exclusive(app.id, async () => {
    if (ground.store.apps.byId(app.id) === null) return // Destroyed since, with its images.
    const { engine } = ground.stack(app.stack)
    const signal = AbortSignal.timeout(DEADLINE_MS)
    const old = (await unkeptTags(ground, app, signal)).filter(isReleaseTag)
    for (const tag of old) await engine.removeTag(tag, signal)
  })
}
