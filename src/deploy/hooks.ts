// The commands of `.aptible.yml` that run when an operation has succeeded or failed: in the image that is live by
// then, with its config. Nobody waits for them, and what becomes of them undoes nothing: their failure is a line.
import type { App } from '../domain/app.ts'
import type { Engine } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import type { Release } from '../domain/release.ts'
import type { HookName, Hooks } from './aptible-yml.ts'
import type { Afterwards } from './conclude.ts'
import type { Ground } from './ground.ts'
import type { Run } from './operations.ts'
import { type FailedCommand, runCommands } from './run-commands.ts'
import { tookEffect } from './took-effect.ts'
import { undoSignal } from './undo.ts'

/**
 * Has the operation run them at its end, which ones depending on how it ends. None after one that was cancelled, that
 * the gateway's own end interrupted, or that found nothing to start.
 */
export function runHooksAfter(
  ground: Ground,
  app: App,
  kind: 'deploy' | 'configure' | 'scale' | 'restart',
  hooks: Hooks,
  { operation, transcript, afterwards }: Run,
): void {
  afterwards((outcome, problem): Afterwards | null => {
    if (outcome === 'cancelled' || problem === 'interrupted') return null
    const name: HookName = `after_${kind}_${outcome === 'succeeded' ? 'success' : 'failure'}`
    const commands = hooks[name]
    if (commands === undefined || commands.length === 0) return null
    const live = ground.store.releases.live(app.id)
    if (outcome === 'succeeded' && !tookEffect(ground.store, app.id, operation.number)) return null
    if (live === null) {
      transcript.line(` !     ${name} was not run: its commands run in the live release, and there is none`)
      return null
    }
    return { name, work: signal => runHook(ground, app, live, name, commands, transcript, signal) }
  })
}

async function runHook(
  ground: Ground,
  app: App,
  live: Release,
  name: HookName,
  commands: readonly string[],
  transcript: Run['transcript'],
  asked: AbortSignal,
): Promise<void> {
  const { stack, engine } = ground.stack(app.stack)
  const { gatewayId, configs } = ground.store
  const seconds = stack.build.timeout
  const deadline = AbortSignal.timeout(seconds * 1000)
  const signal = AbortSignal.any([asked, deadline])
  try {
    const image = await engine.findImage(live.image.tag, signal)
    if (image === null)
      return warn('could not run: the image of the live release is not on the engine any more')
    const config = configs.at(app.id, live.configVersion)
    const endpoints = ground.routing.endpoints(app)
    const surroundings = { gatewayId, app, stack, image, config, release: live, endpoints }
    // No line of a Procfile can be called so, hence no container of the live release either.
    const list = { key: name, process: name, commands }
    const failed = await runCommands(list, engine, surroundings, transcript, signal)
    if (failed === null) return
    warn(`failed with exit code ${failed.exitCode}: ${failed.command}${silence(failed)}`)
  } catch (error) {
    if (asked.aborted)
      warn(`did not end: ${asked.reason instanceof Problem ? asked.reason.headline : 'the gateway stops'}`)
    else if (deadline.aborted)
      warn(`took longer than ${seconds} s, the most that the stack ${stack.name} allows`)
    else if (error instanceof Problem) warn(`could not run: ${error.headline}`)
    else throw error
  }
  await discardHook(engine, app, live, name).catch(() =>
    ground.insist(`remove the container of ${name}`, () => discardHook(engine, app, live, name), app.id),
  )

  function warn(what: string): void {
    transcript.makeRoom()
    transcript.line(` !     ${name} ${what}. v${live.number} stays live, as it is`)
  }
}

const silence = ({ output }: FailedCommand) => (output.length === 0 ? ' (it printed nothing)' : '')

/** Also one whose creation was never confirmed. */
async function discardHook(engine: Engine, app: App, live: Release, name: HookName): Promise<void> {
  const signal = undoSignal()
  const left = (await engine.list(app.name, signal)).filter(
    ({ labels }) => labels.oneOff && labels.release === live.number && labels.process === name,
  )
  for (const { id } of left) await engine.remove(id, signal)
}
