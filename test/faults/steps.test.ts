// What changes an app, and a deploy that fails, each struck at every single request that it makes of the engine: the
// gateway is killed there, or the connection to the engine is cut, before the engine hears of the request or when it has
// done it. The steps are counted, not listed: whatever a deploy comes to do is struck too. FAIRLEAD_FAULTS=all strikes all
// of them, else a few.
import test from 'ava'
import { DOINGS, type FaultGround, faultGround } from '../support/fault-ground.ts'
import { ALL, type Fault } from '../support/fault-steps.ts'
import type { Held } from '../support/gate.ts'

let ground: FaultGround

test.before(async () => {
  ground = await faultGround()
})
test.after.always(() => ground?.dispose())

// The ground is there when a test runs, and not before.
const killGateway: Fault['strike'] = (held, answered) => ground.killGateway(held, answered)

async function cutConnection(held: Held, answered: Promise<unknown>): Promise<void> {
  await ground.gate.shut()
  held.release()
  await answered
  await ground.gate.open()
}

const FAULTS = [
  {
    name: 'the gateway is killed',
    when: 'asked',
    strike: killGateway,
    few: ['deploy', 'scale', 'rollback', 'a deploy that fails'],
  },
  {
    name: 'the gateway is killed when the engine has done it',
    when: 'done',
    strike: killGateway,
    few: ['deploy'],
  },
  {
    name: 'the connection to the engine is cut',
    when: 'asked',
    strike: cutConnection,
    few: ['deploy', 'config:set'],
  },
  { name: 'only the answer of the engine is cut off', when: 'done', strike: cutConnection, few: [] },
] as const

for (const fault of FAULTS) {
  for (const doing of ALL ? DOINGS : fault.few) {
    test.serial(
      `${fault.name} at any step of ${doing}: one release serves, nothing is left, and a push works`,
      async t => {
        t.timeout(3_600_000)
        const app = await ground.serving(t)
        t.teardown(() => ground.remove(app))
        await ground.strikeEach(t, app, doing, fault, 1)
      },
    )
  }
}
