// A changed config: stored on an app that was never deployed, a new release of the same image on one that runs.
import type { App } from '../domain/app.ts'
import { type Config, checkConfig, describeChange, mergeConfig } from '../domain/config.ts'
import { configInForce } from './config-in-force.ts'
import { bringToLife } from './deploy.ts'
import type { Ground } from './ground.ts'
import { hideCredential } from './hide-credential.ts'
import { runHooksAfter } from './hooks.ts'
import type { Run } from './operations.ts'
import { releaseImage } from './release-image.ts'
import { readHooks } from './source.ts'
import { undoLater, withUndo } from './undo.ts'

export interface Configured {
  readonly version: number
  /** Number of the release that is live with it, null when the app was never deployed. */
  readonly release: number | null
}

/** @throws Problem `config-invalid`, or of the roll-out: then the config in force is the one before */
export async function configure(
  ground: Ground,
  app: App,
  set: Config,
  unset: readonly string[],
  run: Run,
): Promise<Configured> {
  const { store } = ground
  const before = configInForce(store, app)
  const config = mergeConfig(before.values, set, unset)
  checkConfig(config)
  hideCredential(run.transcript, before.values, config)

  const live = store.releases.live(app.id)
  if (live === null) {
    const change = { actor: run.operation.actor, ...describeChange(before.values, config) }
    return { version: store.configs.write(app.id, config, change), release: null }
  }
  if (set.has('APTIBLE_DOCKER_IMAGE') || unset.includes('APTIBLE_DOCKER_IMAGE')) {
    run.transcript.line(
      ' !     APTIBLE_DOCKER_IMAGE: the image changes with the next push or `fairlead deploy`, not now',
    )
  }

  const deployed = ground.repositories.commit(app.name, live.commit)
  runHooksAfter(ground, app, 'configure', await readHooks(deployed, run.transcript), run)
  const { engine } = ground.stack(app.stack)
  const cure = 'Deploy again with the variables in one operation: `fairlead deploy NAME=VALUE…`.'
  const image = await releaseImage(engine, live, cure, run.signal)
  const next = {
    app,
    config,
    configVersion: null,
    commit: { id: live.commit },
    image,
    made: live.image,
    processes: live.processes,
    beforeRelease: [],
  }
  const release = await withUndo(undo => bringToLife(ground, next, undo, run), undoLater(ground, app))
  return { version: release.configVersion, release: release.number }
}
