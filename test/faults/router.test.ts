// HAProxy is killed at the steps of a deploy and brought back, and so is the gateway beside it: afterwards the route leads
// to the one release that serves.
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import test from 'ava'
import { type FaultGround, faultGround, stepsOf } from '../support/fault-ground.ts'
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

function page(hostname: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { http: port } = ground.gateway
    const asking = request({ host: '127.0.0.1', port, headers: { host: hostname }, agent: false }, answer => {
      let body = ''
      answer.on('data', chunk => {
        body += chunk
      })
      answer.on('end', () => resolve(body))
    })
    asking.on('error', reject)
    asking.end()
  })
}

for (const [who, alsoGateway] of [
  ['the router is', false],
  ['the router and the gateway are', true],
] as const) {
  test.serial(
    `${who} killed at any step of a deploy: the route leads to the release that serves`,
    async t => {
      t.timeout(3_600_000)
      const { gateway, gate } = ground
      const app = await ground.serving(t)
      t.teardown(() => ground.remove(app))
      const made = await gateway.ssh(`endpoints:create --service web --app ${app.name}`)
      t.is(made.status, 0, made.all)
      const hostname = `${app.app}.${app.environment}.localhost`
      const before = gate.requests
      t.is((await ground.begin(app, 'deploy')).status, 0)
      const requests = gate.requests - before
      await ground.sound(t, app, 'a deploy')

      for (const step of stepsOf(requests, 2)) {
        const after = `${who} killed at step ${step} of ${requests}`
        const held = gate.hold(/./, step)
        const answered = ground.begin(app, 'deploy')
        await Promise.race([held.reached, answered])
        await killRouter()
        if (alsoGateway) await gateway.crash()
        held.release()
        await answered
        if (alsoGateway) await gateway.restart()
        await ground.sound(t, app, after)
        const pushed = await ground.worksAgain(t, app, after)
        t.is(await page(hostname), pushed, after)
      }
    },
  )
}
