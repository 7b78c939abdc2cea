// What users of an app notice while it is deployed, rolled back, scaled and restarted under a steady load: nothing. A few
// times each; with FAIRLEAD_FAULTS=all as often as a release of Fairlead asks for.
import test from 'ava'
import Docker from 'dockerode'
import { openEcho, readSlowly } from '../support/lasting.ts'
import { type Load, startLoad } from '../support/load.ts'
import { processes } from '../support/page.ts'
import { type ServedApp, type ServingGateway, startServingGateway, succeeded } from '../support/served-app.ts'
import { until } from '../support/until.ts'

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const TIMES =
  process.env.FAIRLEAD_FAULTS === 'all'
    ? { deploys: 20, failures: 5, rollbacks: 5 }
    : { deploys: 3, failures: 1, rollbacks: 1 }

let serving: ServingGateway

test.before(async () => {
  serving = await startServingGateway()
})
test.after.always(() => serving?.[Symbol.asyncDispose]())

const loadOn = (app: ServedApp) => startLoad({ port: serving.gateway.http, hostname: app.hostname })

/** From now on, and not only before. */
function answeredBy(load: Load, release: string): Promise<unknown> {
  const before = load.counted().answers.get(release) ?? 0
  return until(`${release} answers`, async () => (load.counted().answers.get(release) ?? 0) > before)
}

test.serial('deploys, failed ones, rollbacks, scaling and restarts lose no request', async t => {
  t.timeout(30 * 60_000) // Many switches are one test: nothing else tells that it goes on.
  const app = await serving.app()
  const load = loadOn(app)
  t.teardown(() => load.stop())
  let made = 1
  const switched = async (live: number) => {
    await answeredBy(load, `v${live}`)
    await app.only(1)
  }
  for (let i = 0; i < TIMES.deploys; i += 1) {
    succeeded(await app.deploy())
    made += 1
    await switched(made)
  }
  const deployed = made
  for (let i = 0; i < TIMES.failures; i += 1) {
    const failed = await app.deploy('exec false')
    t.not(failed.status, 0, failed.all)
    made += 1 // The number of a release that failed is not given again.
    await switched(deployed)
  }
  for (let i = 0; i < TIMES.rollbacks; i += 1) {
    await app.fairlead('rollback')
    made += 1
    await switched(made)
  }
  const [before] = await processes(serving.gateway, app.name)
  for (const count of [3, 1]) {
    await app.fairlead(`apps:scale web=${count}`)
    await app.only(count)
  }
  await app.fairlead('restart')
  await switched(made)
  t.not((await processes(serving.gateway, app.name))[0]?.container, before?.container)

  const { requests, failed, failures, answers } = await load.stop()
  t.is(failed, 0, failures.join('\n'))
  t.log(`${requests} requests, none failed; answered by ${[...answers.keys()].join(', ')}`)
})

test.serial(
  'a websocket and a slow answer outlive deploys of another app, and of their own until the drain ends',
  async t => {
    const [app, other] = [await serving.app(), await serving.app()]
    const echo = await openEcho(serving.gateway.http, app.hostname)
    t.teardown(() => echo.end())
    const slow = await readSlowly(serving.gateway.http, app.hostname, 8000)

    succeeded(await other.deploy())
    t.is(await echo.say('after the other'), 'after the other')
    succeeded(await app.deploy())
    t.is(await echo.say('after my own'), 'after my own')
    t.is(await slow.whole, 'v1')

    await echo.closed
    await app.only(1)
  },
)

test.serial('a container that is taken away without a drain is a loss that the load sees', async t => {
  const app = await serving.app()
  const load = loadOn(app)
  t.teardown(() => load.stop())
  await answeredBy(load, 'v1')
  const [web] = await processes(serving.gateway, app.name)
  await docker.getContainer(web?.container ?? '').kill()
  await until('requests fail', async () => load.counted().failed > 0)
  await app.fairlead('restart')
  await answeredBy(load, 'v1')
  const { failed, requests } = await load.stop()
  t.true(failed > 0 && failed < requests)
})
