// A build by BuildKit, with a session of ours for the credentials.
import type Docker from 'dockerode'
import type { BuildRequest } from '../../domain/engine.ts'
import type { Transcript } from '../../domain/transcript.ts'
import { readNdjson } from '../ndjson.ts'
import { type Building, type BuildLine, commonQuery } from './building.ts'
import { BuildRefused } from './failure.ts'
import { postBuild } from './post-build.ts'
import { openSession } from './session.ts'
import { Steps } from './steps.ts'
import { Trace } from './trace.ts'

/** @throws BuildRefused with the engine's words */
export async function buildWithBuildkit(
  docker: Docker,
  request: BuildRequest,
  transcript: Transcript,
  building: Building,
): Promise<void> {
  const { signal } = building
  const trace = new Trace(new Steps(transcript))
  const session = openSession(docker, request.auths, signal)
  try {
    const query = {
      ...commonQuery(request, building.labels),
      version: '2',
      session: session.id,
      // Read by the frontend alone: what RUN --mount=type=cache keeps is the app's own, and in no image.
      buildargs: JSON.stringify({ BUILDKIT_CACHE_MOUNT_NS: repositoryOf(request.tag) }),
    }
    // Both at once: the engine waits some seconds for a session that a build names.
    const [answer] = await Promise.all([
      postBuild(docker, { query, context: request.context }, building.contextFailed, signal),
      session.ready,
    ])
    let built = false
    for await (const line of readNdjson(answer, signal) as AsyncIterable<BuildLine>) {
      if (line.error !== undefined) throw new BuildRefused(line.error, trace.failed)
      if (line.id === 'moby.buildkit.trace' && typeof line.aux === 'string') trace.read(line.aux)
      if (line.id === 'moby.image.id') built = true
    }
    if (!built) throw new BuildRefused('The build ended without an image', trace.failed)
  } finally {
    session.close()
  }
}

function repositoryOf(tag: string): string {
  return tag.slice(0, tag.lastIndexOf(':'))
}
