// The answer to "what runs now", for a Problem: from the record, not from the engine, which may be what failed.
import type { App } from '../domain/app.ts'
import type { Store } from '../store/store.ts'

export function runsNow(store: Store, app: App): string {
  const live = store.releases.live(app.id)
  if (live === null) return 'Nothing: this app has no release yet.'
  const processes = live.processes.map(process => process.name).join(', ')
  return `Release v${live.number} (${processes}), as before.`
}
