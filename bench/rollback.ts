// A rollback until the old release answers, against `docker run` of the same image until it answers, alternating in one
// run. `node bench/rollback.ts [TIMES]`
import { startGateway } from '../test/support/gateway.ts'
import { gatewayId, onEngine } from '../test/support/on-engine.ts'
import { page } from '../test/support/page.ts'
import { startRegistry } from '../test/support/registry.ts'
import { docker, insist, runByHand } from './support/by-hand.ts'
import { median, printTable, rounded, rowOfTimes, timed } from './support/table.ts'

const times = Number(process.argv[2] ?? 20)
const SERVE = 'exec busybox httpd -f -p 5000 -h /www'

await using undo = new AsyncDisposableStack()
const registry = await startRegistry({ anonymous: true })
undo.defer(() => registry.stop())
const gateway = await startGateway({ compiled: true })
undo.defer(() => gateway.dispose())
const app = await gateway.app({ Procfile: `web: ${SERVE}\n` })
for (const tag of ['v1', 'v2']) {
  const files = { '/www/index.html': `${tag}\n` }
  await registry.push('acme/shop', tag, { files, cmd: ['/bin/sh', '-c', SERVE] })
  const image = `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/shop:${tag}`
  insist(await gateway.fairlead(['deploy', '--git-commitish', await stored(), '--app', app.name, image]))
}
const [image = ''] = insist(
  await docker(
    'images',
    '--no-trunc',
    '-q',
    '--filter',
    `reference=fairlead-${gatewayId(gateway)}/${app.name}`,
  ),
).split('\n')

const taken: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
for (let i = 0; i <= times; i++) {
  const [ours, theirs] = [await back(i % 2 === 0 ? 'v1' : 'v2'), await runByHand(image)]
  if (i === 0) continue // the first one warms both up
  taken.ours.push(ours)
  taken.theirs.push(theirs)
}
printTable([
  rowOfTimes('docker run, by hand', taken.theirs),
  rowOfTimes('rollback', taken.ours),
  {
    what: 'ratio of medians',
    median: rounded(median(taken.ours) / median(taken.theirs), 2),
    least: '',
    most: '',
    times: '',
  },
])

async function stored(): Promise<string> {
  insist(await app.push({}, 'stored'))
  return 'stored'
}

/** Over plain ssh: the CLI is a program of its own, whose start is not what is measured. */
async function back(expected: string): Promise<number> {
  const milliseconds = await timed(async () => insist(await gateway.ssh(`rollback --app ${app.name}`)))
  while ((await onEngine(gateway, app.name)).containers.length > 1);
  if ((await page(gateway, app.name)) !== `${expected}\n`) throw new Error(`${expected} is not what answers`)
  return milliseconds
}
