// Pushing what is live already must be harmless and quick: after a crash between the promotion and git's own
// ref update, the same commit arrives again.
import type { Release } from '../domain/release.ts'
import { isServing } from '../domain/rollout.ts'
import type { Access } from './access.ts'
import type { Wish } from './deploy.ts'
import type { Ground } from './ground.ts'
import type { Run } from './operations.ts'

/** The live release when it is of this commit, config and image and its containers run, else null. */
export async function alreadyLive(
  ground: Ground,
  wish: Wish,
  access: Access,
  run: Run,
): Promise<Release | null> {
  const live = ground.store.releases.live(wish.app.id)
  if (live === null || live.commit !== wish.commit.id || live.configVersion !== wish.configVersion)
    return null
  // A tag may mean another image by now; a Dockerfile of the same commit is taken to mean the same.
  if (access.kind === 'pull' && !live.image.digest?.endsWith(`@${access.digest}`)) return null
  const { engine } = ground.stack(wish.app.stack)
  const present = await engine.list(wish.app.name, run.signal)
  if (!isServing(present, live, ground.store.services.of(wish.app.id))) return null
  run.transcript.line(`-----> This commit is live already, as v${live.number}: nothing to start`)
  return live
}
