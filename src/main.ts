// The gateway's process: settings → gateway → signals. No logic.
import { Problem, problemLines } from './domain/problem.ts'
import { startGateway } from './gateway.ts'
import { createLog } from './log.ts'
import { readSettings } from './settings.ts'

try {
  const settings = readSettings(process.env, process.cwd())
  const log = createLog(settings.logLevel)
  const gateway = await startGateway(settings, log)
  log.info(
    { url: gateway.url, hostKey: gateway.fingerprint, gateway: gateway.id, data: settings.data },
    'Fairlead is ready',
  )

  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping')
    // A second signal ends it at once: the next start cleans up.
    process.once(signal, () => process.exit(1))
    gateway.close().then(
      () => process.exit(0),
      error => {
        log.error({ error }, 'could not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
} catch (error) {
  if (!(error instanceof Problem)) throw error
  for (const line of problemLines(error)) process.stderr.write(`${line}\n`)
  process.exitCode = 1
}
