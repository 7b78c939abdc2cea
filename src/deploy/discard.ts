// Takes away what a try has started that did not come to life. By labels, so that it finds what it was never told of.
import type { App } from '../domain/app.ts'
import type { ContainerLabels } from '../domain/container.ts'
import type { Engine } from '../domain/engine.ts'
import { undoSignal } from './undo.ts'

/** Removes every container of a release that did not come to life, also one whose creation was never confirmed. */
export function discardRelease(engine: Engine, app: App, release: number): Promise<void> {
  return discard(engine, app, labels => labels.release === release)
}

/** The same, for what an operation started for a release that was live already. */
export function discardStarted(engine: Engine, app: App, operation: number): Promise<void> {
  return discard(engine, app, labels => labels.startedBy === operation)
}

async function discard(
  engine: Engine,
  app: App,
  isOurs: (labels: ContainerLabels) => boolean,
): Promise<void> {
  const signal = undoSignal()
  const made = (await engine.list(app.name, signal)).filter(({ labels }) => isOurs(labels))
  const outcomes = await Promise.allSettled(made.map(({ id }) => engine.remove(id, signal)))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
