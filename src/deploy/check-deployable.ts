// A push to `aptible-scan`: everything up to the image, and nothing after it.
import { containerCommand } from '../domain/command.ts'
import type { Image } from '../domain/engine.ts'
import { proveAccess } from './access.ts'
import { BEFORE_RELEASE } from './before-release.ts'
import type { Wish } from './deploy.ts'
import type { Ground } from './ground.ts'
import { hideCredential } from './hide-credential.ts'
import { obtainImage } from './image.ts'
import { keychainFor } from './keychain.ts'
import type { Run } from './operations.ts'
import { during } from './phase.ts'
import { planPushes } from './plan-pushes.ts'
import { shellLine } from './run-commands.ts'
import { readSource, type Source } from './source.ts'
import { type RegisterUndo, undoLater } from './undo.ts'

/** @throws Problem of the source, the registry or the build */
export async function checkDeployable(ground: Ground, wish: Wish, run: Run): Promise<void> {
  const { app, commit, config } = wish
  hideCredential(run.transcript, config)
  const source = await during('source', readSource(commit, config, run.transcript))
  const { stack } = ground.stack(app.stack)
  await during('source', planPushes(source.push, { ...wish, ...run, stack }))
  const access = await during(
    'image',
    proveAccess(ground, app, source, config, keychainFor(ground, wish, run), run),
  )
  const tags: Parameters<RegisterUndo>[] = []
  try {
    const { image } = await during(
      'image',
      obtainImage(ground, app, access, (...tag) => tags.push(tag), run),
    )
    checkCommands(source, image)
    const names = source.processes.map(process => process.name).join(', ')
    run.transcript.line(
      `-----> It can be deployed: ${names}. Nothing was started; push to master to deploy it`,
    )
  } finally {
    // Also when all went well. A failure here must not take the place of what the scan found.
    const undoFailed = undoLater(ground, app)
    for (const [what, undo] of tags) await undo().catch(error => undoFailed(what, error, undo))
  }
}

/**
 * Whether the image can be told what to run: known before anything of it is run, before_release included.
 * @throws Problem `no-command`, `procfile-invalid`, `aptible-yml-invalid`
 */
export function checkCommands(source: Source, image: Image): void {
  for (const process of source.processes) containerCommand(process, image)
  for (const command of source.beforeRelease) shellLine(command, image, BEFORE_RELEASE)
}
