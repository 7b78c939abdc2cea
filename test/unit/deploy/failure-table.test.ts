// A deploy over a running release, broken at every phase in every way: what the pusher is told, what serves, what
// is left.
import test, { type ExecutionContext } from 'ava'
import type { Engine } from '../../../src/domain/engine.ts'
import { Problem, type ProblemCode } from '../../../src/domain/problem.ts'
import { type DeployGround, DIGEST, deployGround } from '../../support/deploy-ground.ts'
import { type FakeEngine, hang } from '../../support/fake-engine.ts'

type Way = 'throws a Problem' | 'throws a bug' | 'is aborted'
const WAYS: readonly Way[] = ['throws a Problem', 'throws a bug', 'is aborted']
const BUG = 'secret inner workings'

interface Fault {
  /** Ends the push in this way; never returns. */
  strike(signal: AbortSignal): Promise<never>
  readonly over: AbortController
}

interface Phase {
  readonly name: string
  readonly files?: Record<string, string>
  readonly config?: Record<string, string>
  /** Arranges for `fault` to strike once. */
  arrange(bench: Bench, fault: Fault): void
}

interface Bench extends DeployGround {
  /** Stands in for the registry's answer. */
  registry: { fault: Fault | null }
}

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const RELEASING = {
  ...FILES,
  '.aptible.yml': 'before_release:\n  - bin/migrate\n',
}

/** Strikes at the nth such call, and at no other. */
function at<Call extends keyof Engine>(engine: FakeEngine, call: Call, nth: number, fault: Fault): void {
  let calls = 0
  engine.on(call, ((...args: unknown[]) => {
    calls += 1
    if (calls === nth) return fault.strike(args.at(-1) as AbortSignal)
  }) as Parameters<typeof engine.on<Call>>[1])
}

const atCall =
  <Call extends keyof Engine>(call: Call, nth = 1) =>
  (bench: Bench, fault: Fault) =>
    at(bench.engine, call, nth, fault)

const PHASES: readonly Phase[] = [
  { name: 'asking the engine for its platform', arrange: atCall('facts') },
  {
    name: 'asking the registry',
    files: { Procfile: FILES.Procfile, Dockerfile: 'FROM example.com/base:1\n' },
    arrange: (bench, fault) => {
      bench.registry.fault = fault
    },
  },
  { name: 'looking for a live release', arrange: atCall('list') },
  { name: 'building', arrange: atCall('build') },
  {
    name: 'pulling',
    config: { APTIBLE_DOCKER_IMAGE: 'example.com/shop:1' },
    arrange: atCall('pull'),
  },
  { name: 'making the network', arrange: atCall('ensureNetwork') },
  { name: 'creating the before_release container', files: RELEASING, arrange: atCall('create') },
  { name: 'starting the before_release container', files: RELEASING, arrange: atCall('start') },
  { name: 'reading the before_release output', files: RELEASING, arrange: atCall('logs') },
  { name: 'removing the before_release container', files: RELEASING, arrange: atCall('remove') },
  { name: 'creating the first candidate', arrange: atCall('create') },
  { name: 'creating the second candidate', arrange: atCall('create', 2) },
  { name: 'starting the first candidate', arrange: atCall('start') },
  { name: 'starting the second candidate', arrange: atCall('start', 2) },
  { name: 'stopping the first of what is replaced', arrange: atCall('stop') },
  { name: 'stopping the second of what is replaced', arrange: atCall('stop', 2) },
  { name: 'looking at a candidate that settles', arrange: atCall('inspect') },
  {
    name: 'promoting',
    arrange: ({ ground }, fault) => {
      // The rows are synchronous: a fault in them shows before anything is written.
      const releases = ground.store.releases as { promote: typeof ground.store.releases.promote }
      const { promote } = releases
      releases.promote = (...args) => {
        releases.promote = promote
        if (fault.over.signal.aborted) return promote(...args)
        void fault.strike(fault.over.signal).catch(() => {})
        throw struck(fault)
      }
    },
  },
]

const thrown = new WeakMap<Fault, unknown>()
const struck = (fault: Fault) => thrown.get(fault)

function faultOf(way: Way): Fault {
  const over = new AbortController()
  const error =
    way === 'throws a bug'
      ? new TypeError(BUG)
      : new Problem('engine-failed', {
          headline: 'The Docker engine of stack local could not do it',
          saw: 'words of the engine',
          hint: 'Try again.',
        })
  const fault: Fault = {
    over,
    async strike(signal) {
      if (way !== 'is aborted') throw error
      over.abort(new Problem('cancelled', { headline: 'The client left', hint: 'Stay connected.' }))
      return hang(AbortSignal.any([signal, over.signal]))
    },
  }
  thrown.set(fault, error)
  return fault
}

async function bench(t: ExecutionContext): Promise<Bench> {
  const registry: Bench['registry'] = { fault: null }
  const made = await deployGround(t, {
    // The one-off that runs before_release ends by itself.
    program: spec => (spec.labels.oneOff ? { exits: 0 } : {}),
    registry: {
      async resolve(_reference, _auth, _platform, signal) {
        const { fault } = registry
        registry.fault = null
        await fault?.strike(signal)
        return { digest: DIGEST, mediaType: '' }
      },
      checkLogin: () => Promise.resolve(),
    },
  })
  return { ...made, registry }
}

const CODES: Record<Way, ProblemCode> = {
  'throws a Problem': 'engine-failed',
  'throws a bug': 'internal',
  'is aborted': 'cancelled',
}

for (const phase of PHASES) {
  for (const way of WAYS) {
    if (phase.name === 'promoting' && way === 'is aborted') continue
    test(`when ${phase.name} ${way}, the release before goes on serving and nothing of the try is left`, async t => {
      const made = await bench(t)
      const { ground, app, engine } = made
      if (phase.config) made.configure(phase.config)
      const firstId = await made.commit(FILES)
      const first = await made.push(firstId)
      t.true(first.accepted, first.said)
      const served = engine.containers.map(({ id }) => id)

      const fault = faultOf(way)
      phase.arrange(made, fault)
      const id = await made.commit({ ...(phase.files ?? FILES), changed: 'yes' })
      const push = await made.push(id, { signal: fault.over.signal })
      const code = CODES[way]
      t.false(push.accepted)
      t.true(push.said.includes(`(${code})`), push.said)
      t.true(push.said.includes('       What runs now: Release v1 (web, worker), as before.\n'), push.said)
      t.regex(push.said, / {7}What to do: {4}\S/)
      t.false(push.said.includes(BUG))
      if (way === 'throws a Problem') {
        t.regex(push.said, / ! {5}The Docker engine of stack local could not do it/)
        t.regex(push.said, / {7}What we saw: {3}words of the engine/)
      }
      if (way === 'throws a bug') {
        t.true(push.said.includes('operation #2'), push.said)
        t.true(made.logged.some(({ error }) => (error as Error | undefined)?.message === BUG))
      }

      t.deepEqual(
        { state: push.operation?.state, problem: push.operation?.problem },
        { state: way === 'is aborted' ? 'cancelled' : 'failed', problem: code },
      )
      const kept = made.lines(push.operation)
      t.true(kept.some(line => line.includes(`(${code})`)))
      t.true(kept.every(line => push.said.includes(line)))

      t.is(ground.store.releases.live(app.id)?.number, 1)
      await made.background.idle()
      t.deepEqual(
        engine.containers.map(container => container.id),
        served,
      )
      t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
      t.deepEqual(made.tags(), ['op1'])
      t.is(ground.store.releases.live(app.id)?.commit, firstId)
      t.is(await ground.repositories.branch(app.name, 'master'), firstId)

      const again = await made.push(id)
      t.true(again.accepted, again.said)
      await made.background.idle()
      t.true(
        made.present().every(line => !line.startsWith('v1 ')),
        made.present().join(),
      )
      t.is(made.present().length, 2)
    })
  }
}
