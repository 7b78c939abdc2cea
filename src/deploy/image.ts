// One image for a release: pulled or built, tagged as ours, so that nobody else's clean-up takes it away.
import type { App } from '../domain/app.ts'
import type { Image } from '../domain/engine.ts'
import { formatImageReference } from '../domain/image-reference.ts'
import { Problem } from '../domain/problem.ts'
import type { ReleaseImage } from '../domain/release.ts'
import type { Stack } from '../domain/stack.ts'
import type { Access } from './access.ts'
import { checkDiskFloor } from './disk-floor.ts'
import type { Ground } from './ground.ts'
import { releaseTag } from './names.ts'
import type { Run } from './operations.ts'
import { rememberName, removeLeftNames } from './passing-names.ts'
import { type RegisterUndo, undoSignal } from './undo.ts'

export interface Obtained {
  readonly image: Image
  readonly made: ReleaseImage
}

/** @throws Problem of the registry, the build or the engine */
export async function obtainImage(
  ground: Ground,
  app: App,
  access: Access,
  undo: RegisterUndo,
  { operation, transcript, signal }: Run,
): Promise<Obtained> {
  const { stack, engine } = ground.stack(app.stack)
  const tag = releaseTag(ground.store.gatewayId, app.name, operation.number)
  undo(`image ${tag}`, async () => {
    if (ground.store.apps.byId(app.id) !== null) await engine.removeTag(tag, undoSignal())
  })

  if (access.kind === 'pull') {
    const { reference, digest, auth } = access
    const pinned = formatImageReference({ ...reference, tag: null, digest })
    await removeLeftNames(ground, app, signal)
    const request = { reference, digest, auth, tag, ...rememberName(ground, app, pinned) }
    const image = await engine.pull(request, transcript, signal)
    return { image, made: { tag, id: image.id, digest: pinned, source: formatImageReference(reference) } }
  }

  const builder = stack.build.builder === 'auto' ? access.capable : stack.build.builder
  if (builder === 'classic' && access.heredocLine !== null) throw heredocRefused(stack, access.heredocLine)
  await checkDiskFloor(stack, engine, signal)
  transcript.line('-----> Building the Dockerfile')
  const request = {
    context: () => ground.buildContext(access.source.commit, access.ignore),
    tag,
    auths: access.auths,
    builder,
    limits: stack.limits,
  }
  const image = await ground.builds.run({ stack, engine, transcript, signal }, () =>
    engine.build(request, transcript, signal),
  )
  return { image, made: { tag, id: image.id, digest: null, source: 'Dockerfile' } }
}

/** The classic builder reads the lines of a here-document as instructions, a FROM among them. */
function heredocRefused(stack: Stack, line: number): Problem {
  return new Problem('dockerfile-invalid', {
    headline: `Dockerfile:${line}: a here-document (<<) needs BuildKit, which the stack ${stack.name} does not have`,
    hint: 'Put the lines into a file of the repository, COPY it and RUN it.',
  })
}
