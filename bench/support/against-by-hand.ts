// Compares a change of an app that runs, until it is live, with `docker run` of the same image until it answers.
import { setTimeout as delay } from 'node:timers/promises'
import { type Checkout, startGateway, type TestGateway } from '../../test/support/gateway.ts'
import { gatewayId, onEngine } from '../../test/support/on-engine.ts'
import { page, pageByName } from '../../test/support/page.ts'
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

/** Prints the table. @param times rounds that count; one before them warms all up */
export async function compareWithByHand({ what, command, expected }: Change, times: number): Promise<void> {
  await using undo = new AsyncDisposableStack()
  const registry = await startRegistry({ anonymous: true })
  undo.defer(() => registry.stop())
  const gateway = await startGateway({ compiled: true })
  undo.defer(() => gateway.dispose())
  for (const tag of ['v1', 'v2'])
    await registry.push('acme/shop', tag, { files: { '/tag': tag }, cmd: ['/bin/sh', '-c', SERVE] })
  const images = ['v1', 'v2'].map(tag => `${registry.host}/acme/shop:${tag}`)

  const bare = await twoReleases(gateway, images)
  // Start-first, as behind an endpoint: else the time in which the old container stops is a part of it.
  insist(await gateway.ssh(`services:settings web --rollout start-first --app ${bare.name}`))
  const routed = await twoReleases(gateway, images)
  const hostname = `${routed.app}.${routed.environment}.localhost`
  insist(await gateway.ssh(`endpoints:create ${hostname} --app ${routed.name}`))
  const image = await imageOf(gateway, bare)

  const taken: Record<'byHand' | 'bare' | 'routed', number[]> = { byHand: [], bare: [], routed: [] }
  for (let round = 0; round <= times; round++) {
    const took = {
      bare: await change(bare, round, () => page(gateway, bare.name)),
      byHand: await runByHand(image),
      routed: await change(routed, round, () => pageByName(gateway, hostname)),
    }
    if (round === 0) continue
    for (const [which, milliseconds] of Object.entries(took))
      taken[which as keyof typeof took].push(milliseconds)
  }
  printTable([
    rowOfTimes('docker run, by hand', taken.byHand),
    rowOfTimes(what, taken.bare),
    rowOfRatio(taken.bare, taken.byHand),
    rowOfTimes(`${what}, behind an endpoint`, taken.routed),
    rowOfRatio(taken.routed, taken.byHand),
  ])

  /** Over plain ssh: the CLI is a program of its own, whose start is not what is measured. */
  async function change(app: Checkout, round: number, look: () => Promise<string>): Promise<number> {
    const milliseconds = await timed(async () => insist(await gateway.ssh(command(app.name, round))))
    const said = (await look()).trim() // At once: live means that it answers.
    if (said !== expected(round)) throw new Error(`it answers ${said}, not ${expected(round)}`)
    // What is being retired would be measured with the next round.
    while ((await onEngine(gateway, app.name)).containers.length > 1) await delay(10)
    return milliseconds
  }
}

async function twoReleases(gateway: TestGateway, images: readonly string[]): Promise<Checkout> {
  const app = await gateway.app({ Procfile: `web: ${SERVE}\n` })
  insist(await app.push({}, 'stored'))
  for (const image of images) {
    const words = [...['--git-commitish', 'stored'], ...['--app', app.name], `APTIBLE_DOCKER_IMAGE=${image}`]
    insist(await gateway.fairlead(['deploy', ...words]))
  }
  return app
}

/** Its id, of an app's newest release. */
async function imageOf(gateway: TestGateway, { name }: Checkout): Promise<string> {
  const reference = `reference=fairlead-${gatewayId(gateway)}/${name}`
  return insist(await docker('images', '--no-trunc', '-q', '--filter', reference)).split('\n')[0] ?? ''
}
