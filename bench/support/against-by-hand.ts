// Compares a change of an app that runs, until it is live, with `docker run` of the same image until it answers.
import { setTimeout as delay } from 'node:timers/promises'
import { type Checkout, startGateway, type TestGateway } from '../../test/support/gateway.ts'
import { gatewayId, onEngine } from '../../test/support/on-engine.ts'
import { page } from '../../test/support/page.ts'
import { startRegistry } from '../../test/support/registry.ts'
import { docker, insist, runByHand } from './by-hand.ts'
import { printTable, rowOfRatio, rowOfTimes, timed } from './table.ts'

/** The page names the variable that the container was started with, and its image. */
const SERVE =
  'mkdir -p /tmp/www; echo "$GREETING $(cat /tag)" > /tmp/www/index.html; exec httpd -f -p 5000 -h /tmp/www'

export interface Change {
  readonly what: string
  /** The gateway's command for the app, for the round of that number. The app has two releases, of images `v1` and `v2`. */
  command(app: string, round: number): string
  /** What the page says after it. */
  expected(round: number): string
}

/** Prints the table. @param times rounds that count; one before them warms both up */
export async function compareWithByHand({ what, command, expected }: Change, times: number): Promise<void> {
  await using undo = new AsyncDisposableStack()
  const registry = await startRegistry({ anonymous: true })
  undo.defer(() => registry.stop())
  const gateway = await startGateway({ compiled: true })
  undo.defer(() => gateway.dispose())
  const app = await gateway.app({ Procfile: `web: ${SERVE}\n` })
  insist(await app.push({}, 'stored'))
  for (const tag of ['v1', 'v2']) {
    await registry.push('acme/shop', tag, { files: { '/tag': tag }, cmd: ['/bin/sh', '-c', SERVE] })
    const image = `APTIBLE_DOCKER_IMAGE=${registry.host}/acme/shop:${tag}`
    insist(await gateway.fairlead(['deploy', '--git-commitish', 'stored', '--app', app.name, image]))
  }
  const image = await imageOf(gateway, app)

  const taken: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
  for (let round = 0; round <= times; round++) {
    const [ours, theirs] = [await change(round), await runByHand(image)]
    if (round === 0) continue
    taken.ours.push(ours)
    taken.theirs.push(theirs)
  }
  printTable([
    rowOfTimes('docker run, by hand', taken.theirs),
    rowOfTimes(what, taken.ours),
    rowOfRatio(taken.ours, taken.theirs),
  ])

  /** Over plain ssh: the CLI is a program of its own, whose start is not what is measured. */
  async function change(round: number): Promise<number> {
    const milliseconds = await timed(async () => insist(await gateway.ssh(command(app.name, round))))
    const said = (await page(gateway, app.name)).trim()
    if (said !== expected(round)) throw new Error(`it answers ${said}, not ${expected(round)}`)
    // What is being retired would be measured with the next round.
    while ((await onEngine(gateway, app.name)).containers.length > 1) await delay(10)
    return milliseconds
  }
}

/** Its id, of an app's newest release. */
async function imageOf(gateway: TestGateway, { name }: Checkout): Promise<string> {
  const reference = `reference=fairlead-${gatewayId(gateway)}/${name}`
  return insist(await docker('images', '--no-trunc', '-q', '--filter', reference)).split('\n')[0] ?? ''
}
