// Whether an operation got past its commit point, by the record alone: what it changed has happened, whatever became
// of the rest of it.
import type { Store } from '../store/store.ts'

/** True when the live release, or the shape of a service as it is now, is that operation's. */
export function tookEffect(store: Store, appId: number, operation: number): boolean {
  return store.releases.live(appId)?.operation === operation || store.services.wasShapedBy(appId, operation)
}
