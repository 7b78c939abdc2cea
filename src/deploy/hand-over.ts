// After the commit point: requests go to what serves now, and what served before ends those that it has. The pusher waits
// for the first only. What a stop of the gateway leaves of the second, the next start takes up again (`recover.ts`).
import type { App } from '../domain/app.ts'
import type { Container } from '../domain/container.ts'
import { Problem } from '../domain/problem.ts'
import type { Transcript } from '../domain/transcript.ts'
import type { Ground } from './ground.ts'
import { retireAll } from './retire.ts'

/** Milliseconds for the router to be told. */
const PATIENCE = 30_000

/** Not broken off when the actor leaves, and no failure: what was promoted stays, and the router follows later. */
export async function handOver(
  { routing, log }: Pick<Ground, 'routing' | 'log'>,
  app: App,
  transcript: Transcript,
): Promise<void> {
  try {
    await routing.follow(app, AbortSignal.timeout(PATIENCE))
  } catch (error) {
    log.warn({ app: app.name, error }, 'the router could not be told what serves now')
    const why = error instanceof Problem ? error.headline : 'The router does not answer in time'
    transcript.line(` !     ${why}. That is tried again until it works; what ran before answers until then.`)
  }
}

/**
 * Nothing is taken away that requests may still go to: what an endpoint reaches is off its route and has drained before it
 * is stopped. Nothing else waits for that. Safe to do again.
 * @param stopping ends the wait for router and requests
 * @throws what engine and router throw; the other containers are retired all the same
 */
export async function retireDrained(
  ground: Ground,
  app: App,
  retired: readonly Container[],
  stopping: AbortSignal,
): Promise<void> {
  const { stack, engine } = ground.stack(app.stack)
  const { routing } = ground
  const reached = new Set(routing.endpoints(app).map(({ service }) => service))
  const isReached = ({ labels }: Container) => reached.has(labels.process)
  const retire = (containers: readonly Container[]) => retireAll(containers, engine, stack.grace)

  async function drainAndRetire(containers: readonly Container[]): Promise<void> {
    if (containers.length === 0) return
    const signal = AbortSignal.any([AbortSignal.timeout(PATIENCE + stack.drain * 1000), stopping])
    await routing.follow(app, signal)
    await routing.drain(app, containers, stack.drain, signal)
    await retire(containers)
  }

  const outcomes = await Promise.allSettled([
    retire(retired.filter(container => !isReached(container))),
    drainAndRetire(retired.filter(isReached)),
  ])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
