// A push to `aptible-scan`: everything up to the image, and nothing after it.
import { containerCommand } from '../domain/command.ts'
import { proveAccess } from './access.ts'
import type { Wish } from './deploy.ts'
import type { Ground } from './ground.ts'
import { obtainImage } from './image.ts'
import type { Run } from './operations.ts'
import { during } from './phase.ts'
import { readSource } from './source.ts'

/** @throws Problem of the source, the registry or the build */
export async function checkDeployable(
  ground: Ground,
  { app, commit, config }: Wish,
  run: Run,
): Promise<void> {
  const source = await during('source', readSource(commit, config, run.transcript))
  const access = await during('image', proveAccess(ground, app, source, config, run))
  const tags: (() => Promise<void>)[] = []
  try {
    const { image } = await during(
      'image',
      obtainImage(ground, app, access, (_what, undo) => tags.push(undo), run),
    )
    for (const process of source.processes) containerCommand(process, image)
    const names = source.processes.map(process => process.name).join(', ')
    run.transcript.line(
      `-----> It can be deployed: ${names}. Nothing was started; push to master to deploy it`,
    )
  } finally {
    for (const undo of tags) await undo()
  }
}
