// Who somebody is now. A connection, a prompt or a wait can outlive the key it was opened with, and a role.
import { type App, formatAppName } from '../domain/app.ts'
import { type Action, type Actor, authorise } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import type { Store } from '../store/store.ts'

/**
 * Who logged in, with what they may do now.
 * @throws Problem `forbidden` when the key was removed
 */
export function currentActor(store: Store, { key, address }: Actor): Actor {
  const owner = store.members.byKey(key)
  if (owner !== null) return { ...owner, key, address }
  throw new Problem('forbidden', {
    headline: 'The key you logged in with was removed',
    hint: 'Close this connection and log in with another key.',
  })
}

/**
 * Asks once more, after a wait, what was asked when the command began.
 * @throws Problem `forbidden`, `app-not-found`
 */
export function authoriseAgain(store: Store, actor: Actor, action: Action, app: App): void {
  authorise(currentActor(store, actor), action, {
    kind: 'app',
    label: formatAppName(app.name),
    environmentId: app.environmentId,
    exists: store.apps.byId(app.id) !== null,
  })
}
