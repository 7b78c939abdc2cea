// What many apps behind endpoints cost: the start of the gateway until all routes are right, memory, and one more deploy.
// That is compared with the deploys of another gateway with a single app, alternating, since machines are noisy.
// `node bench/apps.ts [APPS…]`, ascending
import { startRegistry } from '../test/support/registry.ts'
import { startFleet } from './support/fleet.ts'
import { mebibytes, memoryOf, withChildren } from './support/memory.ts'
import { median, printTable, rounded, timed } from './support/table.ts'

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1, 50, 200]
const DEPLOYS = 7

await using undo = new AsyncDisposableStack()
const registry = await startRegistry({ anonymous: true })
undo.defer(() => registry.stop())
await registry.push('page', '1', { files: { '/www/index.html': '' } })
const single = undo.use(await startFleet(`${registry.host}/page:1`))
const many = undo.use(await startFleet(`${registry.host}/page:1`))
await single.grow(1)

const rows = []
for (const count of counts) {
  await many.grow(count)
  await many.gateway.stop()
  const adopting = await timed(() => many.gateway.restart())
  await many.gateway.stop()
  await many.endHaproxy()
  const starting = await timed(async () => {
    await many.gateway.restart()
    await many.routed()
  })
  const taken: { single: number[]; many: number[] } = { single: [], many: [] }
  for (let i = 0; i <= DEPLOYS; i++) {
    const [one, these] = [await single.deploy(), await many.deploy()]
    if (i === 0) continue // the first one warms both up
    taken.single.push(one)
    taken.many.push(these)
  }
  const haproxy = withChildren(many.haproxy()).reduce((sum, pid) => sum + memoryOf(pid, 'VmRSS'), 0)
  rows.push({
    apps: count,
    'start until ready, HAProxy runs': `${rounded(adopting)} ms`,
    'start until all answer, HAProxy gone': `${rounded(starting)} ms`,
    gateway: mebibytes(memoryOf(many.gateway.pid(), 'VmRSS')),
    haproxy: mebibytes(haproxy),
    'one more deploy': `${rounded(median(taken.many))} ms`,
    'to 1 app': rounded(median(taken.many) / median(taken.single), 2),
  })
}
printTable(rows)
