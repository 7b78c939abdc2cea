// The live release in another shape: more containers, fewer, or new ones in place of those that run. No release is
// made. `domain/service.ts` says which containers serve at every step of it.
import type { App } from '../domain/app.ts'
import type { Release } from '../domain/release.ts'
import { containerLabel, planReshape, type Reshape, type Wanted } from '../domain/rollout.ts'
import { type StoppedFirst, stoppedFirst } from './bring-back.ts'
import { configInForce } from './config-in-force.ts'
import { discardStarted } from './discard.ts'
import { isGenerator } from './generate.ts'
import type { Ground } from './ground.ts'
import { handOver, retireDrained } from './hand-over.ts'
import { hideCredential } from './hide-credential.ts'
import { keepLiveRunning } from './keep-running.ts'
import { joinNetwork } from './network.ts'
import type { Run } from './operations.ts'
import { during } from './phase.ts'
import { releaseImage } from './release-image.ts'
import { rollOut } from './roll-out.ts'
import { undoLater, withUndo } from './undo.ts'

/**
 * When it throws, what ran before goes on running, the record is as it was, and nothing of the try is left.
 * @returns whether there was anything to do
 * @throws Problem `image-not-found`, `container-not-started`, `container-exited`, and the engine's
 */
export async function reshape(
  ground: Ground,
  app: App,
  release: Release,
  wanted: readonly Wanted[],
  run: Run,
): Promise<boolean> {
  const { store } = ground
  const { operation, transcript, signal } = run
  const { engine } = ground.stack(app.stack)
  // A generator that `registry:explain` runs meanwhile is none of the app's services.
  const present = (await engine.list(app.name, signal)).filter(({ labels }) => !isGenerator(labels))
  const routed = new Set(ground.routing.endpoints(app).map(({ service }) => service))
  const plan = planReshape(present, release, store.services.of(app.id), wanted, routed, operation.number)
  if (plan.services.length === 0) return false

  const started = await withUndo(
    async undo => {
      const stopped = stoppedFirst(ground, app, transcript)
      undo(`what operation #${operation.number} stopped`, stopped.bringBack)
      undo(`what operation #${operation.number} started`, async () => {
        // As for a release: tried again much later, an app of the same name may be another.
        if (store.apps.byId(app.id) !== null) await discardStarted(engine, app, operation.number)
      })
      const candidates = await startCandidates(ground, app, release, plan, stopped, run)
      await during('promote', ground.routing.ready(app, signal))
      signal.throwIfAborted()
      store.services.write(app.id, plan.services, operation.number) // The commit point: from here on nothing is undone.
      return candidates
    },
    undoLater(ground, app),
  )

  await handOver(ground, app, transcript)
  if (plan.retire.length > 0) {
    // The engine lists them in an order of its own.
    const labels = plan.retire.map(containerLabel).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    transcript.line(`-----> Retiring ${labels.join(', ')}`)
  }
  ground.insist(
    `keep what operation #${operation.number} started running`,
    () => keepLiveRunning(ground, app, started),
    app.id,
  )
  ground.insist(
    `retire what ran before operation #${operation.number}`,
    stopping => retireDrained(ground, app, plan.retire, stopping),
    app.id,
  )
  return true
}

async function startCandidates(
  ground: Ground,
  app: App,
  release: Release,
  plan: Reshape,
  stopped: StoppedFirst,
  { transcript, signal }: Run,
): Promise<string[]> {
  if (plan.start.length + plan.startAfter.length === 0) return []
  const { stack, engine } = ground.stack(app.stack)
  const { gatewayId } = ground.store
  const config = configInForce(ground.store, app).values
  hideCredential(transcript, config)
  const image = await releaseImage(engine, release, '`fairlead rebuild` makes it again.', signal)
  await during('start', joinNetwork(ground, app, signal))
  const endpoints = ground.routing.endpoints(app)
  const surroundings = { gatewayId, app, stack, image, config, release, endpoints }
  const ready = () => during('promote', ground.routing.ready(app, signal))
  const rolling = { engine, surroundings, transcript, probe: ground.probe, stopped, ready }
  return during('start', rollOut(plan, rolling, signal))
}
