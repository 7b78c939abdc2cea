// Mends what `examine` found, by what recovery and operations do: each app's in its turn, and only what a look in that
// turn still finds.
import type { App } from '../domain/app.ts'
import { appOf, type Finding, keyOf } from '../domain/finding.ts'
import type { Actor } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import { serviceOf } from '../domain/service.ts'
import { examine, type Patient } from './examine.ts'
import type { Ground } from './ground.ts'
import { retireDrained } from './hand-over.ts'
import { keepRunning } from './keep-running.ts'
import { joinNetwork } from './network.ts'
import { OperationFailed } from './operation-failed.ts'
import type { Operations } from './operations.ts'
import { removeLeftNames } from './passing-names.ts'
import { endInterrupted } from './recover.ts'
import { reshape } from './reshape.ts'
import { retireAll } from './retire.ts'
import type { GatewayRouting } from './routing.ts'
import type { Say } from './transcript.ts'

export interface Mending extends Patient {
  readonly routing: GatewayRouting
  readonly operations: Operations
  /** Who asks, for what takes an operation. */
  readonly actor: Actor
  readonly say: Say
  /** Asked again when an app's turn has come. @throws Problem `forbidden` */
  readonly authorised: () => void
}

/** Why a finding was not mended, by its key: what went wrong, or null for what takes a person. */
export type NotMended = ReadonlyMap<string, Problem | null>

export async function mend(
  mending: Mending,
  findings: readonly Finding[],
  signal: AbortSignal,
): Promise<NotMended> {
  const { ground, operations } = mending
  const failed = new Map<string, Problem | null>()
  const byApp = Map.groupBy(findings, finding => appOf(finding)?.id ?? null)
  for (const [id, found] of byApp) {
    const app = id === null ? null : ground.store.apps.byId(id)
    if (app === null) {
      await mendEach(mending, id === null ? found : [], signal, failed)
      continue
    }
    await operations.exclusive(app.id, async () => {
      mending.authorised()
      const { findings: still } = await examine(mending, signal, app)
      await mendEach(mending, still, signal, failed)
    })
    const missing = found.filter(finding => finding.kind === 'container-missing')
    if (missing.length > 0) await tell(failed, missing, () => startMissing(mending, app, missing, signal))
  }
  return failed
}

async function mendEach(
  mending: Mending,
  findings: readonly Finding[],
  signal: AbortSignal,
  failed: Map<string, Problem | null>,
): Promise<void> {
  for (const finding of findings) {
    if (takesPerson(finding)) failed.set(keyOf(finding), null)
    else await tell(failed, [finding], () => mendOne(mending, finding, signal))
  }
}

async function tell(
  failed: Map<string, Problem | null>,
  findings: readonly Finding[],
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    const problem = error instanceof OperationFailed ? error.problem : error
    if (!(problem instanceof Problem)) throw error
    for (const finding of findings) failed.set(keyOf(finding), problem)
  }
}

const FOR_A_PERSON: ReadonlySet<Finding['kind']> = new Set([
  'image-gone',
  'stack-unusable',
  'engine-silent',
  'engine-disk-low',
  'disk-low',
])

/** What was pushed is nothing that a program throws away. */
function takesPerson(finding: Finding): boolean {
  if (finding.kind === 'certificate-missing' || finding.kind === 'certificate-ends') {
    return finding.endpoint.tls === 'file'
  }
  return FOR_A_PERSON.has(finding.kind) || (finding.kind === 'repository-left' && !finding.empty)
}

async function mendOne({ ground, routing }: Mending, finding: Finding, signal: AbortSignal): Promise<void> {
  const { store, repositories } = ground
  switch (finding.kind) {
    case 'operation-lost':
      return endInterrupted(ground, finding.operation)
    case 'container-stopped':
    case 'container-not-kept':
      return keepRunning([finding.container.id], ground.stack(finding.app.stack).engine)
    case 'container-left': {
      if (finding.app !== null) return retireDrained(ground, finding.app, [finding.container], signal)
      const { stack, engine } = ground.stack(finding.stack)
      return retireAll([finding.container], engine, stack.grace, signal)
    }
    case 'image-left':
      if (finding.app === null && isApp(ground, finding.owner)) return
      return ground.stack(finding.stack).engine.removeTag(finding.tag, signal)
    case 'name-left':
      return removeLeftNames(ground, finding.app, signal)
    case 'network-differs':
      return joinNetwork(ground, finding.app, signal)
    case 'network-left': {
      const home = store.environments.byHandle(finding.environment)
      if (home !== null && store.apps.list(home.id).length > 0) return
      await ground.stack(finding.stack).engine.removeNetwork(finding.name, signal)
      if (home !== null) store.networks.forget(home.id)
      return
    }
    case 'router-silent':
    case 'route-missing':
    case 'route-differs':
    case 'route-extra':
      return routing.followAll(signal)
    case 'certificate-missing':
    case 'certificate-ends':
      await ground.certificates?.ensure(finding.endpoint, signal)
      return
    case 'repository-missing':
      return repositories.create(finding.app.name)
    case 'repository-left':
      if (store.apps.find(finding.name) === null) await repositories.remove(finding.name)
      return
  }
}

/** Somebody may have made one of that name since it was looked for. */
function isApp({ store }: Ground, owner: string): boolean {
  return store.apps.list().some(({ name }) => `${name.environment}/${name.app}` === owner)
}

/** What runs of these services stays, and what is not there is started. */
function startMissing(
  { ground, operations, actor, say, authorised }: Mending,
  app: App,
  missing: readonly (Finding & { readonly kind: 'container-missing' })[],
  signal: AbortSignal,
): Promise<boolean> {
  const subject = missing.map(({ process, index }) => `${process}.${index}`).join(', ')
  return operations.run(app, { kind: 'restart', subject, actor, say, signal, authorised }, async run => {
    const live = ground.store.releases.live(app.id)
    if (live === null) return false
    const services = ground.store.services.of(app.id)
    const wanted = [...new Set(missing.map(({ process }) => process))].map(process => {
      const { startedBy: _, ...same } = serviceOf(services, process)
      return { ...same, anew: false }
    })
    return reshape(ground, app, live, wanted, run)
  })
}
