// An app with a real server behind a hostname, for whoever puts load on it.
import { type Checkout, type Finished, startGateway, type TestGateway } from './gateway.ts'
import { nodeImage, SERVE } from './node-image.ts'
import { onEngine } from './on-engine.ts'
import { startRegistry } from './registry.ts'
import { until } from './until.ts'

export interface ServedApp extends Checkout {
  readonly hostname: string
  /** Over plain ssh, about this app. @throws when it fails */
  fairlead(words: string): Promise<void>
  /** Pushes a new commit. @param web line of its Procfile */
  deploy(web?: string): Promise<Finished>
  /** Waits until what is retired has gone: a switch is not over before. */
  only(containers: number): Promise<void>
}

export interface ServingGateway extends AsyncDisposable {
  readonly gateway: TestGateway
  /** Live, and answering under its hostname. */
  app(): Promise<ServedApp>
}

export async function startServingGateway(options: { compiled?: boolean } = {}): Promise<ServingGateway> {
  await using undo = new AsyncDisposableStack()
  const registry = await startRegistry({ anonymous: true })
  undo.defer(() => registry.stop())
  await registry.push('server', '1', nodeImage())
  const gateway = await startGateway(options)
  undo.defer(() => gateway.dispose())
  const running = undo.move()

  async function app(): Promise<ServedApp> {
    const checkout = await gateway.app({})
    const { name } = checkout
    const hostname = `${checkout.app}.test`
    const served: ServedApp = {
      ...checkout,
      hostname,
      async fairlead(words) {
        succeeded(await gateway.ssh(`${words} --app ${name}`))
      },
      deploy: (web = SERVE) => checkout.push({ Procfile: `web: ${web}\n` }),
      async only(containers) {
        await until(`${name} has ${containers} containers`, async () => {
          return (await onEngine(gateway, name)).containers.length === containers
        })
      },
    }
    await served.fairlead(`config:set APTIBLE_DOCKER_IMAGE=${registry.host}/server:1`)
    await served.fairlead(`endpoints:create ${hostname}`)
    succeeded(await served.deploy())
    return served
  }
  return { gateway, app, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

export function succeeded(done: Finished): void {
  if (done.status !== 0) throw new Error(done.all)
}
