// The gateway is killed between any two commands that it gives HAProxy, or when HAProxy has carried one out and not
// answered: a switch that was done by half is finished, or taken back, by the next gateway.
import test from 'ava'
import { DOINGS, type Doing, type FaultGround, faultGround, MODIFY } from '../support/fault-ground.ts'
import { ALL, type Fault } from '../support/fault-steps.ts'

let ground: FaultGround

test.before(async () => {
  ground = await faultGround({ gatedRouter: true })
})
test.after.always(() => ground?.dispose())

type Named = Pick<Fault, 'name' | 'when'> & { readonly few: readonly Doing[] }

const FAULTS: readonly Named[] = [
  { name: 'the gateway is killed', when: 'asked', few: ['deploy'] },
  { name: 'the gateway is killed when HAProxy has done it', when: 'done', few: [MODIFY] },
]

for (const { name, when, few } of FAULTS) {
  for (const doing of ALL ? ([...DOINGS, MODIFY] as const) : few) {
    test.serial(`${name} at any command of ${doing}: the route leads to the release that serves`, async t => {
      t.timeout(3_600_000)
      const app = await ground.serving(t)
      t.teardown(() => ground.remove(app))
      const fault = { name, when, strike: ground.killGateway }
      await ground.strikeEach(t, app, doing, fault, 1, ground.routerGate ?? undefined)
    })
  }
}
