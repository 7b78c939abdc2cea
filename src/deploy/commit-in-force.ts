// The commit that counts while nothing is being pushed: the live release's, or what is on the branch that deploys.
import type { App } from '../domain/app.ts'
import type { Commit } from '../git/commit.ts'
import type { Ground } from './ground.ts'

/** Null when nothing was pushed to master or main yet. */
export async function commitInForce(
  { store, repositories }: Pick<Ground, 'store' | 'repositories'>,
  app: App,
): Promise<Commit | null> {
  const live = store.releases.live(app.id)
  if (live !== null) return repositories.commit(app.name, live.commit)
  for (const branch of ['master', 'main']) {
    const id = await repositories.branch(app.name, branch)
    if (id !== null) return repositories.commit(app.name, id)
  }
  return null
}
