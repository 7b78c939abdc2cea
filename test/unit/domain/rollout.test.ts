import test from 'ava'
import fc from 'fast-check'
import type { Container } from '../../../src/domain/engine.ts'
import { isServing, planRollout } from '../../../src/domain/rollout.ts'

const STATES = ['created', 'running', 'restarting', 'paused', 'exited', 'dead'] as const
const names = fc.constantFrom('web', 'worker', 'clock', 'before-release')

const containers: fc.Arbitrary<Container[]> = fc.array(
  fc
    .record({
      release: fc.integer({ min: 1, max: 4 }),
      process: names,
      oneOff: fc.boolean(),
      state: fc.constantFrom(...STATES),
    })
    .map(({ release, process, oneOff, state }) => ({
      id: '',
      name: `v${release}.${process}`,
      labels: { environment: 'e', app: 'a', release, process, index: 1, oneOff },
      state,
      status: '',
      address: null,
    })),
  { maxLength: 12 },
)
const releases = fc.record({
  number: fc.integer({ min: 1, max: 4 }),
  processes: fc
    .uniqueArray(names, { minLength: 1 })
    .map(unique => unique.map(name => ({ name, command: name }))),
})

test('a plan starts one candidate for each process, in their order', t => {
  fc.assert(
    fc.property(containers, releases, (present, release) => {
      const { start } = planRollout(present, release)
      t.deepEqual(
        start.map(({ process, index }) => [process, index]),
        release.processes.map(process => [process, 1]),
      )
    }),
  )
})

test('a plan retires everything but what serves for the release itself, each once and nothing else', t => {
  fc.assert(
    fc.property(containers, releases, (present, release) => {
      const { retire } = planRollout(present, release)
      const kept = present.filter(container => !retire.includes(container))
      t.true(retire.every(container => present.includes(container)))
      t.is(new Set(retire).size, retire.length)
      t.true(kept.every(({ labels }) => labels.release === release.number && !labels.oneOff))
      t.true(retire.every(({ labels }) => labels.release !== release.number || labels.oneOff))
    }),
  )
})

test('once a plan is carried out the release serves, and there is nothing more to retire', t => {
  fc.assert(
    fc.property(containers, releases, (present, release) => {
      const plan = planRollout(present, release)
      const started = plan.start.map(
        ({ process, index }): Container => ({
          id: '',
          name: '',
          labels: {
            environment: 'e',
            app: 'a',
            release: release.number,
            process: process.name,
            index,
            oneOff: false,
          },
          state: 'running',
          status: '',
          address: null,
        }),
      )
      const after = [...present.filter(container => !plan.retire.includes(container)), ...started]
      t.true(isServing(after, release))
      t.deepEqual(planRollout(after, release).retire, [])
    }),
  )
})

test('a release does not serve while one of its processes is missing, stopped or only a one-off', t => {
  fc.assert(
    fc.property(containers, releases, (present, release) => {
      const runs = (name: string) =>
        present.some(
          ({ labels, state }) =>
            labels.process === name &&
            labels.release === release.number &&
            !labels.oneOff &&
            state === 'running',
        )
      t.is(
        isServing(present, release),
        release.processes.every(({ name }) => runs(name)),
      )
    }),
  )
})
