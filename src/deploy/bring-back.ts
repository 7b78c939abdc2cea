// What a stop-first replacement stops is wanted again when its candidates fail: started as it was, by the record.
import type { App } from '../domain/app.ts'
import type { Container } from '../domain/engine.ts'
import { containerLabel } from '../domain/rollout.ts'
import { serves } from '../domain/service.ts'
import type { Transcript } from '../domain/transcript.ts'
import type { Ground } from './ground.ts'

/** Milliseconds for the engine beyond the grace. */
const MARGIN = 60_000

export interface StoppedFirst {
  /** To be called before the stop. */
  add(containers: readonly Container[]): void
  /** Safe to do again: what runs again is not stopped a second time. */
  bringBack(): Promise<void>
}

export function stoppedFirst(
  ground: Pick<Ground, 'store' | 'stack'>,
  app: App,
  transcript: Transcript,
): StoppedFirst {
  const stopped = new Set<Container>()
  let told = false

  async function startAgain(container: Container): Promise<void> {
    const { stack, engine } = ground.stack(app.stack)
    const signal = AbortSignal.timeout(stack.grace * 1000 + MARGIN)
    if ((await engine.inspect(container.id, signal)) !== null) {
      // A stop that was never confirmed may still be under way, and would end what is started now.
      await engine.stop(container.id, stack.grace, signal)
      await engine.start(container.id, signal)
    }
    stopped.delete(container)
  }

  return {
    add(containers) {
      for (const container of containers) stopped.add(container)
    },
    async bringBack() {
      const { apps, releases, services } = ground.store
      if (apps.byId(app.id) === null) return
      const [live, shape] = [releases.live(app.id), services.of(app.id)]
      const wanted = [...stopped].filter(({ labels }) => serves(labels, live, shape))
      if (wanted.length === 0) return
      if (!told) transcript.line(`-----> Starting ${wanted.map(containerLabel).join(', ')} of before again`)
      told = true
      const outcomes = await Promise.allSettled(wanted.map(startAgain))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    },
  }
}
