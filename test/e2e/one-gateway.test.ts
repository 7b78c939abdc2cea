// One gateway per data directory: a second one is refused and disturbs nothing, and one that was killed keeps nobody
// out, whatever of it still runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { type GatedApps, startGatedApps } from '../support/gated-apps.ts'
import type { TestGateway } from '../support/gateway.ts'
import { isHaproxy } from '../support/haproxy.ts'
import { pageByName, processes } from '../support/page.ts'
import { livePush } from '../support/pushed.ts'
import { until } from '../support/until.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

let gated: GatedApps
let gateway: TestGateway

test.before(async () => {
  gated = await startGatedApps()
  gateway = gated.gateway
})
test.after.always(() => gated?.dispose())

/** A gateway on the same data directory, on a port of its own. @returns how it ended; one that is let in is killed */
async function second(t: ExecutionContext): Promise<{ status: number | null; said: string }> {
  const environment = {
    PATH: process.env.PATH,
    HOME: gateway.directory,
    FAIRLEAD_DATA: gateway.data,
    FAIRLEAD_SSH: '127.0.0.1:0',
    FAIRLEAD_STACKS: gateway.stacks,
  }
  const child = spawn(process.execPath, [MAIN], {
    cwd: gateway.directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdout.on('data', chunk => {
    if (String(chunk).includes('Fairlead is ready')) child.kill('SIGKILL')
  })
  const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return { status: status as number | null, said }
}

test.serial(
  'a second gateway on a data directory is refused, and the first goes on with what it does',
  async t => {
    const app = await gated.serving(t)
    const held = gated.gate.hold(/^POST .*\/containers\/[^/]+\/start/)
    t.teardown(held.release)
    const push = await livePush(gateway, app, gated.files('two\n'))
    await held.reached
    const refused = await second(t)
    t.is(refused.status, 1, refused.said)
    t.regex(refused.said, /Another gateway runs on this data directory \(settings-invalid\)/)
    t.regex(
      refused.said,
      /What to do: {4}Stop the other gateway, or give this one a FAIRLEAD_DATA of its own\./,
    )
    t.is((await gated.newest(app)).state, 'running')
    held.release()
    const { status, stderr } = await push.ended
    t.is(status, 0, stderr)
    t.is((await gated.newest(app)).state, 'succeeded')
  },
)

test.serial(
  'a gateway that was killed at work keeps the next from nothing, and its operation is ended',
  async t => {
    const app = await gated.serving(t)
    const hostname = `${app.app}.test`
    const made = await gateway.fairlead(['endpoints:create', hostname, '--app', app.name])
    t.is(made.status, 0, made.all)
    const held = gated.gate.hold(/^POST .*\/containers\/[^/]+\/start/)
    t.teardown(held.release)
    const push = await livePush(gateway, app, gated.files('two\n'))
    await held.reached
    const running = await gated.newest(app)
    t.is(running.state, 'running')
    await gateway.crash()
    // What outlives it holds nothing of it.
    t.true(isHaproxy(Number(readFileSync(join(gateway.data, 'router', 'haproxy.pid'), 'utf8'))))
    await gateway.restart()
    const ended = { operation: running.operation, state: 'failed', problem: 'interrupted' }
    const { operation, state, problem } = await gated.newest(app)
    t.deepEqual({ operation, state, problem }, ended)
    held.release()
    await push.ended
    await until('no candidate is left', async () => (await processes(gateway, app.name)).length === 1)
    t.is(await pageByName(gateway, hostname), 'one\n')
    const again = await app.push(gated.files('three\n'))
    t.is(again.status, 0, again.all)
    t.is(await pageByName(gateway, hostname), 'three\n')
  },
)
