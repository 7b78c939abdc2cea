// What a deploy needs of the router: that the routes of an app follow the record.
import type { App } from '../domain/app.ts'
import type { Endpoint } from '../domain/endpoint.ts'
import type { Container } from '../domain/engine.ts'

export interface Routing {
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
