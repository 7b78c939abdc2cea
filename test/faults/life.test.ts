// The first deploy of an app, which makes a network and nothing to go back to, and its end, each struck by the end of the
// gateway at every request that it makes of the engine.
import test from 'ava'
import { type FaultGround, faultGround } from '../support/fault-ground.ts'
import { ALL, type Fault, stepsSince, strikeAt } from '../support/fault-steps.ts'
import type { Checkout } from '../support/gateway.ts'

let ground: FaultGround

test.before(async () => {
  ground = await faultGround()
})
test.after.always(() => ground?.dispose())

const faults = (['asked', 'done'] as const).map(
  (when): Fault => ({
    name: when === 'asked' ? 'the gateway is killed' : 'the gateway is killed when the engine has done it',
    when,
    strike: (held, answered) => ground.killGateway(held, answered),
  }),
)

async function isLive(app: Checkout): Promise<boolean> {
  const { stdout } = await ground.gateway.ssh(`releases --app ${app.name} --json`)
  return JSON.parse(stdout).some(({ state }: { state: string }) => state === 'live')
}

const destroy = (app: Checkout) => ground.gateway.ssh(`apps:destroy --app ${app.name} --confirm ${app.app}`)

for (const fault of ALL ? faults : faults.slice(0, 1)) {
  test.serial(`${fault.name} at any step of a first deploy: it is live or nothing is left of it`, async t => {
    t.timeout(3_600_000)
    const { gate } = ground
    const first = await ground.app()
    const before = gate.requests.length
    t.is((await ground.begin(first, 'deploy')).status, 0)
    const steps = stepsSince(gate, before, fault, 1)
    await ground.remove(first)

    const struck: number[] = []
    for (const step of steps) {
      const after = `${fault.name} at step ${step} of a first deploy`
      const app = await ground.app()
      const doIt = { begin: () => ground.begin(app, 'deploy'), over: async () => {} }
      if (await strikeAt(gate, step, fault, doIt)) struck.push(step)
      if (await isLive(app)) await ground.sound(t, app, after)
      else await ground.bare(t, after)
      await ground.worksAgain(t, app, after)
      await ground.remove(app)
      await ground.bare(t, `the end of the app after ${after}`)
    }
    t.log(`struck at ${struck.length} of ${steps.length} steps: ${struck.join(' ')}`)
  })

  test.serial(`${fault.name} at any step of the end of an app: asking again ends it`, async t => {
    t.timeout(3_600_000)
    const { gateway, gate } = ground
    const first = await ground.serving(t)
    const before = gate.requests.length
    t.is((await destroy(first)).status, 0)
    const steps = stepsSince(gate, before, fault, 1)

    const struck: number[] = []
    for (const step of steps) {
      const after = `${fault.name} at step ${step} of the end of an app`
      const app = await ground.serving(t)
      const doIt = { begin: () => destroy(app), over: async () => {} }
      if (await strikeAt(gate, step, fault, doIt)) struck.push(step)
      const left = await gateway.ssh('apps --json')
      if (JSON.parse(left.stdout || '[]').length > 0) {
        const again = await destroy(app)
        t.is(again.status, 0, `${after}: ${again.all}`)
      }
      await ground.bare(t, after)
    }
    t.log(`struck at ${struck.length} of ${steps.length} steps: ${struck.join(' ')}`)
  })
}
