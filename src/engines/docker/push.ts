// Pushes an image under a name of its registry, with the credential of that registry and no other. The engine pushes
// only what carries that name, so the image gets it for as long as the push takes.
import type Docker from 'dockerode'
import type { PushRequest } from '../../domain/engine.ts'
import type { Transcript } from '../../domain/transcript.ts'
import { readNdjson } from '../ndjson.ts'
import type { Connection } from './connect.ts'
import { hostCredential } from './host-credential.ts'
import { removeName } from './images.ts'
import { imageName, ownTag } from './names.ts'
import { pushProblem } from './push-problem.ts'
import { type PushLine, pushProgress } from './push-progress.ts'
import { isOf, targetName } from './pushed-name.ts'
import { openStream } from './stream.ts'
import { accept, engineFailed, engineWords, statusOf } from './translate.ts'
import type { Turns } from './turns.ts'

/** Milliseconds to give the image its name, and to take that away again when the push is over or was broken off. */
const NAMING_TIME = 30_000

/** What the engine knows an image by. */
interface Names {
  readonly id: string
  /** `repository@digest` */
  readonly digests: readonly string[]
}

/** @returns the digest that the registry now knows the image by */
export function pushImage(
  connection: Connection,
  gatewayId: string,
  turns: Turns,
  request: PushRequest,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<string> {
  const { reference } = request
  const stack = connection.stack.name
  const target = targetName(reference)
  const doing = `push ${target.name}`

  async function namesOf(docker: Docker, name: string, until: AbortSignal): Promise<Names | null> {
    const options = { abortSignal: until } as Docker.ImageInspectOptions
    const found = await docker.getImage(imageName(name)).inspect(options).catch(accept(404))
    return found === undefined ? null : { id: found.Id, digests: found.RepoDigests ?? [] }
  }

  async function giveName(docker: Docker, id: string, until: AbortSignal): Promise<void> {
    await docker.getImage(imageName(id)).tag({ repo: target.repository, tag: target.tag, abortSignal: until })
  }

  async function send(docker: Docker): Promise<string> {
    const progress = pushProgress()
    for await (const value of readNdjson(await ask(docker), signal)) {
      const line = value as PushLine
      if (line.error !== undefined) throw pushProblem(line.error, request)
      const state = progress.read(line)
      if (state !== null) transcript.progress(`       ${state}`)
    }
    if (progress.digest === null) throw pushProblem('The push ended without a digest', request)
    transcript.line(`       ${progress.summary()}`)
    return progress.digest
  }

  async function ask(docker: Docker) {
    // The engine refuses a push without the header, so nobody has an empty one.
    const auth = hostCredential(request) ?? {}
    const path = `/images/${target.repository}/push`
    try {
      return await openStream(docker, { method: 'POST', path, query: { tag: target.tag }, auth }, signal)
    } catch (error) {
      if (statusOf(error) === null) throw error
      throw pushProblem(engineWords(error), request, error)
    }
  }

  async function pushNamed(image: Names): Promise<string> {
    // Not broken off by an abort: a name that came after all would be left there.
    await inTime(until => connection.call(doing, docker => giveName(docker, image.id, until), until))
    return connection.call(doing, send, signal)
  }

  /** For what has to be done whether or not the push is aborted. */
  async function inTime<T>(work: (until: AbortSignal) => Promise<T>): Promise<T> {
    const until = AbortSignal.timeout(NAMING_TIME)
    try {
      return await work(until)
    } catch (error) {
      if (!until.aborted) throw error
      throw engineFailed(doing, `No answer within ${NAMING_TIME / 1000} seconds`, stack)
    }
  }

  async function restore(image: Names, before: Names | null, until: AbortSignal): Promise<void> {
    const take = `take the name ${target.name} away`
    const left = await connection.call(
      take,
      async docker => {
        const now = await namesOf(docker, target.name, until)
        // Whoever gave the name to something else meanwhile keeps it.
        if (now?.id === image.id) {
          if (before === null) await removeName(docker, turns, target.name, until)
          else await giveName(docker, before.id, until)
        }
        const after = await namesOf(docker, image.id, until)
        return (after?.digests ?? []).filter(name => !image.digests.includes(name) && isOf(reference, name))
      },
      until,
    )
    // A pull of the same digest that is under way looks for that name.
    for (const name of left) {
      await turns.take(name, until, () =>
        connection.call(take, docker => removeName(docker, turns, name, until), until),
      )
    }
  }

  // The engine makes one upload of a layer that two pushes send to one repository, with the credential of either.
  return turns.take(target.repository, signal, async () => {
    ownTag(request.tag, gatewayId)
    hostCredential(request)
    const [image, before] = await connection.call(
      doing,
      docker => Promise.all([namesOf(docker, request.tag, signal), namesOf(docker, target.name, signal)]),
      signal,
    )
    if (image === null) throw engineFailed(doing, `There is no image ${request.tag}`, stack)
    request.named?.()
    const [pushed] = await Promise.allSettled([pushNamed(image)])
    const [restored] = await Promise.allSettled([inTime(until => restore(image, before, until))])
    if (restored.status === 'fulfilled') request.unnamed?.()
    if (pushed.status === 'rejected') throw pushed.reason
    if (restored.status === 'rejected') throw restored.reason
    return pushed.value
  })
}
