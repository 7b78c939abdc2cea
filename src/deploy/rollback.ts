// Going back: a new release of an earlier one's image and processes. Nothing is built, pulled or pushed, so that neither a
// registry nor a broken Dockerfile is in the way, and `before_release` does not run again.
//
// The config stays the one in force unless the earlier one is asked for: the commonest change of a config is a password
// that was replaced, and the old one would take down an app whose code alone was bad.
import { isDeepStrictEqual } from 'node:util'
import type { App } from '../domain/app.ts'
import type { Image } from '../domain/engine.ts'
import type { Release } from '../domain/release.ts'
import type { Store } from '../store/store.ts'
import { bringToLife } from './deploy.ts'
import type { Ground } from './ground.ts'
import { hideCredential } from './hide-credential.ts'
import type { Run } from './operations.ts'
import * as refusal from './rollback-refusal.ts'
import { undoLater, withUndo } from './undo.ts'

export interface RollbackWish {
  /** Number of the release to go back to; null: the last that was live before the live one. */
  readonly release: number | null
  /** Number of the live release when this was asked for, null when there was none. */
  readonly seen: number | null
  /** With the config of that release, instead of the one in force. */
  readonly withConfig: boolean
}

/**
 * @returns the release that is live now
 * @throws Problem `not-found`, `rollback-refused`, `image-not-found`, or of the roll-out: then what ran before runs on
 */
export async function rollback(ground: Ground, app: App, wish: RollbackWish, run: Run): Promise<Release> {
  const { store } = ground
  const live = store.releases.live(app.id)
  if (live === null) throw refusal.neverDeployed()
  const target = choose(store, app, wish, live)
  const configVersion = wish.withConfig ? target.configVersion : live.configVersion
  if (sameCode(target, live) && configVersion === live.configVersion) {
    throw refusal.nothingToChange(target, live, olderCode(store, app, live))
  }

  const config = store.configs.at(app.id, configVersion)
  hideCredential(run.transcript, store.configs.at(app.id, live.configVersion), config)
  const { image, tag } = await findImage(ground, app, target, run.signal)
  run.transcript.line(
    `-----> Going back to v${target.number} (commit ${target.commit.slice(0, 12)}, ${target.image.source})`,
  )
  if (target.configVersion !== live.configVersion) run.transcript.line(aboutConfig(target, wish.withConfig))
  const next = {
    app,
    config,
    configVersion,
    commit: { id: target.commit },
    image,
    made: { ...target.image, tag },
    processes: target.processes,
    beforeRelease: [],
    rollbackOf: target.number,
  }
  return withUndo(undo => bringToLife(ground, next, undo, run), undoLater(ground, app))
}

function choose(store: Store, app: App, { release, seen }: RollbackWish, live: Release): Release {
  if (release === null) {
    if (live.number !== seen) throw refusal.liveChanged(live, seen)
    const before = store.releases.promotedBefore(app.id, live.number)
    if (before === null) throw refusal.nothingEarlier(live)
    return before
  }
  const target = store.releases.byNumber(app.id, release)
  if (target === null) throw refusal.noSuchRelease(release)
  if (target.promotedAt === null) throw refusal.neverLive(target)
  return target
}

const sameCode = (a: Release, b: Release) =>
  a.image.id === b.image.id && a.commit === b.commit && isDeepStrictEqual(a.processes, b.processes)

/** The last that was live with other code than the live release's. */
function olderCode(store: Store, app: App, live: Release): Release | null {
  let older = store.releases.promotedBefore(app.id, live.number)
  while (older !== null && sameCode(older, live)) {
    older = store.releases.promotedBefore(app.id, older.number)
  }
  return older
}

function aboutConfig({ number, configVersion }: Release, withConfig: boolean): string {
  return withConfig
    ? `       with its config, version ${configVersion}`
    : `       The config stays as it is. v${number} ran with version ${configVersion}: --with-config brings that back`
}

/** By its own tag, or by another of this app's: what counts is that it is the same image. */
async function findImage(
  ground: Ground,
  app: App,
  target: Release,
  signal: AbortSignal,
): Promise<{ image: Image; tag: string }> {
  const { store, keepReleases } = ground
  const { engine } = ground.stack(app.stack)
  for (const tag of new Set([target.image.tag, ...store.releases.tagsOf(app.id, target.image.id)])) {
    const image = await engine.findImage(tag, signal)
    if (image?.id === target.image.id) return { image, tag }
  }
  const kept = store.releases.promotedTags(app.id, keepReleases).includes(target.image.tag)
  throw refusal.imageGone(target, kept ? null : keepReleases)
}
