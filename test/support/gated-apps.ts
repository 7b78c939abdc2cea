// Apps between whose gateway and engine there is a gate, for tests of what happens at one moment of an operation: the
// moment is held on to, and nothing settles by time alone meanwhile.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { engineGate, type Gate } from './gate.ts'
import { type Checkout, startGateway, type TestGateway } from './gateway.ts'
import { page } from './page.ts'
import { startRegistry, type TestRegistry } from './registry.ts'

/** Serves what the image has in /www. */
export const HTTPD = 'exec busybox httpd -f -p "$PORT" -h /www'

/** As `operations --json` has it. */
export interface OperationRow {
  readonly operation: number
  readonly state: string
  readonly problem: string | null
}

export interface GatedApps {
  readonly gateway: TestGateway
  /** Holds the image `base:1`. */
  readonly registry: TestRegistry
  readonly gate: Gate
  /** Of an app whose page is the greeting. */
  files(greeting: string): Record<string, string>
  /** An app whose v1 serves "one" until the end of the test. */
  serving(t: ExecutionContext): Promise<Checkout>
  newest(app: Checkout): Promise<OperationRow>
  dispose(): Promise<void>
}

export async function startGatedApps(): Promise<GatedApps> {
  await using undo = new AsyncDisposableStack()
  const registry = await startRegistry({ anonymous: true })
  undo.defer(() => registry.stop())
  await registry.push('base', '1')
  const gate = await engineGate()
  undo.defer(() => gate.remove())
  const gateway = await startGateway()
  undo.defer(() => gateway.dispose())
  const stack = join(gateway.stacks, 'local.yml')
  const text = readFileSync(stack, 'utf8')
  writeFileSync(stack, text.replace('/var/run/docker.sock', gate.path).replace('settle: 1s', 'settle: 300s'))
  await gateway.restart()

  const files = (greeting: string) => ({
    Dockerfile: `FROM ${registry.host}/base:1\nCOPY www /www\n`,
    'www/index.html': greeting,
    Procfile: `web: ${HTTPD}\n`,
  })
  const running = undo.move()
  return {
    gateway,
    registry,
    gate,
    files,
    async serving(t) {
      const app = await gateway.app(files('one\n'))
      // The network of an environment has room for a dozen containers.
      t.teardown(() => gateway.fairlead(['apps:destroy', '--app', app.name, '--confirm', app.app]))
      const push = await app.push()
      t.is(push.status, 0, push.all)
      t.is(await page(gateway, app.name), 'one\n')
      // For a while both releases run, as they do behind an endpoint.
      const settings = ['services:settings', 'web', '--rollout', 'start-first', '--app', app.name]
      t.is((await gateway.fairlead(settings)).status, 0)
      return app
    },
    async newest(app) {
      const listed = await gateway.fairlead(['operations', '--app', app.name, '--json'])
      return JSON.parse(listed.stdout)[0]
    },
    dispose: () => running.disposeAsync(),
  }
}
