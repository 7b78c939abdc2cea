// Keeps routes right while nothing is deployed: containers die, come back and change their addresses with an engine that
// is started again. Every engine is watched; what it tells is followed app by app. What it could not tell, because it was
// away or the gateway was, is found by comparing everything: when it is there again, and every half minute.
import { setTimeout as delay } from 'node:timers/promises'
import type { AppName } from '../domain/app.ts'
import type { ContainerLabels } from '../domain/container.ts'
import type { Engine } from '../domain/engine.ts'
import type { Log } from '../domain/log.ts'
import { serves } from '../domain/service.ts'
import type { Store } from '../store/store.ts'
import type { GatewayRouting } from './routing.ts'

export interface FollowingEngines {
  /** Those there are now whose containers the router reaches, by stack: the same object until the stack changes. */
  readonly engines: () => ReadonlyMap<string, Engine>
  readonly routing: Pick<GatewayRouting, 'follow' | 'followAll'>
  readonly store: Pick<Store, 'apps' | 'releases' | 'services'>
  readonly log: Log
  /** Milliseconds between two comparisons of everything, and before the nth try to reach an engine, counted from 0. */
  readonly every?: number
  readonly pause?: (n: number) => number
}

const EVERY = 30_000
/** Short, since an engine that is started again brings its containers back at once, at other addresses. */
const PAUSE = (n: number) => Math.min(2000, 50 * 2 ** n)
/** Milliseconds after which an engine that goes away counts as one that was well. */
const WELL = 10_000

/** Resolves when the gateway stops; never rejects. */
export async function followEngines(following: FollowingEngines, stopping: AbortSignal): Promise<void> {
  const { engines, every = EVERY } = following
  const watched = new Map<string, { engine: Engine; end: AbortController }>()
  const compareAll = comparing(following)
  while (!stopping.aborted) {
    const now = engines()
    for (const [stack, { engine, end }] of watched) {
      if (now.get(stack) === engine) continue
      end.abort()
      watched.delete(stack)
    }
    for (const [stack, engine] of now) {
      if (watched.has(stack)) continue
      const end = new AbortController()
      watched.set(stack, { engine, end })
      void followEngine(following, stack, engine, compareAll, AbortSignal.any([stopping, end.signal]))
    }
    await compareAll(stopping)
    await wait(every, stopping)
  }
}

async function followEngine(
  following: FollowingEngines,
  stack: string,
  engine: Engine,
  compareAll: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { log, pause = PAUSE } = following
  let away = false
  const hear = (labels: ContainerLabels | null) => {
    if (labels === null) {
      away = false
      void compareAll(signal)
    } else void followOne(following, labels, signal)
  }
  for (let n = 0; !signal.aborted; n += 1) {
    const began = performance.now()
    try {
      await engine.watch(hear, signal)
    } catch (error) {
      if (signal.aborted) return
      if (!away)
        log.warn({ stack, error }, 'what happens on this engine is not heard until it is there again')
      away = true
    }
    if (performance.now() - began > WELL) n = 0
    await wait(pause(n), signal)
  }
}

/** Only what serves is on a route: that a candidate started would keep its own deploy waiting for the router. */
async function followOne(
  { routing, store, log }: FollowingEngines,
  labels: ContainerLabels,
  signal: AbortSignal,
): Promise<void> {
  const { environment, app } = labels
  try {
    const found = store.apps.find({ environment, app } as AppName)
    if (found === null || !serves(labels, store.releases.live(found.id), store.services.of(found.id))) return
    await routing.follow(found, signal)
  } catch (error) {
    if (!signal.aborted) log.warn({ environment, app, error }, 'the routes of an app could not follow yet')
  }
}

/** Never rejects. What goes on for hours is said when it begins. */
function comparing({ routing, log }: FollowingEngines): (signal: AbortSignal) => Promise<void> {
  let failing = false
  return async signal => {
    try {
      await routing.followAll(signal)
      failing = false
    } catch (error) {
      if (signal.aborted) return
      if (!failing) log.warn({ error }, 'routes could not be compared; that is tried again')
      failing = true
    }
  }
}

/** Ends early, without an error, when it is not to go on. */
async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {})
}
