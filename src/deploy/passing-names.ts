// An image that is pulled or pushed bears a name of its registry on the engine meanwhile. This takes away what was left
// of it by a crash, or when it was broken off.
import type { App } from '../domain/app.ts'
import { parseImageReference } from '../domain/image-reference.ts'
import type { Ground } from './ground.ts'

/** For a PullRequest or a PushRequest: remembers the name for as long as the image may bear it. */
export function rememberName({ store }: Pick<Ground, 'store'>, app: Pick<App, 'id'>, name: string) {
  return {
    named: () => store.passingNames.add(app.id, name),
    unnamed: () => store.passingNames.remove(app.id, name),
  }
}

/**
 * In the app's turn only, or it would take the name of a push that is under way.
 * @throws Problem `engine-unreachable` and its kin: try again when the engine answers
 */
export async function removeLeftNames(
  { store, stack }: Pick<Ground, 'store' | 'stack'>,
  app: Pick<App, 'id' | 'stack'>,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = stack(app.stack)
  for (const name of store.passingNames.of(app.id)) {
    await engine.removeLeftName(parseImageReference(name), signal)
    store.passingNames.remove(app.id, name)
  }
}
