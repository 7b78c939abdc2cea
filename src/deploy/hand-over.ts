// After the commit point: requests go to what serves now, and what served before ends those that it has.
import type { App } from '../domain/app.ts'
import type { Container } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import type { Ground } from './ground.ts'
import type { Run } from './operations.ts'
import { retireAll } from './retire.ts'

/** Seconds that requests get to end by themselves. */
const DRAIN = 15
/** Milliseconds for the router to be told. */
const PATIENCE = 30_000

/** Not broken off when the actor leaves, and no failure: what was promoted stays, and the router follows later. */
export async function handOver({ routing, log }: Ground, app: App, { transcript }: Run): Promise<void> {
  try {
    await routing.follow(app, AbortSignal.timeout(PATIENCE))
  } catch (error) {
    log.warn({ app: app.name, error }, 'the router could not be told what serves now')
    const why = error instanceof Problem ? error.headline : 'The router does not answer in time'
    transcript.line(` !     ${why}. Requests go to what ran before until it can be told.`)
  }
}

/** Nothing is taken away that requests may still go to. Safe to do again. @throws what engine and router throw */
export async function retireDrained(
  ground: Ground,
  app: App,
  retired: readonly Container[],
  stopping?: AbortSignal,
): Promise<void> {
  const { stack, engine } = ground.stack(app.stack)
  const { routing } = ground
  const deadline = AbortSignal.timeout(PATIENCE + DRAIN * 1000)
  const signal = stopping ? AbortSignal.any([deadline, stopping]) : deadline
  await routing.follow(app, signal)
  await routing.drain(app, retired, DRAIN, signal)
  await retireAll(retired, engine, stack.grace, stopping)
}
