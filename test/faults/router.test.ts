// HAProxy is killed at the steps of a deploy and of a scale and brought back, and so is the gateway beside it: afterwards the
// route leads to the one release that serves.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { type FaultGround, faultGround } from '../support/fault-ground.ts'
import { ALL, type Fault } from '../support/fault-steps.ts'
import { isHaproxy } from '../support/haproxy.ts'
import { until } from '../support/until.ts'

let ground: FaultGround

test.before(async () => {
  ground = await faultGround()
})
test.after.always(() => ground?.dispose())

/** The master and, since it cannot end them, its workers. */
async function killRouter(): Promise<void> {
  const master = Number(readFileSync(join(ground.gateway.data, 'router', 'haproxy.pid'), 'utf8'))
  const children = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').split(' ').filter(Boolean)
  const all = [master, ...children.map(Number)]
  for (const pid of all) process.kill(pid, 'SIGKILL')
  await until('the router has ended', async () => !all.some(isHaproxy))
}

for (const [who, alsoGateway] of [
  ['the router is', false],
  ['the router and the gateway are', true],
] as const) {
  for (const doing of ALL ? (['deploy', 'scale'] as const) : (['deploy'] as const)) {
    test.serial(
      `${who} killed at any step of ${doing}: the route leads to the release that serves`,
      async t => {
        t.timeout(3_600_000)
        const { gateway } = ground
        const app = await ground.serving(t)
        t.teardown(() => ground.remove(app))
        const fault: Fault = {
          name: `${who} killed`,
          when: 'asked',
          async strike(held, answered) {
            await killRouter()
            if (alsoGateway) await gateway.crash()
            held.release()
            await answered
            if (alsoGateway) await gateway.restart()
          },
        }
        await ground.strikeEach(t, app, doing, fault, 2)
      },
    )
  }
}
