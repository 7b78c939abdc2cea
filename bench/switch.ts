// Requests that are lost while an app is switched, under as much load as this machine carries: wrk for the rate, and
// beside it a client at a steady rate that takes every request for lost that is not answered in full. All connections are
// kept alive. `node bench/switch.ts [TIMES]`
import { startLoad } from '../test/support/load.ts'
import { type ServedApp, startServingGateway, succeeded } from '../test/support/served-app.ts'
import { printTable, rounded } from './support/table.ts'
import { startWrk } from './support/wrk.ts'

const times = Number(process.argv[2] ?? 4)
const CONNECTIONS = 20

const SWITCHES: Record<string, (app: ServedApp) => Promise<void>> = {
  deploy: async app => succeeded(await app.deploy()),
  rollback: app => app.fairlead('rollback'),
  'config:set': app => app.fairlead(`config:set CHANGED=${Date.now()}`),
  restart: app => app.fairlead('restart'),
  'scale up and down': async app => {
    await app.fairlead('apps:scale web=2')
    await app.fairlead('apps:scale web=1')
  },
  'deploy that fails': async app => {
    if ((await app.deploy('exec false')).status === 0) throw new Error('it did not fail')
  },
}

await using serving = await startServingGateway({ compiled: true })
const app = await serving.app()
const port = serving.gateway.http
const rows = []
for (const [what, change] of Object.entries(SWITCHES)) {
  const load = startLoad({ port, hostname: app.hostname, connections: CONNECTIONS })
  const wrk = startWrk(port, app.hostname, CONNECTIONS)
  for (let i = 0; i < times; i++) {
    await change(app)
    await app.only(1)
  }
  const [pressed, counted] = [await wrk.stop(), await load.stop()]
  process.stderr.write(counted.failures.map(failure => `${what}: ${failure}\n`).join(''))
  rows.push({
    what,
    times,
    'per second': rounded(pressed.perSecond),
    requests: pressed.requests,
    lost: pressed.lost,
    'steady requests': counted.requests,
    'of those lost': counted.failed,
  })
}
printTable(rows)
