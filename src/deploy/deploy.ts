// THE STORY of a deploy, from a commit to a live release. Everything else in this folder is a chapter of it.
import type { App } from '../domain/app.ts'
import { type Config, describeChange } from '../domain/config.ts'
import type { Image } from '../domain/engine.ts'
import { isRun } from '../domain/one-off.ts'
import type { Process, Release, ReleaseImage } from '../domain/release.ts'
import { planRollout } from '../domain/rollout.ts'
import type { Commit } from '../git/commit.ts'
import { proveAccess } from './access.ts'
import { alreadyLive } from './already-live.ts'
import { runBeforeRelease } from './before-release.ts'
import { stoppedFirst } from './bring-back.ts'
import { checkCommands } from './check-deployable.ts'
import { configInForce } from './config-in-force.ts'
import { discardRelease } from './discard.ts'
import { isGenerator } from './generate.ts'
import type { Ground } from './ground.ts'
import { handOver, retireDrained } from './hand-over.ts'
import { hideCredential } from './hide-credential.ts'
import { runHooksAfter } from './hooks.ts'
import { obtainImage } from './image.ts'
import { keepLiveRunning } from './keep-running.ts'
import { keychainFor } from './keychain.ts'
import { joinNetwork } from './network.ts'
import type { Run } from './operations.ts'
import { during } from './phase.ts'
import { planPushes } from './plan-pushes.ts'
import { pushBuilt } from './push-image.ts'
import { removeOldImages } from './retention.ts'
import { rollOut } from './roll-out.ts'
import { readSource } from './source.ts'
import { type RegisterUndo, undoLater, withUndo } from './undo.ts'

export interface Wish {
  readonly app: App
  readonly commit: Commit
  /** The branch or tag that was asked for, a commit id where neither was. */
  readonly revision: string
  /** The config to deploy with, and whether that is a change to be recorded. */
  readonly config: Config
  readonly configVersion: number | null
  /** Deploys the commit also when it is live already. */
  readonly anew?: boolean
}

/**
 * Brings a commit to life. When it throws, what ran before goes on running and nothing of the try is left.
 * @returns the live release
 * @throws Problem of any phase
 */
export async function deploy(ground: Ground, wish: Wish, run: Run): Promise<Release> {
  const { app, commit, config } = wish
  hideCredential(run.transcript, config)

  return withUndo(
    async undo => {
      const source = await during('source', readSource(commit, config, run.transcript))
      runHooksAfter(ground, app, 'deploy', source.hooks, run)
      const { stack } = ground.stack(app.stack)
      const pushes = await during('source', planPushes(source.push, { ...wish, ...run, stack }))
      const keychain = keychainFor(ground, wish, run)
      const pushing = { branch: wish.revision, pushes, keychain }
      const access = await during('image', proveAccess(ground, app, source, config, keychain, run))
      const live = wish.anew ? null : await alreadyLive(ground, wish, access, run)
      if (live) {
        // A tag of the commit that is live may be for a push of its own.
        await pushBuilt(ground, app, { ...pushing, tag: live.image.tag }, run)
        return live
      }
      const { image, made } = await during('image', obtainImage(ground, app, access, undo, run))
      checkCommands(source, image)
      await pushBuilt(ground, app, { ...pushing, tag: made.tag }, run)
      const { processes, beforeRelease } = source
      return bringToLife(ground, { ...wish, image, made, processes, beforeRelease }, undo, run)
    },
    undoLater(ground, app),
  )
}

export interface NewRelease extends Pick<Wish, 'app' | 'config' | 'configVersion'> {
  readonly commit: { readonly id: string }
  readonly image: Image
  readonly made: ReleaseImage
  readonly processes: readonly Process[]
  readonly beforeRelease: readonly string[]
  /** Number of the release that is brought back, where one is. */
  readonly rollbackOf?: number
}

/** The second half of the story, where a changed config and a rollback enter: a Release of an image that is there. */
export async function bringToLife(
  ground: Ground,
  next: NewRelease,
  undo: RegisterUndo,
  run: Run,
): Promise<Release> {
  const { app, config, image } = next
  const { transcript, signal } = run
  const { stack, engine } = ground.stack(app.stack)
  const { gatewayId } = ground.store

  const release = cutRelease(ground, next, run)
  transcript.line(
    `-----> Release v${release.number}: ${next.processes.map(process => process.name).join(', ')}`,
  )
  const endpoints = ground.routing.endpoints(app)
  const surroundings = { gatewayId, app, stack, image, config, release, endpoints }
  const stopped = stoppedFirst(ground, app, transcript)
  undo(`the stop of what ran before v${release.number}`, stopped.bringBack)
  undo(`release v${release.number}`, async () => {
    // Tried again much later, an app of the same name may be another: a destroyed one has nothing left to undo.
    if (ground.store.apps.byId(app.id) !== null) await discardRelease(engine, app, release.number)
  })

  const [present] = await Promise.all([
    engine.list(app.name, signal),
    during('start', joinNetwork(ground, app, signal)),
  ])
  await during(
    'before_release',
    runBeforeRelease(next.beforeRelease, engine, surroundings, transcript, signal),
  )

  // A generator that `registry:explain` runs meanwhile is none of what ran before, nor is somebody's `run`.
  const before = present.filter(({ labels }) => !isGenerator(labels) && !isRun(labels))
  const routed = new Set(endpoints.map(({ service }) => service))
  const plan = planRollout(before, release, ground.store.services.of(app.id), routed)
  if (plan.start.length + plan.startAfter.length === 0)
    transcript.line('-----> Nothing to start: every service is scaled to 0')
  const ready = () => during('promote', ground.routing.ready(app, signal))
  const rolling = { engine, surroundings, transcript, probe: ground.probe, stopped, ready }
  const started = await during('start', rollOut(plan, rolling, signal))

  await ready()
  signal.throwIfAborted()
  ground.store.releases.promote(app.id, release.number) // The commit point: from here on nothing is undone.
  await handOver(ground, app, transcript)
  transcript.line(`-----> v${release.number} is live`)
  // Telling the engine to keep them running takes it some 40 ms: nobody has to wait for that.
  ground.insist(`keep v${release.number} running`, () => keepLiveRunning(ground, app, started), app.id)
  ground.insist(
    `retire what ran before v${release.number}`,
    async stopping => {
      await retireDrained(ground, app, plan.retire, stopping)
      // Not earlier: the engine keeps the image of what still runs.
      ground.insist(`remove old images after v${release.number}`, () => removeOldImages(ground, app), app.id)
    },
    app.id,
  )
  return release
}

function cutRelease(ground: Ground, next: NewRelease, run: Run): Release {
  const { store } = ground
  const { app, config, made, processes, commit, rollbackOf = null } = next
  return store.transaction(() => {
    const configVersion =
      next.configVersion ??
      store.configs.write(app.id, config, {
        actor: run.operation.actor,
        withRelease: true,
        ...describeChange(configInForce(store, app).values, config),
      })
    return store.releases.create(app.id, {
      image: made,
      processes,
      configVersion,
      commit: commit.id,
      operation: run.operation.number,
      rollbackOf,
    })
  })
}
