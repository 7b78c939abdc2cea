// Many pushes at once, each to an app of its own, on a branch that does not deploy: errors, time, and the gateway's
// memory (resident set of its own process, read from /proc). `node bench/concurrent-pushes.ts [PUSHES]`
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { finish, makeCheckout, startGateway } from '../test/support/gateway.ts'
import { mebibytes, memoryOf } from './support/memory.ts'
import { printTable, rounded, timed } from './support/table.ts'

const pushes = Number(process.argv[2] ?? 200)

await using undo = new AsyncDisposableStack()
const gateway = await startGateway({ compiled: true })
undo.defer(() => gateway.dispose())
await gateway.fairlead(['environment:create', 'many', '--stack', 'local'])
const apps = Array.from({ length: pushes }, (_, i) => `app-${i}`)
for (const app of apps) await gateway.ssh(`apps:create ${app} --environment many`)
const checkout = await makeCheckout(join(gateway.directory, 'checkout'), gateway.operator, 'many', 'apps')
checkout.write({ Procfile: 'web: true\n', 'data.txt': 'x'.repeat(10_000) })
await checkout.commit()

await delay(20_000) // lets the garbage of the preparation go
const idle = memoryOf(gateway.pid(), 'VmRSS')
let peak = 0
const watch = setInterval(() => {
  peak = Math.max(peak, memoryOf(gateway.pid(), 'VmRSS'))
}, 20)
let errors = 0
const time = await timed(() =>
  Promise.all(
    apps.map(async app => {
      const url = `${gateway.url}/many/${app}.git`
      const done = await finish('git', ['push', '-q', url, 'HEAD:refs/heads/stored'], {
        cwd: checkout.directory,
        env: gateway.operator.environment,
      })
      if (done.status === 0) return
      errors++
      process.stderr.write(done.all)
    }),
  ),
)
clearInterval(watch)
printTable([
  {
    pushes,
    errors,
    time: `${rounded(time / 1000, 1)} s`,
    'idle memory': mebibytes(idle),
    'peak memory': mebibytes(peak),
  },
])
