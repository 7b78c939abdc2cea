// The config that counts: the live release's, or what was set last where nothing is live yet. A version whose release
// failed stays in the history and is never in force, so that config and code change together or not at all.
import type { App } from '../domain/app.ts'
import type { Config } from '../domain/config.ts'
import type { Store } from '../store/store.ts'

export function configInForce(store: Store, app: App): { version: number; values: Config } {
  const live = store.releases.live(app.id)
  if (live === null) return store.configs.current(app.id)
  return { version: live.configVersion, values: store.configs.at(app.id, live.configVersion) }
}
