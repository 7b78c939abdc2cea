// A world that is as the record says gives no finding; one that differs in one thing gives exactly that one.
import test from 'ava'
import fc from 'fast-check'
import { type App, parseHandle } from '../../../src/domain/app.ts'
import type { Container, ContainerLabels } from '../../../src/domain/container.ts'
import {
  type ContainerSeen,
  diagnose as diagnoseAt,
  type Recorded,
  type RecordedApp,
  type Seen,
  type StackSeen,
} from '../../../src/domain/diagnosis.ts'
import type { Endpoint } from '../../../src/domain/endpoint.ts'
import { appOf, type Finding, keyOf } from '../../../src/domain/finding.ts'
import { describeFinding } from '../../../src/domain/finding-text.ts'
import type { Release } from '../../../src/domain/release.ts'
import { certificateFindings } from '../../../src/domain/route-diagnosis.ts'
import { indexes, type Service, serves } from '../../../src/domain/service.ts'

const NOW = new Date('2026-03-01T00:00:00Z')
const diagnose = (recorded: Recorded, seen: Seen) => diagnoseAt(recorded, seen, NOW)
const STACKS = ['local', 'far'] as const
const ENVIRONMENTS = ['blue', 'green', 'empty'] as const
const stackOf = (environment: string) => (environment === 'green' ? 'far' : 'local')

const service = fc.record({ count: fc.nat(3), startedBy: fc.array(fc.nat(4), { maxLength: 3 }) })
const application = fc.record({
  environment: fc.constantFrom('blue', 'green'),
  release: fc.option(fc.integer({ min: 1, max: 9 })),
  services: fc.record({ web: fc.option(service), worker: fc.option(service) }),
  kept: fc.uniqueArray(fc.integer({ min: 10, max: 15 }), { maxLength: 3 }),
})
const world = fc.array(application, { maxLength: 5 }).map(build)

type World = ReturnType<typeof build>
type Answering = Extract<StackSeen, { state: 'answers' }>

/** A record, and what is to be seen when all of it is so. */
function build(wanted: readonly (typeof application extends fc.Arbitrary<infer A> ? A : never)[]) {
  const apps = wanted.map(({ environment, release, services, kept }, n): RecordedApp => {
    const app: App = {
      id: n + 1,
      name: { environment: parseHandle(environment, 'environment'), app: parseHandle(`app-${n}`, 'app') },
      environmentId: ENVIRONMENTS.indexOf(environment as 'blue'),
      stack: stackOf(environment),
      liveRelease: release,
    }
    const tag = (operation: number) => `fairlead-x/${environment}/app-${n}:op${operation}`
    return {
      app,
      live: release === null ? null : liveRelease(app, release, tag(9)),
      services: new Map(
        Object.entries(services).flatMap(([process, shape]) =>
          shape === null ? [] : [[process, shaped(process, shape)] as const],
        ),
      ),
      keptTags: release === null ? [] : [tag(9), ...kept.map(tag)],
      passingNames: [],
      endpoints: [],
      lost: [],
      underWay: null,
    }
  })
  const recorded: Recorded = {
    apps,
    environments: ENVIRONMENTS.map((handle, id) => ({
      environment: { id, handle: parseHandle(handle, 'environment'), stack: stackOf(handle) },
      network: `fairlead-x.${handle}`,
      subnet: apps.some(({ app }) => app.environmentId === id) ? `10.0.${id}.0/28` : null,
    })),
  }
  return { recorded, seen: asRecorded(recorded) }
}

function liveRelease(app: App, number: number, tag: string): Release {
  return {
    id: app.id * 100 + number,
    appId: app.id,
    number,
    image: { tag, digest: null, id: 'sha256:1', source: 'Dockerfile' },
    processes: ['web', 'worker'].map(name => ({ name, command: 'serve' })),
    configVersion: 1,
    commit: 'c'.repeat(40),
    operation: 9,
    rollbackOf: null,
    createdAt: '2026-01-01T00:00:00Z',
    promotedAt: '2026-01-01T00:00:00Z',
  }
}

function shaped(process: string, { count, startedBy }: { count: number; startedBy: number[] }): Service {
  return { process, count, startedBy, memory: null, cpus: null, rollout: null }
}

let made = 0
function container(labels: ContainerLabels): ContainerSeen {
  made += 1
  const id = made.toString(16).padStart(64, '0')
  const name = `c${made}`
  return {
    container: { id, name, labels, state: 'running', status: 'Up 1 second', address: '10.0.0.2' },
    kept: true,
    somebodys: false,
  }
}

function asRecorded({ apps, environments }: Recorded): Seen {
  const stacks = STACKS.map((stack): [string, Answering] => {
    const here = apps.filter(({ app }) => app.stack === stack)
    return [
      stack,
      {
        state: 'answers',
        containers: here.flatMap(serving),
        images: here.flatMap(({ app, keptTags }) =>
          keptTags.map(tag => ({ tag, owner: `${app.name.environment}/${app.name.app}` })),
        ),
        networks: environments
          .filter(({ environment, subnet }) => environment.stack === stack && subnet !== null)
          .map(({ environment, network, subnet }) => ({
            name: network,
            environment: environment.handle,
            subnet: subnet ?? '',
          })),
        disk: { directory: '/var/lib/docker', free: 2 ** 40 },
        floor: 2 ** 30,
        reached: stack === 'local',
      },
    ]
  })
  return {
    stacks: new Map<string, StackSeen>(stacks),
    router: { state: 'answers', routes: [] },
    repositories: apps.map(({ app: { name } }) => ({ name, empty: false })),
    disk: { directory: '/data', free: 2 ** 30, size: 2 ** 34 },
  }
}

function serving({ app, live, services }: RecordedApp): ContainerSeen[] {
  return (live?.processes ?? []).flatMap(({ name }) => {
    const { count = 1, startedBy = [] } = services.get(name) ?? {}
    return indexes(count).map(index => {
      const by = startedBy[index - 1] ?? 0
      const labels = { ...app.name, release: live?.number ?? 0, process: name, index, oneOff: false }
      return container({ ...labels, ...(by > 0 && { startedBy: by }) })
    })
  })
}

const kinds = (findings: readonly Finding[]) => findings.map(({ kind }) => kind)

/** The same world with one stack seen otherwise. */
function change(seen: Seen, stack: string, changed: (was: Answering) => StackSeen): Seen {
  const was = seen.stacks.get(stack)
  if (was?.state !== 'answers') throw new Error('that stack does not answer')
  return { ...seen, stacks: new Map([...seen.stacks, [stack, changed(was)]]) }
}

const everyContainer = ({ seen }: World) =>
  STACKS.flatMap(stack => {
    const found = seen.stacks.get(stack)
    return found?.state === 'answers' ? found.containers.map(each => ({ stack, each })) : []
  })

test('a world that is as the record says gives no finding', t => {
  fc.assert(fc.property(world, ({ recorded, seen }) => void t.deepEqual(diagnose(recorded, seen), [])))
})

test('whichever container that serves is missing, stopped or not kept, that one is found and nothing else', t => {
  const how = fc.constantFrom('container-missing', 'container-stopped', 'container-not-kept')
  fc.assert(
    fc.property(world, how, fc.nat(), (made, kind, which) => {
      const all = everyContainer(made)
      const chosen = all[which % Math.max(1, all.length)]
      if (chosen === undefined) return
      const { stack, each } = chosen
      const changed: Record<typeof kind, ContainerSeen[]> = {
        'container-missing': [],
        'container-stopped': [{ ...each, kept: null, container: { ...each.container, state: 'exited' } }],
        'container-not-kept': [{ ...each, kept: false }],
      }
      const seen = change(made.seen, stack, was => ({
        ...was,
        containers: was.containers.flatMap(other => (other === each ? changed[kind] : [other])),
      }))
      const found = diagnose(made.recorded, seen)
      t.deepEqual(kinds(found), [kind])
      t.true(appOf(found[0] as Finding)?.name.app === each.container.labels.app)
    }),
  )
})

test('a container that its program ends over and over is there, and no finding', t => {
  fc.assert(
    fc.property(world, ({ recorded, seen }) => {
      const again = STACKS.reduce(
        (all, stack) =>
          change(all, stack, was => ({
            ...was,
            containers: was.containers.map(each => ({
              ...each,
              container: { ...each.container, state: 'restarting' as const },
            })),
          })),
        seen,
      )
      t.deepEqual(diagnose(recorded, again), [])
    }),
  )
})

test('a certificate ends soon in its last two weeks, and a short one in its last sixth only', t => {
  const day = 24 * 3600 * 1000
  const at = (days: number) => new Date(NOW.getTime() + days * day).toISOString()
  const [app] = build([
    { environment: 'blue', release: null, services: { web: null, worker: null }, kept: [] },
  ]).recorded.apps
  if (app === undefined) throw new Error('there is no app')
  const endpoint = { id: 1, tls: 'internal' } as Endpoint
  const ends = (begin: number, end: number) => {
    const certificate = { notBefore: at(begin), notAfter: at(end) }
    return kinds(certificateFindings({ ...app, endpoints: [{ endpoint, certificate }] }, NOW)).length > 0
  }
  t.deepEqual([ends(-76, 13), ends(-76, 15)], [true, false])
  t.deepEqual([ends(-6, 0.9), ends(-1, 6)], [true, false])
})

const labels: fc.Arbitrary<ContainerLabels> = fc.record(
  {
    environment: fc.constantFrom('blue', 'green', 'gone'),
    app: fc.constantFrom('app-0', 'app-1', 'gone'),
    release: fc.integer({ min: 0, max: 9 }),
    process: fc.constantFrom('web', 'worker', 'run', 'before-release'),
    index: fc.integer({ min: 0, max: 4 }),
    oneOff: fc.boolean(),
    startedBy: fc.integer({ min: 1, max: 4 }),
  },
  { requiredKeys: ['environment', 'app', 'release', 'process', 'index', 'oneOff'] },
)

test('a container that serves is never called left, and every other one is, on the stack where it is judged', t => {
  fc.assert(
    fc.property(world, labels, fc.constantFrom(...STACKS), fc.boolean(), (made, other, stack, somebodys) => {
      const added = { ...container(other), somebodys }
      const seen = change(made.seen, stack, was => ({ ...was, containers: [...was.containers, added] }))
      const owner = made.recorded.apps.find(
        ({ app: { name } }) => name.environment === other.environment && name.app === other.app,
      )
      const judged = !somebodys && (owner === undefined || owner.app.stack === stack)
      const needed = owner !== undefined && serves(other, owner.live, owner.services)
      const left = diagnose(made.recorded, seen).filter(({ kind }) => kind === 'container-left')
      t.deepEqual(
        left.map(finding => 'container' in finding && finding.container.id),
        judged && !needed ? [added.container.id] : [],
      )
    }),
  )
})

test('of an app that something goes on about nothing is found, whatever there is of it', t => {
  fc.assert(
    fc.property(world, labels, fc.nat(), (made, other, which) => {
      const { apps } = made.recorded
      const busy = apps[which % Math.max(1, apps.length)]
      if (busy === undefined) return
      const recorded = {
        ...made.recorded,
        apps: apps.map(each => (each === busy ? { ...each, passingNames: ['a:b'], underWay: '#1' } : each)),
      }
      const own = { ...other, ...busy.app.name }
      const seen = change(made.seen, busy.app.stack, was => ({
        ...was,
        containers: [container(own)],
        images: [],
        networks: [],
      }))
      const about = diagnose(recorded, seen).filter(finding => appOf(finding)?.id === busy.app.id)
      t.deepEqual(about, [])
    }),
  )
})

test('an engine that does not answer gives one finding, and none about what it holds', t => {
  fc.assert(
    fc.property(world, fc.constantFrom(...STACKS), ({ recorded, seen }, stack) => {
      const silent = change(seen, stack, () => ({ state: 'silent', saw: 'connect ENOENT' }))
      t.deepEqual(diagnose(recorded, silent), [{ kind: 'engine-silent', stack, saw: 'connect ENOENT' }])
    }),
  )
})

test('images are left over when nothing keeps them, and gone when the live release has none', t => {
  fc.assert(
    fc.property(world, fc.nat(), (made, which) => {
      const { apps } = made.recorded
      const chosen = apps[which % Math.max(1, apps.length)]
      if (chosen === undefined) return
      const { app, live } = chosen
      const owner = `${app.name.environment}/${app.name.app}`
      const tag = `fairlead-x/${owner}:op77`
      const more = change(made.seen, app.stack, was => ({ ...was, images: [...was.images, { tag, owner }] }))
      t.deepEqual(kinds(diagnose(made.recorded, more)), ['image-left'])
      const fewer = change(made.seen, app.stack, was => ({
        ...was,
        images: was.images.filter(image => image.tag !== live?.image.tag),
      }))
      t.deepEqual(kinds(diagnose(made.recorded, fewer)), live === null ? [] : ['image-gone'])
    }),
  )
})

test('while somebody runs a command of an older release, its image is not left over', t => {
  const { recorded, seen } = build([
    { environment: 'blue', release: 3, services: { web: null, worker: null }, kept: [] },
  ])
  const owner = 'blue/app-0'
  const run = { environment: 'blue', app: 'app-0', release: 2, process: 'run', index: 1, oneOff: true }
  const changed = change(seen, 'local', was => ({
    ...was,
    images: [...was.images, { tag: `fairlead-x/${owner}:op2`, owner }],
    containers: [...was.containers, { ...container(run), somebodys: true }],
  }))
  t.deepEqual(diagnose(recorded, changed), [])
})

test('a network is compared with the record, and one without apps is left over', t => {
  const { recorded, seen } = build([
    { environment: 'blue', release: 3, services: { web: null, worker: null }, kept: [] },
  ])
  const networks = (...subnets: string[]) =>
    change(seen, 'local', was => ({
      ...was,
      networks: subnets.map(subnet => ({ name: 'fairlead-x.blue', environment: 'blue', subnet })),
    }))
  t.like(diagnose(recorded, networks('10.9.9.0/28')), [
    { kind: 'network-differs', recorded: '10.0.0.0/28', seen: '10.9.9.0/28' },
  ])
  t.like(diagnose(recorded, networks()), [{ kind: 'network-differs', recorded: '10.0.0.0/28', seen: null }])
  for (const environment of ['empty', 'gone']) {
    const more = change(seen, 'far', was => ({
      ...was,
      networks: [{ name: `fairlead-x.${environment}`, environment, subnet: '10.8.8.0/28' }],
    }))
    t.deepEqual(kinds(diagnose(recorded, more)), ['network-left'])
  }
})

test('a disk is nearly full below a twentieth, or below 1 GiB of a large one', t => {
  const { recorded, seen } = build([])
  const full = (free: number, size: number) =>
    kinds(diagnose(recorded, { ...seen, disk: { directory: '/data', free, size } })).length === 1
  const [MiB, GiB] = [2 ** 20, 2 ** 30]
  t.deepEqual([full(10 * MiB, 100 * MiB), full(4 * MiB, 100 * MiB)], [false, true])
  t.deepEqual([full(1.1 * GiB, 1000 * GiB), full(0.9 * GiB, 1000 * GiB)], [false, true])
})

test('a finding is known again whatever passes by, and told from every other', t => {
  fc.assert(
    fc.property(labels, labels, (one, other) => {
      const { container: first } = container(one)
      const { container: second } = container(other)
      const left = (each: Container): Finding => ({
        kind: 'container-left',
        app: null,
        stack: 'local',
        container: each,
      })
      t.is(
        keyOf(left(first)),
        keyOf(left({ ...first, status: 'Up 2 hours', state: 'exited', address: null })),
      )
      t.not(keyOf(left(first)), keyOf(left(second)))
      t.regex(describeFinding(left(first)).cure, /^--fix /)
    }),
  )
})
