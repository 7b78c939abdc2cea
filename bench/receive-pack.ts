// Receiving a large pack: Fairlead's front door against OpenSSH with the same git, on a branch that does not deploy,
// alternating in one run. `node bench/receive-pack.ts [MEGABYTES] [PUSHES]`
import { randomFillSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCheckout, startGateway } from '../test/support/gateway.ts'
import { startOpenSsh } from './support/openssh.ts'
import { median, printTable, rounded, timed } from './support/table.ts'

const megabytes = Number(process.argv[2] ?? 400)
const pushes = Number(process.argv[3] ?? 3)

await using undo = new AsyncDisposableStack()
const gateway = await startGateway({ compiled: true })
undo.defer(() => gateway.dispose())
const openssh = await startOpenSsh(gateway.directory, gateway.operator.publicKey)
undo.defer(() => openssh.stop())

const checkout = await makeCheckout(join(gateway.directory, 'large'), gateway.operator, 'large', 'pack')
// Random bytes: git cannot make them smaller, so the pack is as large as the files. A megabyte each, so that they are
// more than git unpacks one by one: the pack is indexed as it comes.
const block = Buffer.alloc(1_000_000)
for (let i = 0; i < megabytes; i++) {
  randomFillSync(block)
  writeFileSync(join(checkout.directory, `part-${i}`), block)
}
await checkout.git('config', 'core.compression', '0')
await checkout.commit('a large commit')
await checkout.git('repack', '-adq')

const times = { ours: [] as number[], theirs: [] as number[] }
for (let i = 0; i <= pushes; i++) {
  const app = await gateway.app({}, { app: `large-${i}` })
  const ours = await push(`${gateway.url}/${app.name}.git`)
  const theirs = await push(openssh.repository(`large-${i}`))
  if (i === 0) continue // the first one warms both up
  times.ours.push(ours)
  times.theirs.push(theirs)
}
printTable([
  row('OpenSSH', times.theirs),
  row('Fairlead', times.ours),
  {
    what: 'ratio of medians',
    median: rounded(median(times.ours) / median(times.theirs), 2),
    rate: '',
    pushes: '',
  },
])

async function push(url: string): Promise<number> {
  return timed(async () => {
    const done = await checkout.git('push', '-q', url, 'HEAD:refs/heads/stored')
    if (done.status !== 0) throw new Error(done.all)
  })
}

function row(what: string, numbers: readonly number[]) {
  const middle = median(numbers)
  return {
    what,
    median: `${rounded(middle / 1000, 2)} s`,
    rate: `${rounded(megabytes / (middle / 1000))} MB/s`,
    pushes: numbers.length,
  }
}
