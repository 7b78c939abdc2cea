// How long after it has become true a candidate's health is noticed: told to the pusher, that is, with ssh and git in
// between. HTTP: since its server has begun to listen. HEALTHCHECK: since the end of the first check that was passed.
// `node bench/health.ts [TIMES]`
import { readFileSync } from 'node:fs'
import { type Checkout, startGateway } from '../test/support/gateway.ts'
import { livePush } from '../test/support/pushed.ts'
import { startRegistry } from '../test/support/registry.ts'
import { docker, insist } from './support/by-hand.ts'
import { printTable, rowOfTimes } from './support/table.ts'

const times = Number(process.argv[2] ?? 10)
/** A boot that takes a while, so that the gateway asks before it is over; and when it was, on the clock of the machine. */
const SERVE = 'sleep 1; echo up since $(cut -d " " -f 1 /proc/uptime); exec busybox httpd -f -p 5000 -h /www'
const CHECK =
  'HEALTHCHECK --interval=1s --retries=30 CMD ["/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/"]'

await using undo = new AsyncDisposableStack()
const registry = await startRegistry({ anonymous: true })
undo.defer(() => registry.stop())
await registry.push('base', '1', { files: { '/www/index.html': 'hello\n' } })
const gateway = await startGateway({ compiled: true })
undo.defer(() => gateway.dispose())

const byHttp = await gateway.app(files(''))
await byHttp.push()
const made = await gateway.fairlead(['endpoints:create', 'health.test', '--app', byHttp.name])
if (made.status !== 0) throw new Error(made.all)
const byCheck = await gateway.app(files(CHECK))

const taken: { http: number[]; check: number[] } = { http: [], check: [] }
for (let i = 0; i < times; i++) {
  taken.http.push(await noticed(byHttp, 'web.1 is healthy: it answers', listeningSince))
  taken.check.push(await noticed(byCheck, 'web.1 is healthy by the HEALTHCHECK of its image', healthySince))
}
printTable([rowOfTimes('HTTP', taken.http), rowOfTimes('HEALTHCHECK', taken.check)])

function files(check: string): Record<string, string> {
  return { Dockerfile: `FROM ${registry.host}/base:1\n${check}\n`, Procfile: `web: ${SERVE}\n` }
}

/** @returns milliseconds */
async function noticed(
  app: Checkout,
  line: string,
  since: (app: Checkout) => Promise<number>,
): Promise<number> {
  const push = await livePush(gateway, app)
  await push.sees(line)
  const heard = Date.now()
  const done = await push.ended
  if (done.status !== 0) throw new Error(done.all)
  return heard - (await since(app))
}

/** Its container knows the time since the machine was started only, in hundredths of a second. */
async function listeningSince(app: Checkout): Promise<number> {
  const started = Date.now() - Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000
  const { stdout } = await gateway.fairlead(['logs', '--app', app.name])
  // The one that it replaced may still drain.
  const since = [...stdout.matchAll(/up since ([\d.]+)/g)].map(([, seconds]) => Number(seconds))
  return started + Math.max(...since) * 1000
}

/** The end of the first check that was passed, by the engine's own record of it. */
async function healthySince(app: Checkout): Promise<number> {
  const { stdout } = await gateway.fairlead(['ps', '--app', app.name, '--no-stats', '--json'])
  const [web] = JSON.parse(stdout) as { container: string }[]
  const log = insist(await docker('inspect', '-f', '{{json .State.Health.Log}}', web?.container ?? ''))
  const passed = (JSON.parse(log) as { End: string; ExitCode: number }[]).find(each => each.ExitCode === 0)
  return Date.parse(passed?.End ?? '')
}
