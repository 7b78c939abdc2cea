// A Finding: one thing in which the record, an engine, the router and the gateway's own files differ. What is said about
// it stands in `finding-text.ts`.
import type { App, AppName } from './app.ts'
import type { Container } from './container.ts'
import type { Endpoint } from './endpoint.ts'
import type { Operation } from './operation.ts'

export type Finding =
  | { readonly kind: 'stack-unusable'; readonly stack: string; readonly saw: string }
  | { readonly kind: 'engine-silent'; readonly stack: string; readonly saw: string }
  | {
      readonly kind: 'engine-disk-low'
      readonly stack: string
      readonly directory: string
      /** Bytes, as is the next. */
      readonly free: number
      readonly floor: number
    }
  | { readonly kind: 'disk-low'; readonly directory: string; readonly free: number }
  | { readonly kind: 'operation-lost'; readonly app: App; readonly operation: Operation }
  | {
      readonly kind: 'container-missing'
      readonly app: App
      readonly process: string
      readonly index: number
      readonly release: number
    }
  | { readonly kind: 'container-stopped'; readonly app: App; readonly container: Container }
  | { readonly kind: 'container-not-kept'; readonly app: App; readonly container: Container }
  | {
      readonly kind: 'container-left'
      /** Null: the record has no app of that name. */
      readonly app: App | null
      readonly stack: string
      readonly container: Container
    }
  | {
      readonly kind: 'image-gone'
      readonly app: App
      readonly release: number
      readonly tag: string
      readonly source: string
    }
  | {
      readonly kind: 'image-left'
      readonly app: App | null
      readonly stack: string
      readonly owner: string
      readonly tag: string
    }
  | { readonly kind: 'name-left'; readonly app: App; readonly name: string }
  | {
      readonly kind: 'network-left'
      readonly stack: string
      readonly environment: string
      readonly name: string
    }
  | {
      readonly kind: 'network-differs'
      /** One of the environment. */
      readonly app: App
      readonly name: string
      readonly recorded: string | null
      readonly seen: string | null
    }
  | { readonly kind: 'router-silent'; readonly saw: string }
  | { readonly kind: 'route-missing'; readonly app: App; readonly hostname: string }
  | {
      readonly kind: 'route-differs'
      readonly app: App
      readonly hostname: string
      /** Where requests ought to go, empty for nowhere; and where they go. */
      readonly wanted: string
      readonly found: string
    }
  | { readonly kind: 'route-extra'; readonly hostname: string }
  | { readonly kind: 'certificate-missing'; readonly app: App; readonly endpoint: Endpoint }
  | {
      readonly kind: 'certificate-ends'
      readonly app: App
      readonly endpoint: Endpoint
      readonly notAfter: string
    }
  | { readonly kind: 'repository-missing'; readonly app: App }
  | { readonly kind: 'repository-left'; readonly name: AppName; readonly empty: boolean }

/** What changes from one look to the next, and makes no other finding of it. */
const PASSING: ReadonlySet<string> = new Set(['saw', 'free', 'state', 'status', 'address'])

/** The same text for the same finding, whenever it is made. */
export function keyOf(finding: Finding): string {
  return JSON.stringify(finding, (name, value) => (PASSING.has(name) ? undefined : value))
}

/** The app in whose turn it is mended; null for what belongs to none. */
export function appOf(finding: Finding): App | null {
  return 'app' in finding ? finding.app : null
}
