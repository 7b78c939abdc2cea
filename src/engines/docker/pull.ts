// Pulls an image by digest, with the credential of its own registry and no other.
import type Docker from 'dockerode'
import type { Image, Platform, PullRequest } from '../../domain/engine.ts'
import { Problem } from '../../domain/problem.ts'
import type { Transcript } from '../../domain/transcript.ts'
import { readNdjson } from '../ndjson.ts'
import type { Connection } from './connect.ts'
import { enginePlatform } from './facts.ts'
import { hostCredential } from './host-credential.ts'
import { inspectImage, makeAndKeep, removeName } from './images.ts'
import { ownTag } from './names.ts'
import { pullProblem } from './pull-problem.ts'
import { type PullLine, pullProgress } from './pull-progress.ts'
import { engineFailed, engineWords, statusOf } from './translate.ts'
import type { Turns } from './turns.ts'

export function pullImage(
  connection: Connection,
  gatewayId: string,
  turns: Turns,
  request: PullRequest,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<Image> {
  const { reference, digest } = request
  const stack = connection.stack.name
  const repository = `${reference.host}/${reference.repository}`
  const pinned = `${repository}@${digest}`

  async function pull(docker: Docker): Promise<string> {
    const progress = pullProgress()
    for await (const value of readNdjson(await ask(docker), signal)) {
      const line = value as PullLine
      if (line.error !== undefined) throw pullProblem(line.error, request, stack)
      const state = progress.read(line)
      if (state !== null) transcript.progress(`       ${state}`)
    }
    return progress.summary()
  }

  async function ask(docker: Docker) {
    const auth = hostCredential(request)
    try {
      // Split in query and body: otherwise the library sends the query as the body too.
      const options = { _query: { fromImage: repository, tag: digest }, _body: {}, abortSignal: signal }
      return (await docker.createImage(auth, options)) as Parameters<typeof readNdjson>[0]
    } catch (error) {
      if (statusOf(error) === null) throw error
      throw pullProblem(engineWords(error), request, stack, error)
    }
  }

  const work = () =>
    connection.call(
      `pull ${repository}`,
      async (docker, hello) => {
        const tag = ownTag(request.tag, gatewayId)
        let named = false
        const make = async () => {
          if ((await inspectImage(docker, pinned, signal)) !== null) return 'Already on the engine'
          named = true
          request.named?.()
          return pull(docker)
        }
        const kept = await makeAndKeep(docker, turns, make, { name: pinned, tag }, signal)
        if (kept === null) throw engineFailed(`pull ${repository}`, 'It is not there after the pull', stack)
        const { image, made: how } = kept
        // What we pulled is held by our tag alone, and so goes with it. A pull that was broken off may still come to its
        // end on the engine: only after one that went well is it known that the name is gone.
        if (named) {
          await removeName(docker, turns, pinned, signal)
          request.unnamed?.()
        }
        checkPlatform(image, enginePlatform(hello.version), repository)
        transcript.line(`       ${how}`)
        return image
      },
      signal,
    )

  return turns.take(pinned, signal, work)
}

/** The engine pulls a digest as it is, for whatever platform it was made. */
function checkPlatform(image: Image, engine: Platform, repository: string): void {
  if (image.platform.os === engine.os && image.platform.architecture === engine.architecture) return
  throw new Problem('platform-mismatch', {
    headline: `${repository} is not made for the platform of the engine`,
    saw: `The image is for ${written(image.platform)}, the engine runs ${written(engine)}`,
    hint: `Build and push the image for ${written(engine)}, for example with docker build --platform.`,
  })
}

function written(platform: Platform): string {
  return `${platform.os}/${platform.architecture}`
}
