// Routes follow the record. THE COMMIT POINT IS THE RECORD: which release is live, which containers serve, which
// endpoints there are is written there first, and the router is told what follows from it, as a whole. So a crash at any
// step, a router that was away and a message that comes twice are all mended alike: by deriving the same once more.
//
// Two rules keep an old answer from winning over a new one. The record is read before the engine is asked: containers
// that it names are retired only after a later follow, so they are there. And one app is followed once at a time.
//
// What the record names and is about to be stopped all the same, stop-first, is left out of every route derived meanwhile.
import { type App, formatAppName } from '../domain/app.ts'
import type { Container } from '../domain/container.ts'
import type { Endpoint } from '../domain/endpoint.ts'
import type { Engine } from '../domain/engine.ts'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'
import { routeOf } from '../domain/route.ts'
import type { Route, Router } from '../domain/router.ts'
import type { Stack } from '../domain/stack.ts'
import { untilAborted } from '../domain/until-aborted.ts'
import type { Store } from '../store/store.ts'
import { drain } from './drain.ts'
import { createLatest } from './latest.ts'
import { createWithheld, type Withheld } from './withheld.ts'

/** What a deploy needs of the router. */
export interface Routing extends Pick<Withheld, 'withhold' | 'readmit'> {
  /** The app's endpoints that a router of this gateway answers. */
  endpoints(app: App): readonly Endpoint[]
  /**
   * Asked before the commit point, so that a deploy fails while nothing has changed yet.
   * @throws Problem `router-missing`, `router-unreachable` when the app has endpoints and the router cannot be told
   */
  ready(app: App, signal: AbortSignal): Promise<void>
  /** Has the routes of the app's endpoints follow the record and the engine. Safe to do again. */
  follow(app: App, signal: AbortSignal): Promise<void>
  /**
   * Resolves when requests that were under way to these containers have ended; after `seconds` they are cut. Routes
   * have to have followed before.
   */
  drain(app: App, containers: readonly Container[], seconds: number, signal: AbortSignal): Promise<void>
}

/** What those need of it who keep all of it right. */
export interface GatewayRouting extends Routing {
  /**
   * Starts the router if it does not run yet.
   * @throws Problem `router-missing`, `router-unreachable`, `router-failed`
   */
  answering(signal: AbortSignal): Promise<void>
  /** What the router does now, as it says itself. */
  seen(signal: AbortSignal): Promise<readonly Route[]>
  /** The same as `follow`, for every app at once, and nothing else is routed. Starts no router where there is no endpoint. */
  followAll(signal: AbortSignal): Promise<void>
}

export interface RoutingOptions {
  readonly store: Pick<Store, 'apps' | 'releases' | 'services' | 'endpoints'>
  stack(name: string): { stack: Stack; engine: Engine }
  readonly router: Router
  /** Ends what is under way. */
  readonly stopping: AbortSignal
  readonly log: Log
}

/** Milliseconds for one run: engine and router are on this machine. */
const DEADLINE = 30_000

/** Whether the router reaches what runs on a stack: containers' addresses mean something on the engine's machine only. */
export function isReached(stack: Pick<Stack, 'engine'>): boolean {
  return stack.engine.kind === 'unix'
}

export function createRouting(options: RoutingOptions): GatewayRouting {
  const { store, router, stopping, log } = options
  const latest = createLatest<number | 'all'>()
  const withheld = createWithheld()
  /** By app: what the router was told last. */
  const told = new Map<number, readonly Route[]>()
  /** By app: the turn in which it was followed last. Turns count from 1 for all apps together. */
  const turns = new Map<number, number>()
  let turn = 0
  /** Whether the router was told everything, and has not been found away since. */
  let complete = false

  const deadline = () => AbortSignal.any([AbortSignal.timeout(DEADLINE), stopping])

  function endpoints(app: App): readonly Endpoint[] {
    const own = store.endpoints.of(app.id)
    return own.length > 0 && isReached(options.stack(app.stack).stack) ? own : []
  }

  /** What is in force now. To be had before the engine is asked. */
  function read(app: App) {
    const record = {
      endpoints: endpoints(app),
      live: store.releases.live(app.id),
      services: store.services.of(app.id),
    }
    const others = withheld.others(app)
    return (containers: readonly Container[]) =>
      record.endpoints.map(endpoint => routeOf(endpoint, others(containers), record.live, record.services))
  }

  async function followNow(app: App): Promise<void> {
    if (!complete) return followAllShared()
    const signal = deadline()
    turn += 1
    turns.set(app.id, turn)
    const derive = read(app)
    const { engine } = options.stack(app.stack)
    const routes = derive(await engine.list(app.name, signal))
    const before = told.get(app.id) ?? []
    told.set(app.id, routes)
    try {
      await removeOthers(before, routes, signal)
      if (routes.length > 0) await router.update(routes, signal)
    } catch (error) {
      complete = false
      if (!(error instanceof Problem) || error.code !== 'router-unreachable') throw error
      await followAllShared()
    }
  }

  /** What the app had, and has no more. */
  async function removeOthers(
    before: readonly Route[],
    routes: readonly Route[],
    signal: AbortSignal,
  ): Promise<void> {
    const stays = new Set(routes.map(({ hostname }) => hostname))
    for (const { hostname } of before) if (!stays.has(hostname)) await router.remove(hostname, signal)
  }

  function followAllShared(): Promise<void> {
    return latest('all', followAllNow)
  }

  async function followAllNow(): Promise<void> {
    const signal = deadline()
    const mark = turn
    const withEndpoints = new Set(store.endpoints.all().map(({ appId }) => appId))
    const apps = store.apps.list().filter(({ id }) => withEndpoints.has(id))
    const derived = apps.map(app => ({ app, derive: orNull(app, () => read(app)) }))
    const listed = await listEach(new Set(apps.map(({ stack }) => stack)), signal)
    const seen = [...listed.values()].includes(null) ? await router.seen(signal).catch(() => []) : []

    // From here to the call nothing is waited for, so that what is followed later is also told later.
    const inForce = new Map(store.endpoints.all().map(each => [each.hostname, each] as const))
    for (const { app, derive } of derived) {
      const containers = listed.get(app.stack)?.get(formatAppName(app.name))
      const before = told.get(app.id) ?? seen.filter(each => inForce.get(each.hostname)?.appId === app.id)
      // One that was followed meanwhile knows better. Where the engine does not answer, what was told stays.
      const newer = (turns.get(app.id) ?? 0) > mark && told.has(app.id)
      told.set(app.id, newer || !listed.get(app.stack) ? before : (derive?.(containers ?? []) ?? before))
    }
    for (const id of told.keys()) if (!withEndpoints.has(id) && (turns.get(id) ?? 0) <= mark) told.delete(id)
    const routes = [...told.values()].flat().filter(({ hostname }) => inForce.has(hostname))
    try {
      await router.replace(routes, signal)
      complete = true
    } catch (error) {
      complete = false
      throw error
    }
  }

  /** The containers on each stack, by app; null for a stack whose engine does not tell. */
  async function listEach(stacks: ReadonlySet<string>, signal: AbortSignal) {
    const lists = [...stacks].map(async name => {
      try {
        const { stack, engine } = options.stack(name)
        const all = isReached(stack) ? await engine.list({}, signal) : []
        const byApp = Map.groupBy(all, ({ labels }) => `${labels.environment}/${labels.app}`)
        return [name, byApp] as const
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ stack: name, error }, 'routes to this stack stay as they are: its engine does not tell')
        return [name, null] as const
      }
    })
    return new Map(await Promise.all(lists))
  }

  /** A stack that cannot be used must not keep the routes of the others from being right. */
  function orNull<T>(app: App, work: () => T): T | null {
    try {
      return work()
    } catch (error) {
      log.warn({ app: app.name, error }, 'the routes of this app stay as they are')
      return null
    }
  }

  const routing: GatewayRouting = {
    endpoints,
    async answering(signal) {
      if (complete) {
        try {
          if (await router.answers(signal)) return
        } catch (error) {
          if (!(error instanceof Problem)) throw error
        }
      }
      await untilAborted(followAllShared(), signal)
    },
    seen: signal => router.seen(signal),
    withhold: withheld.withhold,
    readmit: withheld.readmit,
    async ready(app, signal) {
      if (endpoints(app).length > 0) await routing.answering(signal)
    },
    async follow(app, signal) {
      if (endpoints(app).length === 0 && !told.get(app.id)?.length) return
      await untilAborted(
        latest(app.id, () => followNow(app)),
        signal,
      )
    },
    async followAll(signal) {
      // One that runs all the same may answer for the last endpoint that there was: a gateway may be killed before it has
      // told so.
      const needed = complete || store.endpoints.all().length > 0
      if (!needed && !(await router.answers(signal).catch(() => false))) return
      await untilAborted(followAllShared(), signal)
    },
    async drain(app, containers, seconds, signal) {
      if (endpoints(app).length === 0) return
      const { engine } = options.stack(app.stack)
      const retired = new Set(containers.map(({ id }) => id))
      await drain(
        router,
        async () => {
          // An address is free again when its container stops, and any other of the environment may have it next.
          const all = await engine.list({ environment: app.name.environment }, signal)
          const taken = new Set(all.flatMap(({ id, address }) => (retired.has(id) ? [] : (address ?? []))))
          const own = containers.flatMap(({ address }) => address ?? [])
          return new Set(own.filter(address => !taken.has(address)))
        },
        seconds,
        signal,
      )
    },
  }
  return routing
}
