// What a person does by hand on the same engine: what our own times are compared with.
import { setTimeout as delay } from 'node:timers/promises'
import { type Checkout, type Finished, finish, type TestGateway } from '../../test/support/gateway.ts'
import { timed } from './table.ts'

const PORT = 5000

/** @returns milliseconds from `docker run` of an image until its port 5000 answers over HTTP; the container is removed */
export async function runByHand(image: string): Promise<number> {
  let id = ''
  const milliseconds = await timed(async () => {
    id = insist(await docker('run', '-d', image))
    const address = insist(await docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', id))
    while (!(await answers(`http://${address}:${PORT}/`))) await delay(1)
  })
  await docker('rm', '-f', id)
  return milliseconds
}

/**
 * As by hand: what is replaced stops when the next one answers. Without an endpoint it would stop first, which takes an
 * engine some 200 ms. For an app that was deployed.
 */
export async function startFirst(gateway: TestGateway, app: Checkout): Promise<void> {
  insist(await gateway.fairlead(['services:settings', 'web', '--rollout', 'start-first', '--app', app.name]))
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    async response => {
      await response.arrayBuffer()
      return response.ok
    },
    () => false,
  )
}

export function docker(...words: string[]): Promise<Finished> {
  return finish('docker', words, { cwd: '/' })
}

/** @returns what it printed @throws when the command failed: a measurement of failures is none */
export function insist(done: Finished): string {
  if (done.status !== 0) throw new Error(done.all)
  return done.stdout.trim()
}
