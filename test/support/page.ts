// Fetches a page from an app's web process, at its address on the environment's network.
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestGateway } from './gateway.ts'
import { until } from './until.ts'

export interface Row {
  readonly process: string
  readonly release: string
  readonly state: string
  readonly address: string | null
  readonly container: string
}

export async function processes(gateway: TestGateway, app: string): Promise<Row[]> {
  const listed = await gateway.fairlead(['ps', '--app', app, '--json', '--no-stats'])
  if (listed.status !== 0) throw new Error(listed.all)
  return JSON.parse(listed.stdout)
}

export async function page(gateway: TestGateway, app: string, port = 5000): Promise<string> {
  // Of two that run one is being retired: the newest serves.
  const web = (await processes(gateway, app)).findLast(
    row => row.process === 'web.1' && row.state === 'running',
  )
  if (!web?.address) throw new Error(`${app} has no running web process`)
  const { address } = web
  // It runs before it listens: when it was started again, or had settled by time alone.
  const answer = await until(`${app} answers`, () => fetch(`http://${address}:${port}/`).catch(() => null))
  return answer.text()
}

/** Resolves when nothing goes on behind the app's last operation: what retires has gone, what serves is kept running. */
export async function atRest(gateway: TestGateway, app: string): Promise<void> {
  await until(`nothing of ${app} is under way`, async () => {
    const { stderr } = await gateway.ssh('doctor')
    return !stderr.includes(`${app} is left out`)
  })
}

/** Through the router. @throws when nothing answers */
export function pageByName(gateway: TestGateway, hostname: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ port: gateway.http, headers: { host: hostname }, agent: false }, response => {
      text(response).then(resolve, reject)
    })
    asked.on('error', reject)
  })
}
