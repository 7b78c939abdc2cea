// A push whose private image lies on the engine already, against `docker run` of the same local image, each until it
// answers over HTTP, alternating in one run. `node bench/image-on-engine.ts [PUSHES]`
import { startGateway } from '../test/support/gateway.ts'
import { startRegistry } from '../test/support/registry.ts'
import { docker, insist, runByHand, startFirst } from './support/by-hand.ts'
import { median, printTable, rounded, rowOfTimes, timed } from './support/table.ts'

const pushes = Number(process.argv[2] ?? 20)
const NOTHING_FETCHED = /Already on the engine|Nothing to pull: every layer is on the engine/
const SERVE = 'exec busybox httpd -f -p 5000 -h /www'

await using undo = new AsyncDisposableStack()
const registry = await startRegistry()
undo.defer(() => registry.stop())
const digest = await registry.push('acme/shop', 'v1', {
  files: { '/www/index.html': 'hello\n' },
  cmd: ['/bin/sh', '-c', SERVE],
})
const gateway = await startGateway({ compiled: true })
undo.defer(() => gateway.dispose())
const app = await gateway.app({ Procfile: `web: ${SERVE}\n` })
await gateway.fairlead([
  'config:set',
  ...['--app', app.name],
  `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/shop:v1`,
  `APTIBLE_PRIVATE_REGISTRY_HOST=${registry.host}`,
  `APTIBLE_PRIVATE_REGISTRY_USERNAME=${registry.username}`,
  `APTIBLE_PRIVATE_REGISTRY_PASSWORD=${registry.password}`,
])
insist(await app.push())
await startFirst(gateway, app)
const image = insist(
  await docker('images', '--no-trunc', '-q', '--filter', `reference=fairlead-*/${app.name}`),
)

const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
for (let i = 0; i < pushes; i++) {
  times.ours.push(await pushed(i))
  times.theirs.push(await runByHand(image))
}
printTable([
  rowOfTimes('docker run, by hand', times.theirs),
  rowOfTimes(`git push of ${digest.slice(0, 19)}…`, times.ours),
  {
    what: 'more than by hand',
    median: `${rounded(median(times.ours) - median(times.theirs))} ms`,
    least: '',
    most: '',
    times: '',
  },
])

async function pushed(i: number): Promise<number> {
  await app.commit(`push ${i}`)
  return timed(async () => {
    const done = await app.git('push', 'aptible', 'HEAD:refs/heads/master')
    insist(done)
    if (!NOTHING_FETCHED.test(done.all)) throw new Error(`layers were fetched:\n${done.all}`)
  })
}
