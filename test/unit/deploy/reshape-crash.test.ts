// The gateway is killed at any step of a scale or a restart: exactly one set of containers serves afterwards.
import test from 'ava'
import { createOperations } from '../../../src/deploy/operations.ts'
import { failInterrupted, recoverWhenPossible } from '../../../src/deploy/recover.ts'
import { restart } from '../../../src/deploy/restart.ts'
import type { Engine } from '../../../src/domain/engine.ts'
import type { DeployGround } from '../../support/deploy-ground.ts'
import { fakeEngine } from '../../support/fake-engine.ts'
import { here, live } from '../../support/reshape-bench.ts'
import { until } from '../../support/until.ts'

/** As a new process does it: with a view of the engine and turns of its own. */
async function recover({ ground, engine }: DeployGround) {
  const fresh = fakeEngine({ host: engine.host, gatewayId: ground.store.gatewayId })
  const risen = { ...ground, stack: (name: string) => ({ ...ground.stack(name), engine: fresh }) }
  const operations = createOperations(ground.store, ground.log)
  failInterrupted(risen)
  await recoverWhenPossible(risen, operations, here(), { retry: 1, late: 100 })
  return { ground: risen, operations }
}

type Step = readonly [keyof Engine | 'record' | 'recorded', number]
const STEPS: readonly Step[] = [
  ['list', 1],
  ['findImage', 1],
  ['ensureNetwork', 1],
  ['create', 1],
  ['create', 2],
  ['create', 3],
  ['start', 1],
  ['start', 3],
  ['inspect', 1],
  ['record', 1],
  ['recorded', 1],
  ['keepRunning', 1],
  ['keepRunning', 3],
  ['stop', 1],
  ['stop', 3],
  ['remove', 1],
  ['remove', 3],
]

const CALLS = STEPS.map(([call]) => call).filter(call => call !== 'record' && call !== 'recorded')

/** From that step on nothing of this process reaches the engine or the record any more. */
function crashAt(
  { engine, ground }: DeployGround,
  [what, nth]: Step,
): { struck: Promise<void>; bury(): void } {
  const struck = Promise.withResolvers<void>()
  const never = Promise.withResolvers<never>()
  never.promise.catch(() => {}) // Perhaps nobody waits for it.
  let dead = false
  let calls = 0
  const die = () => {
    dead = true
    struck.resolve()
  }
  for (const call of CALLS) {
    engine.on(call, () => {
      if (call === what) calls += 1
      if (call === what && calls === nth) die()
      if (dead) return never.promise
    })
  }
  const services = ground.store.services as { write: typeof ground.store.services.write }
  const { write } = services
  if (what === 'record' || what === 'recorded') {
    services.write = (...args) => {
      services.write = write
      if (what === 'recorded') write(...args)
      die()
      throw new Error('killed')
    }
  }
  return { struck: struck.promise, bury: () => never.reject(new Error('killed')) }
}

const AFTER = ['recorded', 'keepRunning', 'remove']
const CASES = STEPS.flatMap(step =>
  (['restart', 'scale'] as const).flatMap(doing =>
    (['start-first', 'stop-first'] as const).map(way => ({ step, doing, way })),
  ),
)

for (const { step, doing, way } of CASES) {
  test(`killed in a ${way} ${doing} at ${step.join(' ')}, exactly one set serves afterwards, and it works again`, async t => {
    const made = await live(t, { background: () => 60_000 })
    made.replace(way)
    await made.scale({ web: 2, worker: 4 })
    await made.background.idle()
    const before = made.ids()
    const { struck, bury } = crashAt(made, step)
    // The scale starts, replaces and retires, all in one.
    const asked = doing === 'restart' ? made.restart() : made.scale({ web: 3, worker: 1 }, { cpus: 0.5 })
    const done = asked.then(made.background.idle, made.background.idle)
    t.true(await Promise.race([struck.then(() => true), done.then(() => false)]), 'it was not killed')

    const after = await recover(made)
    const committed = AFTER.includes(step[0]) || (step[0] === 'stop' && way === 'start-first')
    const [web, worker] = committed && doing === 'scale' ? [3, 1] : [2, 4]
    t.deepEqual([made.count('web'), made.count('worker')], [web, worker])
    t.deepEqual(made.present(), [...running('web', web), ...running('worker', worker)])
    if (committed) t.false(made.ids().some(id => before.includes(id)))
    else t.deepEqual(made.ids(), before)
    t.true(made.engine.containers.every(({ kept }) => kept))

    const left = made.ids()
    const again = {
      kind: 'restart',
      subject: 'all',
      actor: made.actor('ann'),
      say: () => {},
      signal: here(),
    } as const
    await after.operations.run(made.app, again, run => restart(after.ground, made.app, null, run))
    await until('the old containers are gone', async () => made.ids().every(id => !left.includes(id)))
    t.deepEqual(made.present(), [...running('web', web), ...running('worker', worker)])
    bury()
    await asked.catch(() => {}) // Before the store is closed.
  })
}

const running = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `v1 ${name}.${i + 1} running`)
