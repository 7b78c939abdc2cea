import test from 'ava'
import fc from 'fast-check'
import type { Container, ContainerLabels } from '../../../src/domain/container.ts'
import {
  type Candidate,
  isServing,
  planReshape,
  planRollout,
  type Rollout,
  type Wanted,
} from '../../../src/domain/rollout.ts'
import { type Service, type Services, serves, serviceOf } from '../../../src/domain/service.ts'

const STATES = ['created', 'running', 'restarting', 'paused', 'exited', 'dead'] as const
const names = fc.constantFrom('web', 'worker', 'clock', 'before-release')
const routed = fc.uniqueArray(names).map(list => new Set<string>(list))
/** Of an operation that is none of those before it. */
const NOW = 9

const containers: fc.Arbitrary<Container[]> = fc.array(
  fc
    .record({
      release: fc.integer({ min: 1, max: 4 }),
      process: names,
      index: fc.integer({ min: 1, max: 4 }),
      startedBy: fc.integer({ min: 0, max: 3 }),
      oneOff: fc.boolean(),
      state: fc.constantFrom(...STATES),
    })
    .map(({ startedBy, state, ...labels }) =>
      containerOf({ ...labels, ...(startedBy > 0 && { startedBy }) }, state),
    ),
  { maxLength: 24 },
)
const releases = fc.record({
  number: fc.integer({ min: 1, max: 4 }),
  processes: fc
    .uniqueArray(names, { minLength: 1 })
    .map(unique => unique.map(name => ({ name, command: name }))),
})
const shape = {
  count: fc.integer({ min: 0, max: 4 }),
  memory: fc.constantFrom(null, 64, 128),
  cpus: fc.constantFrom(null, 0.5),
}
const services: fc.Arbitrary<Services> = fc
  .uniqueArray(
    fc.record({
      process: names,
      ...shape,
      startedBy: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
      rollout: fc.constantFrom(null, 'start-first' as const, 'stop-first' as const),
    }),
    { selector: ({ process }) => process },
  )
  .map(list => new Map(list.map((each): [string, Service] => [each.process, each])))
const wishes: fc.Arbitrary<Wanted[]> = fc.uniqueArray(
  fc.record({ process: names, ...shape, anew: fc.boolean() }),
  { selector: ({ process }) => process },
)

function containerOf(
  labels: Omit<ContainerLabels, 'environment' | 'app'>,
  state: Container['state'] = 'running',
): Container {
  const name = `v${labels.release}.${labels.process}.${labels.index}`
  return {
    id: '',
    name,
    labels: { environment: 'e', app: 'a', ...labels },
    state,
    status: '',
    address: null,
  }
}

function started({ process, index, service }: Candidate, release: number): Container {
  const startedBy = service.startedBy[index - 1] ?? 0
  const labels = { release, process: process.name, index, ...(startedBy > 0 && { startedBy }), oneOff: false }
  return containerOf(labels)
}

const all = (plan: Rollout) => [...plan.start, ...plan.startAfter]

const afterDeploy = (before: Services): Services =>
  new Map([...before].map(([name, service]) => [name, { ...service, startedBy: [] }]))

test('a plan starts web.1 to web.N for each process, in their order', t => {
  fc.assert(
    fc.property(containers, releases, services, routed, (present, release, known, names) => {
      const plan = planRollout(present, release, known, names)
      const inOrder = release.processes.flatMap(({ name }) =>
        all(plan).filter(each => each.process.name === name),
      )
      t.deepEqual(
        inOrder.map(({ process, index }) => `${process.name}.${index}`),
        release.processes.flatMap(({ name }) =>
          Array.from({ length: known.get(name)?.count ?? 1 }, (_, i) => `${name}.${i + 1}`),
        ),
      )
    }),
  )
})

test('a plan retires everything but what serves for the release itself, each once and nothing else', t => {
  fc.assert(
    fc.property(containers, releases, services, routed, (present, release, known, names) => {
      const { retire } = planRollout(present, release, known, names)
      const kept = present.filter(container => !retire.includes(container))
      t.true(retire.every(container => present.includes(container)))
      t.is(new Set(retire).size, retire.length)
      t.true(kept.every(({ labels }) => labels.release === release.number && !labels.oneOff))
      t.true(kept.every(({ labels }) => labels.index <= (known.get(labels.process)?.count ?? 1)))
    }),
  )
})

test('once a plan is carried out the release serves, and there is nothing more to retire', t => {
  fc.assert(
    fc.property(containers, releases, services, routed, (present, release, before, names) => {
      const plan = planRollout(present, release, before, names)
      const known = afterDeploy(before)
      const left = present.filter(container => !plan.retire.includes(container))
      const after = [...left, ...all(plan).map(each => started(each, release.number))]
      t.true(isServing(after, release, known))
      t.deepEqual(planRollout(after, release, known, names).retire, [])
    }),
  )
})

test('a release does not serve while one of its containers is missing, stopped, a one-off or started by another operation', t => {
  fc.assert(
    fc.property(containers, releases, services, (present, release, known) => {
      const runs = (name: string, index: number) =>
        present.some(
          ({ labels, state }) =>
            labels.process === name &&
            labels.index === index &&
            labels.release === release.number &&
            (labels.startedBy ?? 0) === (known.get(name)?.startedBy[index - 1] ?? 0) &&
            !labels.oneOff &&
            state === 'running',
        )
      t.is(
        isServing(present, release, known),
        release.processes.every(({ name }) =>
          Array.from({ length: known.get(name)?.count ?? 1 }).every((_, i) => runs(name, i + 1)),
        ),
      )
    }),
  )
})

test('a reshape that is carried out leaves exactly one serving container for each index of what it was about', t => {
  fc.assert(
    fc.property(containers, releases, services, wishes, routed, (present, release, before, wanted, names) => {
      const plan = planReshape(present, release, before, wanted, names, NOW)
      const left = present.filter(container => !plan.retire.includes(container))
      const after = [...left, ...all(plan).map(each => started(each, release.number))]
      const known = new Map([...before, ...plan.services.map(each => [each.process, each] as const)])
      for (const { name: process } of release.processes) {
        const wish = wanted.find(each => each.process === process)
        if (!wish) continue
        t.is(serviceOf(known, process).count, wish.count)
        const serving = after.filter(
          ({ labels }) => labels.process === process && serves(labels, release, known),
        )
        t.deepEqual(
          [...new Set(serving.map(({ labels }) => labels.index))].sort(),
          Array.from({ length: wish.count }, (_, i) => i + 1),
        )
        const changed = plan.services.some(each => each.process === process)
        const strangers = left.filter(
          ({ labels }) =>
            labels.process === process &&
            labels.release === release.number &&
            !labels.oneOff &&
            !serves(labels, release, known),
        )
        if (changed) t.deepEqual(strangers, [])
      }
      const again = wanted.filter(({ process }) => release.processes.some(({ name }) => name === process))
      const asItIs = again.map(wish => ({ ...wish, anew: false }))
      t.deepEqual(planReshape(after, release, known, asItIs, names, NOW + 1).services, [])
    }),
  )
})

test('before a reshape is recorded what serves is what served, and its candidates are left-overs', t => {
  fc.assert(
    fc.property(containers, releases, services, wishes, routed, (present, release, before, wanted, names) => {
      const plan = planReshape(present, release, before, wanted, names, NOW)
      const candidates = all(plan).map(each => started(each, release.number))
      t.true(candidates.every(({ labels }) => labels.startedBy === NOW && !serves(labels, release, before)))
    }),
  )
})

test('a reshape touches no other service, no one-off and no other release', t => {
  fc.assert(
    fc.property(containers, releases, services, wishes, routed, (present, release, before, wanted, names) => {
      const plan = planReshape(present, release, before, wanted, names, NOW)
      const about = new Set(wanted.map(({ process }) => process))
      t.true(plan.retire.every(({ labels }) => labels.release === release.number && !labels.oneOff))
      t.true(plan.retire.every(({ labels }) => about.has(labels.process)))
      t.true(all(plan).every(({ process }) => about.has(process.name)))
      t.true(plan.services.every(({ process }) => about.has(process)))
    }),
  )
})

test('a change of size, and nothing else but a wish for it, replaces containers that are there', t => {
  const release = { number: 1, processes: [{ name: 'web', command: 'serve' }] }
  const present = [1, 2].map(index => containerOf({ release: 1, process: 'web', index, oneOff: false }))
  const web = { process: 'web', count: 2, memory: null, cpus: null }
  const before: Services = new Map([['web', { ...web, startedBy: [], rollout: null }]])
  const startedFor = (wish: Partial<Wanted>) =>
    planReshape(
      present,
      release,
      before,
      [{ ...web, anew: false, ...wish }],
      new Set(['web']),
      NOW,
    ).start.map(({ index }) => index)
  t.deepEqual(startedFor({}), [])
  t.deepEqual(startedFor({ count: 4 }), [3, 4])
  t.deepEqual(startedFor({ count: 1 }), [])
  t.deepEqual(startedFor({ memory: 64 }), [1, 2])
  t.deepEqual(startedFor({ cpus: 0.5, count: 3 }), [1, 2, 3])
  t.deepEqual(startedFor({ anew: true }), [1, 2])
})

test('what waits for a stop is replaced stop-first, all that runs of it is stopped, and nothing else is', t => {
  const runs = ({ state }: Container) => ['running', 'restarting', 'paused'].includes(state)
  const hold = (plan: Rollout, services: Services, names: ReadonlySet<string>) => {
    const stopFirst = (name: string) => {
      const { rollout } = serviceOf(services, name)
      return rollout === null ? !names.has(name) : rollout === 'stop-first'
    }
    const waiting = new Set(plan.startAfter.map(({ process }) => process.name))
    const replaced = plan.retire.filter(each => runs(each) && !each.labels.oneOff)
    t.deepEqual(
      plan.stop,
      replaced.filter(({ labels }) => waiting.has(labels.process)),
    )
    for (const name of waiting) {
      t.true(stopFirst(name))
      t.true(plan.stop.some(({ labels }) => labels.process === name))
    }
    for (const { process } of plan.start) {
      t.false(stopFirst(process.name) && replaced.some(({ labels }) => labels.process === process.name))
    }
  }
  fc.assert(
    fc.property(containers, releases, services, wishes, routed, (present, release, known, wanted, names) => {
      hold(planRollout(present, release, known, names), known, names)
      hold(planReshape(present, release, known, wanted, names, NOW), known, names)
    }),
  )
})
