// In what the record differs from the engines and from the gateway's own files. Pure: `deploy/examine.ts` looks,
// `deploy/mend.ts` mends. The record is always right, except where it says so itself of an operation or a subnet.
//
// WHAT IS JUDGED WHERE. What carries an app's labels is judged on the app's own stack only: two stacks may name one
// engine, and what serves there is then seen under both names. Elsewhere only what belongs to no app at all is found.
import { type App, type AppName, type Environment, formatAppName } from './app.ts'
import type { Container } from './container.ts'
import type { DiskSpace, Network } from './engine.ts'
import type { Finding } from './finding.ts'
import type { Operation } from './operation.ts'
import type { Release } from './release.ts'
import {
  certificateFindings,
  type RecordedEndpoint,
  type RouterSeen,
  routeFindings,
} from './route-diagnosis.ts'
import { indexes, type Services, serves, serviceOf } from './service.ts'

export interface RecordedApp {
  readonly app: App
  readonly live: Release | null
  readonly services: Services
  /** Of the images that stay on the engine. */
  readonly keptTags: readonly string[]
  readonly passingNames: readonly string[]
  /** Recorded as queued or running, and not known to this process. */
  readonly lost: readonly Operation[]
  readonly endpoints: readonly RecordedEndpoint[]
  /** What goes on about it just now, or null: then nothing of it is judged, since all of that is about to change. */
  readonly underWay: string | null
}

export interface RecordedEnvironment {
  readonly environment: Environment
  /** Name of its network on the engine. */
  readonly network: string
  /** CIDR, null when none is recorded. */
  readonly subnet: string | null
}

export interface Recorded {
  readonly apps: readonly RecordedApp[]
  readonly environments: readonly RecordedEnvironment[]
}

export interface ContainerSeen {
  readonly container: Container
  /** Whether the engine starts it again; null where nobody asked. */
  readonly kept: boolean | null
  /** Somebody's `run` that is under way. */
  readonly somebodys: boolean
}

export interface ImageSeen {
  readonly tag: string
  /** `env/app`, as the tag has it. */
  readonly owner: string
}

export type StackSeen =
  | { readonly state: 'unusable' | 'silent'; readonly saw: string }
  | {
      readonly state: 'answers'
      readonly containers: readonly ContainerSeen[]
      readonly images: readonly ImageSeen[]
      readonly networks: readonly Network[]
      /** Null where it cannot be known. */
      readonly disk: DiskSpace | null
      /** Bytes that a build wants to be free. */
      readonly floor: number
      /** Whether the router reaches what runs there. */
      readonly reached: boolean
    }

type Answering = Extract<StackSeen, { state: 'answers' }>

export interface Room {
  readonly directory: string
  /** Bytes, as is the next. */
  readonly free: number
  readonly size: number
}

export interface Seen {
  readonly stacks: ReadonlyMap<string, StackSeen>
  readonly router: RouterSeen
  readonly repositories: readonly { readonly name: AppName; readonly empty: boolean }[]
  /** Where the record and the repositories lie. */
  readonly disk: Room
}

/** A disk is nearly full below a twentieth of it, of a large one below this many bytes. */
const LITTLE = 2 ** 30
const SHARE = 20

/** In an order in which they can be mended: containers before their images, and those before their networks. */
export function diagnose(recorded: Recorded, seen: Seen, now: Date): Finding[] {
  const { free, size, directory } = seen.disk
  return [
    ...(free < Math.min(LITTLE, size / SHARE) ? [{ kind: 'disk-low', directory, free } as const] : []),
    ...[...seen.stacks].flatMap(([stack, found]) => stackFindings(stack, found)),
    ...recorded.apps.flatMap(each => (each.underWay === null ? appFindings(each, seen) : [])),
    ...[...seen.stacks].flatMap(([stack, found]) => strayFindings(stack, found, recorded)),
    ...recorded.environments.flatMap(each => networkFindings(each, recorded, seen)),
    ...endpointFindings(recorded, seen, now),
    ...seen.repositories.flatMap(({ name, empty }): Finding[] =>
      recorded.apps.some(({ app }) => sameName(app.name, name))
        ? []
        : [{ kind: 'repository-left', name, empty }],
    ),
  ]
}

function stackFindings(stack: string, seen: StackSeen): Finding[] {
  if (seen.state !== 'answers') {
    return [{ kind: seen.state === 'silent' ? 'engine-silent' : 'stack-unusable', stack, saw: seen.saw }]
  }
  const { disk, floor } = seen
  return disk !== null && disk.free < floor ? [{ kind: 'engine-disk-low', stack, ...disk, floor }] : []
}

function appFindings(recorded: RecordedApp, seen: Seen): Finding[] {
  const { app, lost, passingNames } = recorded
  const found = seen.stacks.get(app.stack)
  return [
    ...lost.map(operation => ({ kind: 'operation-lost', app, operation }) as const),
    ...(seen.repositories.some(({ name }) => sameName(name, app.name))
      ? []
      : [{ kind: 'repository-missing', app } as const]),
    ...(found?.state === 'answers'
      ? [
          ...containerFindings(recorded, found),
          ...passingNames.map(name => ({ kind: 'name-left', app, name }) as const),
          ...imageFindings(recorded, found),
        ]
      : []),
  ]
}

function containerFindings({ app, live, services }: RecordedApp, seen: Answering): Finding[] {
  const own = seen.containers.filter(
    ({ container, somebodys }) => !somebodys && isOf(container.labels, app.name),
  )
  const serving = own.filter(({ container }) => serves(container.labels, live, services))
  const expected = (live?.processes ?? []).flatMap(({ name }) =>
    indexes(serviceOf(services, name).count).map(index => ({ process: name, index })),
  )
  return [
    ...serving.flatMap(({ container, kept }): Finding[] => {
      if (!RUNS.has(container.state)) return [{ kind: 'container-stopped', app, container }]
      return kept === false ? [{ kind: 'container-not-kept', app, container }] : []
    }),
    ...own
      .filter(each => !serving.includes(each))
      .map(({ container }) => ({ kind: 'container-left', app, stack: app.stack, container }) as const),
    ...expected
      .filter(
        ({ process, index }) =>
          !serving.some(({ container: { labels } }) => labels.process === process && labels.index === index),
      )
      .map(each => ({ kind: 'container-missing', app, ...each, release: live?.number ?? 0 }) as const),
  ]
}

/** One that its program ends over and over is there: that is the app's own affair, and `ps` shows it. */
const RUNS: ReadonlySet<Container['state']> = new Set(['running', 'restarting'])

function imageFindings({ app, live, keptTags }: RecordedApp, seen: Answering): Finding[] {
  const owner = formatAppName(app.name)
  const tags = seen.images.filter(image => image.owner === owner).map(({ tag }) => tag)
  const gone: Finding[] =
    live === null || tags.includes(live.image.tag)
      ? []
      : [{ kind: 'image-gone', app, release: live.number, tag: live.image.tag, source: live.image.source }]
  // Somebody's `run` may be of an older release, whose image stays for as long.
  const inUse = seen.containers.some(
    ({ container, somebodys }) => somebodys && isOf(container.labels, app.name),
  )
  if (inUse) return gone
  const left = tags.filter(tag => !keptTags.includes(tag) && tag !== live?.image.tag)
  return [...gone, ...left.map(tag => ({ kind: 'image-left', app, stack: app.stack, owner, tag }) as const)]
}

/** What belongs to no app. */
function strayFindings(stack: string, seen: StackSeen, recorded: Recorded): Finding[] {
  if (seen.state !== 'answers') return []
  const known = new Set(recorded.apps.map(({ app }) => formatAppName(app.name)))
  const populated = new Set<string>(recorded.apps.map(({ app }) => app.name.environment))
  return [
    ...seen.containers
      .filter(
        ({ container: { labels }, somebodys }) =>
          !somebodys && !known.has(`${labels.environment}/${labels.app}`),
      )
      .map(({ container }) => ({ kind: 'container-left', app: null, stack, container }) as const),
    ...seen.images
      .filter(({ owner }) => !known.has(owner))
      .map(({ tag, owner }) => ({ kind: 'image-left', app: null, stack, owner, tag }) as const),
    ...seen.networks
      .filter(({ environment }) => !populated.has(environment))
      .map(({ name, environment }) => ({ kind: 'network-left', stack, environment, name }) as const),
  ]
}

function networkFindings(recorded: RecordedEnvironment, { apps }: Recorded, { stacks }: Seen): Finding[] {
  const { environment, network, subnet } = recorded
  const found = stacks.get(environment.stack)
  const own = apps.filter(({ app }) => app.environmentId === environment.id)
  const first = own[0]?.app
  if (found?.state !== 'answers' || first === undefined) return []
  if (own.some(({ underWay }) => underWay !== null)) return []
  const seen = found.networks.find(({ name }) => name === network)?.subnet ?? null
  return seen === subnet
    ? []
    : [{ kind: 'network-differs', app: first, name: network, recorded: subnet, seen }]
}

function endpointFindings({ apps }: Recorded, seen: Seen, now: Date): Finding[] {
  const known = new Set(apps.flatMap(({ endpoints }) => endpoints.map(({ endpoint }) => endpoint.hostname)))
  const judged = apps
    .filter(({ underWay }) => underWay === null)
    .map(each => ({ ...each, containers: reachedContainers(each.app, seen) }))
  return [
    ...routeFindings(judged, known, seen.router),
    ...judged.flatMap(each => certificateFindings(each, now)),
  ]
}

function reachedContainers({ stack, name }: App, { stacks }: Seen): readonly Container[] | null {
  const found = stacks.get(stack)
  if (found?.state !== 'answers' || !found.reached) return null
  return found.containers.flatMap(({ container }) => (isOf(container.labels, name) ? [container] : []))
}

const sameName = (a: AppName, b: AppName) => a.environment === b.environment && a.app === b.app
const isOf = (labels: Container['labels'], name: AppName) =>
  labels.environment === name.environment && labels.app === name.app
