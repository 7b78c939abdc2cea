// Looks at the record, the engines and the repositories, and says in what they differ: `fairlead doctor`.
//
// Nothing is stopped for it. An app that something goes on about is left out, and what is found of the others counts
// only when a second look finds the same: so what passes by in between is no finding.
import { type App, formatAppName } from '../domain/app.ts'
import {
  type ContainerSeen,
  diagnose,
  type Recorded,
  type RecordedApp,
  type StackSeen,
} from '../domain/diagnosis.ts'
import type { Engine } from '../domain/engine.ts'
import { appOf, type Finding, keyOf } from '../domain/finding.ts'
import { Problem } from '../domain/problem.ts'
import type { RouterSeen } from '../domain/route-diagnosis.ts'
import { serves } from '../domain/service.ts'
import type { Stack } from '../domain/stack.ts'
import type { Ground } from './ground.ts'
import { networkName, ownerOfTag } from './names.ts'
import type { Operations } from './operations.ts'
import { type GatewayRouting, isReached } from './routing.ts'

/** Milliseconds for an engine to tell all that is asked. */
const PATIENCE = 30_000

export interface Patient {
  readonly ground: Ground
  readonly operations: Pick<Operations, 'busy' | 'underWay'>
  readonly routing: Pick<GatewayRouting, 'seen'>
  /** Names of all stacks that there are; those that environments are on are looked at in any case. */
  readonly stacks: readonly string[]
}

export interface Examined {
  readonly findings: readonly Finding[]
  /** Apps of which nothing was judged, and what goes on about them. */
  readonly leftOut: readonly { readonly app: App; readonly underWay: string }[]
}

/** @param held the app whose turn the caller has: it alone is judged */
export async function examine(
  patient: Patient,
  signal: AbortSignal,
  held: App | null = null,
): Promise<Examined> {
  const first = await look(patient, signal, held)
  if (first.findings.length === 0) return first
  const second = await look(patient, signal, held)
  const seenBefore = new Set(first.findings.map(keyOf))
  const leftOut = [...first.leftOut, ...second.leftOut]
  const out = new Set(leftOut.map(({ app }) => app.id))
  return {
    findings: second.findings.filter(finding => {
      const app = appOf(finding)
      return seenBefore.has(keyOf(finding)) && (app === null || !out.has(app.id))
    }),
    leftOut: [...new Map(leftOut.map(each => [each.app.id, each])).values()],
  }
}

async function look(patient: Patient, signal: AbortSignal, held: App | null): Promise<Examined> {
  const { ground } = patient
  const { store, repositories, oneOffs } = ground
  const before = readRecord(patient, held)
  const somebodysBefore = oneOffs.names()
  const names = held === null ? stackNames(patient) : [held.stack]
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const looked = await Promise.all(
    names.map(async name => [name, await lookAtStack(ground, name, before, inTime)] as const),
  )
  const router = await lookAtRouter(patient.routing, inTime)
  signal.throwIfAborted()
  const present = await repositories.list()
  const known = new Set(store.apps.list().map(({ name }) => formatAppName(name)))
  const listed = await Promise.all(
    present.map(async name => ({
      name,
      empty: !known.has(formatAppName(name)) && (await repositories.isEmpty(name)),
    })),
  )

  // Read again: what began or ended meanwhile is not judged by what was before.
  const after = readRecord(patient, held)
  const busyBefore = new Map(before.apps.map(({ app, underWay }) => [app.id, underWay]))
  const apps = after.apps.map(each => ({
    ...each,
    underWay: each.underWay ?? busyBefore.get(each.app.id) ?? null,
  }))
  const somebodys = new Set([...somebodysBefore, ...oneOffs.names()])
  const stacks = new Map(looked.map(([name, seen]) => [name, markRuns(seen, somebodys)] as const))
  const findings = diagnose(
    { ...after, apps },
    { stacks, router, repositories: listed, disk: store.room() },
    new Date(),
  )
  return {
    findings: held === null ? findings : findings.filter(finding => appOf(finding)?.id === held.id),
    leftOut: apps.flatMap(({ app, underWay }) =>
      underWay === null || (held !== null && held.id !== app.id) ? [] : [{ app, underWay }],
    ),
  }
}

function stackNames({ ground, stacks }: Patient): string[] {
  const used = ground.store.environments.list().map(({ stack }) => stack)
  return [...new Set([...stacks, ...used])].sort()
}

function readRecord({ ground, operations }: Patient, held: App | null): Recorded {
  const { store, keepReleases, besides } = ground
  const unfinished = Map.groupBy(store.operations.unfinished(), ({ appId }) => appId)
  return {
    apps: store.apps.list().map((app): RecordedApp => {
      const { inTurn, aside } = operations.busy(app.id)
      const busy = [...(app.id === held?.id ? [] : inTurn), ...aside, ...besides(app.id)]
      return {
        app,
        live: store.releases.live(app.id),
        services: store.services.of(app.id),
        keptTags: store.releases.promotedTags(app.id, keepReleases),
        passingNames: store.passingNames.of(app.id),
        endpoints: store.endpoints
          .of(app.id)
          .map(endpoint => ({ endpoint, certificate: store.certificates.of(endpoint.id) })),
        lost: (unfinished.get(app.id) ?? []).filter(({ id }) => operations.underWay(id) === null),
        underWay: busy[0] ?? null,
      }
    }),
    environments: store.environments.list().map(environment => ({
      environment,
      network: networkName(store.gatewayId, environment.handle),
      subnet: store.networks.subnet(environment.id),
    })),
  }
}

async function lookAtStack(
  { store, stack: find }: Ground,
  name: string,
  recorded: Recorded,
  signal: AbortSignal,
): Promise<StackSeen> {
  let found: { stack: Stack; engine: Engine }
  try {
    found = find(name)
  } catch (error) {
    return { state: 'unusable', saw: words(error) }
  }
  const { stack, engine } = found
  try {
    const [list, tags, networks, disk] = await Promise.all([
      engine.list({}, signal),
      engine.tags(null, signal),
      engine.networks(signal),
      engine.diskSpace(signal),
    ])
    const byName = new Map(recorded.apps.map(each => [formatAppName(each.app.name), each]))
    const containers = await Promise.all(
      list.map(async (container): Promise<ContainerSeen> => {
        const { labels, state } = container
        const app = byName.get(`${labels.environment}/${labels.app}`)
        const asked = state === 'running' && app !== undefined && serves(labels, app.live, app.services)
        const condition = asked ? await engine.condition(container.id, signal) : null
        return { container, kept: condition?.kept ?? null, somebodys: false }
      }),
    )
    const images = tags.map(tag => ({ tag, owner: ownerOfTag(store.gatewayId, tag) }))
    return {
      state: 'answers',
      containers,
      images,
      networks,
      disk,
      floor: stack.build.floor,
      reached: isReached(stack),
    }
  } catch (error) {
    return { state: 'silent', saw: signal.aborted ? 'it took too long to answer' : words(error) }
  }
}

async function lookAtRouter(routing: Patient['routing'], signal: AbortSignal): Promise<RouterSeen> {
  try {
    return { state: 'answers', routes: await routing.seen(signal) }
  } catch (error) {
    return { state: 'silent', saw: signal.aborted ? 'it took too long to answer' : words(error) }
  }
}

/** @throws what is no Problem: that is a bug, and no finding */
function words(error: unknown): string {
  if (!(error instanceof Problem)) throw error
  return error.saw ?? error.headline
}

function markRuns(seen: StackSeen, somebodys: ReadonlySet<string>): StackSeen {
  if (seen.state !== 'answers') return seen
  const containers = seen.containers.map(each => ({ ...each, somebodys: somebodys.has(each.container.name) }))
  return { ...seen, containers }
}
