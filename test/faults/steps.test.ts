// A deploy, a change of config, a scale and a rollback, each struck at every single request that it makes of the engine:
// the gateway is killed there, or the connection to the engine is cut. The steps are counted, not listed: whatever a
// deploy comes to do is struck too. FAIRLEAD_FAULTS=all strikes all of them, else a few of each.
import test, { type ExecutionContext } from 'ava'
import type { Held } from '../support/engine-gate.ts'
import { DOINGS, type Doing, type FaultGround, faultGround, stepsOf } from '../support/fault-ground.ts'
import type { Checkout } from '../support/gateway.ts'

let ground: FaultGround

test.before(async () => {
  ground = await faultGround()
})
test.after.always(() => ground?.dispose())

interface Fault {
  readonly name: string
  /** How many steps of each doing are struck in a run of all tests. */
  readonly some: number
  /** What comes when the step is reached, until it is over. @param answered resolves when whoever asked was answered */
  strike(held: Held, answered: Promise<unknown>): Promise<void>
}

const FAULTS: readonly Fault[] = [
  {
    name: 'the gateway is killed',
    some: 2,
    async strike(held, answered) {
      await ground.gateway.crash()
      held.release()
      await answered
      await ground.gateway.restart()
    },
  },
  {
    name: 'the connection to the engine is cut',
    some: 1,
    async strike(held, answered) {
      await ground.gate.shut()
      held.release()
      await answered
      await ground.gate.open()
    },
  },
]

/** How many requests one takes, from the question to the answer. */
async function count(t: ExecutionContext, app: Checkout, doing: Doing): Promise<number> {
  const before = ground.gate.requests
  const done = await ground.begin(app, doing)
  t.is(done.status, 0, done.all)
  const requests = ground.gate.requests - before
  await ground.sound(t, app, doing)
  return requests
}

for (const { name, some, strike } of FAULTS) {
  for (const doing of DOINGS) {
    test.serial(
      `${name} at any step of ${doing}: one release serves, nothing is left, and a push works`,
      async t => {
        t.timeout(3_600_000)
        const app = await ground.serving(t)
        t.teardown(() => ground.remove(app))
        // Those that come after the answer, until the old containers are gone, are some more.
        const steps = stepsOf((await count(t, app, doing)) + 4, some)
        for (const step of steps) {
          const after = `${name} at step ${step} of ${steps.at(-1)} of ${doing}`
          const held = ground.gate.hold(/./, step)
          const answered = ground.begin(app, doing)
          const quiet = answered.then(() => ground.settled(app))
          const reached = await Promise.race([held.reached.then(() => true), quiet.then(() => false)])
          if (reached) await strike(held, answered)
          held.release()
          await answered
          await ground.sound(t, app, after)
          await ground.worksAgain(t, app, after)
        }
      },
    )
  }
}
