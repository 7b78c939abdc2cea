// Stop-first: what is replaced leaves its route, ends the requests that it has, and stops. When its candidates fail it is
// wanted again: started as it was, by the record, and back on its route.
import type { App } from '../domain/app.ts'
import type { Container } from '../domain/container.ts'
import { containerLabel } from '../domain/rollout.ts'
import { serves } from '../domain/service.ts'
import type { Transcript } from '../domain/transcript.ts'
import type { Ground } from './ground.ts'

/** Milliseconds for the engine beyond the grace, and for the router. */
const MARGIN = 60_000

export interface StoppedFirst {
  /**
   * New requests go to others of the service, or are answered that the app is down; those under way have the stack's
   * `drain` to end.
   * @throws `signal.reason` as long as nothing was stopped, and what engine and router throw
   */
  stop(containers: readonly Container[], signal: AbortSignal): Promise<void>
  /** Safe to do again: what runs again is not stopped a second time. */
  bringBack(): Promise<void>
}

export function stoppedFirst(
  { store, stack: find, routing }: Pick<Ground, 'store' | 'stack' | 'routing'>,
  app: App,
  transcript: Transcript,
): StoppedFirst {
  const withheld = new Set<Container>()
  const stopped = new Set<Container>()
  let told = false

  async function leaveRoutes(containers: readonly Container[], signal: AbortSignal): Promise<void> {
    const reached = new Set(routing.endpoints(app).map(({ service }) => service))
    const leaving = containers.filter(({ labels }) => reached.has(labels.process))
    if (leaving.length === 0) return
    const { drain } = find(app.stack).stack
    transcript.line(
      `       No new requests for ${leaving.map(containerLabel).join(', ')}: those under way have ${drain} s to end`,
    )
    for (const container of leaving) withheld.add(container)
    routing.withhold(app, leaving)
    await routing.follow(app, signal)
    await routing.drain(app, leaving, drain, signal)
  }

  /** What is to be started again stays off its route until then: for that it is stopped once more. */
  async function returnToRoutes(): Promise<void> {
    const back = [...withheld].filter(container => !stopped.has(container))
    if (back.length === 0) return
    routing.readmit(app, back)
    await routing.follow(app, AbortSignal.timeout(MARGIN))
    for (const container of back) withheld.delete(container)
  }

  async function startAgain(container: Container): Promise<void> {
    const { stack, engine } = find(app.stack)
    const signal = AbortSignal.timeout(stack.grace * 1000 + MARGIN)
    if ((await engine.inspect(container.id, signal)) !== null) {
      // A stop that was never confirmed may still be under way, and would end what is started now.
      await engine.stop(container.id, stack.grace, signal)
      await engine.start(container.id, signal)
    }
    stopped.delete(container)
  }

  return {
    async stop(containers, signal) {
      await leaveRoutes(containers, signal)
      signal.throwIfAborted()
      const { stack, engine } = find(app.stack)
      for (const container of containers) stopped.add(container)
      // Not broken off by an abort: the engine would go on with it, and stop what was brought back meanwhile.
      const deadline = AbortSignal.timeout(stack.grace * 1000 + MARGIN)
      await allOf(containers.map(({ id }) => engine.stop(id, stack.grace, deadline)))
    },
    async bringBack() {
      const { apps, releases, services } = store
      if (apps.byId(app.id) === null) return
      const [live, shape] = [releases.live(app.id), services.of(app.id)]
      const wanted = [...stopped].filter(({ labels }) => serves(labels, live, shape))
      if (wanted.length > 0 && !told) {
        transcript.line(`-----> Starting ${wanted.map(containerLabel).join(', ')} of before again`)
        told = true
      }
      await allOf(wanted.map(startAgain)).finally(returnToRoutes)
    },
  }
}

/** All of them have ended when the first failure is thrown. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(works)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
