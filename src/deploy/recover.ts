// After a crash: operations that were under way are failed, their candidates and images removed, and what retention
// left undone is done. What served goes on serving; nothing here touches a container of a live release.
import { setTimeout as delay } from 'node:timers/promises'
import { type App, formatAppName } from '../domain/app.ts'
import type { Container } from '../domain/container.ts'
import type { Operation } from '../domain/operation.ts'
import { rolloutOf, serves, serviceOf } from '../domain/service.ts'
import type { Ground } from './ground.ts'
import { retireDrained } from './hand-over.ts'
import { keepRunning } from './keep-running.ts'
import { outlastStop, stopMayBeUnderWay } from './late-stop.ts'
import { leaveNetwork } from './network.ts'
import type { Operations } from './operations.ts'
import { removeLeftNames } from './passing-names.ts'
import { unkeptTags } from './retention.ts'
import { retireAll } from './retire.ts'
import { tookEffect } from './took-effect.ts'

/** Before anything is accepted: what the last process left undone did not happen. */
export function failInterrupted(ground: Ground): void {
  for (const operation of ground.store.operations.unfinished()) endInterrupted(ground, operation)
}

/** Ends an operation that is recorded as unfinished and that nobody is at work on. */
export function endInterrupted({ store, log }: Pick<Ground, 'store' | 'log'>, operation: Operation): void {
  // What is past its commit point has happened: only what its .aptible.yml asks for afterwards was cut off.
  if (tookEffect(store, operation.appId, operation.number)) {
    store.operations.appendLine(
      operation.id,
      ' !     The gateway stopped before the commands that run afterwards had ended. They are not run again.',
    )
    store.operations.finish(operation.id, 'succeeded', null)
    return
  }
  const left =
    operation.kind === 'destroy' ? 'A part of the app may be left' : 'What ran before goes on running'
  store.operations.appendLine(
    operation.id,
    ` !     The gateway stopped while this operation ran (interrupted). ${left}; ask again.`,
  )
  store.operations.finish(operation.id, 'failed', 'interrupted')
  log.warn({ app: operation.appId, operation: operation.number }, 'an interrupted operation was failed')
}

/** Milliseconds: between two tries, and for the engine to tell or do all that one app needs. */
const RETRY = 5000
const DEADLINE = 120_000
/** Milliseconds by which an engine may be late with killing what has not ended within its grace. */
const LATE = 60_000

/**
 * Recovers every app, and comes back to those whose engine does not answer yet or whose turn somebody has. Resolves when
 * all are done or the gateway stops; never rejects.
 */
export async function recoverWhenPossible(
  ground: Ground,
  operations: Operations,
  stopping: AbortSignal,
  { retry = RETRY, late = LATE }: { readonly retry?: number; readonly late?: number } = {},
): Promise<void> {
  let waiting = ground.store.apps.list()
  const recovered = new Map(waiting.map(app => [app.id, Promise.withResolvers<void>()] as const))
  for (const app of waiting) {
    const { promise = Promise.resolve() } = recovered.get(app.id) ?? {}
    ground.background(`recover ${formatAppName(app.name)}`, promise, app.id)
  }
  while (waiting.length > 0 && !stopping.aborted) {
    const later: App[] = []
    for (const app of waiting) {
      // Whoever was quicker may build for minutes, while what others need back is down.
      if (operations.busy(app.id).inTurn.length > 0) {
        later.push(app)
        continue
      }
      try {
        if (!stopping.aborted) await recoverApp(ground, operations, app, late, stopping)
        recovered.get(app.id)?.resolve()
      } catch (error) {
        if (!stopping.aborted) ground.log.warn({ app: app.name, error }, 'an app could not be recovered yet')
        later.push(app)
      }
    }
    waiting = later
    if (waiting.length > 0) await wait(retry, stopping)
  }
  for (const { resolve } of recovered.values()) resolve()
}

/**
 * Brings one app's stack back to what the record says. Safe to run again, and while other apps are deployed.
 * @throws Problem `engine-unreachable` and its kin: try again when the engine answers
 */
function recoverApp(
  ground: Ground,
  operations: Operations,
  app: App,
  late: number,
  stopping: AbortSignal,
): Promise<void> {
  return operations.exclusive(app.id, async () => {
    if (ground.store.apps.byId(app.id) === null) return // Destroyed since.
    const { stack, engine } = ground.stack(app.stack)
    const signal = AbortSignal.any([AbortSignal.timeout(DEADLINE), stopping])
    const live = ground.store.releases.live(app.id)

    // Somebody's `run` that began after the start is theirs.
    const present = (await engine.list(app.name, signal)).filter(({ name }) => !ground.oneOffs.has(name))
    const services = ground.store.services.of(app.id)
    const serving = present.filter(({ labels }) => serves(labels, live, services))
    const leftOver = present.filter(container => !serving.includes(container))
    const reached = new Set(ground.routing.endpoints(app).map(({ service }) => service))
    const way = ({ labels }: Container) => rolloutOf(serviceOf(services, labels.process), reached)
    const isReached = (container: Container) =>
      reached.has(container.labels.process) && way(container) === 'start-first'
    const isApart = (container: Container) => !isReached(container)
    await keepRunning(serving.filter(isReached).map(idOf), engine)
    // Where nothing is routed, or was stopped first all the same, the candidate ends before what it was to replace is
    // started again.
    await retireAll(leftOver.filter(isApart), engine, stack.grace, stopping)
    await keepRunning(serving.filter(isApart).map(idOf), engine)
    // What served before a switch that was cut off: the router is told first, and requests get their time to end. Neither
    // the next app nor this one's next operation has to wait for that.
    const draining = leftOver.filter(isReached)
    if (draining.length > 0) {
      ground.insist(
        'retire what an earlier process left',
        async end => {
          await retireDrained(ground, app, draining, end)
          // Once more: the engine has kept the images of what still ran, and its network.
          await operations.exclusive(app.id, () => clearAway(ground, app, end))
        },
        app.id,
      )
    }
    if (stopMayBeUnderWay(ground, app)) {
      ground.insist('keep running what an earlier process may have been stopping', end =>
        outlastStop(ground, operations, app, late, end),
      )
    }

    await clearAway(ground, app, stopping)
  })
}

/** In the app's turn only. Images of interrupted deploys and generators are among those that no kept release has. */
async function clearAway(ground: Ground, app: App, stopping: AbortSignal): Promise<void> {
  const { store } = ground
  if (store.apps.byId(app.id) === null) return
  const { engine } = ground.stack(app.stack)
  const signal = AbortSignal.any([AbortSignal.timeout(DEADLINE), stopping])
  for (const tag of await unkeptTags(ground, app, signal)) await engine.removeTag(tag, signal)
  await removeLeftNames(ground, app, signal)
  if (store.releases.live(app.id) === null) await leaveNetwork(ground, app, signal)
}

const idOf = ({ id }: Container) => id

/** Ends early, without an error, when the gateway stops. */
async function wait(milliseconds: number, stopping: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: stopping }).catch(() => {})
}
