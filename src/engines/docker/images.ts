// Images that lie on the engine, and the tags by which releases keep them there.
import type Docker from 'dockerode'
import type { Engine, Image } from '../../domain/engine.ts'
import type { Connection } from './connect.ts'
import { imageName, ownPrefix, ownTag } from './names.ts'
import { accept, engineWords } from './translate.ts'
import type { Turns } from './turns.ts'

type Images = Pick<Engine, 'findImage' | 'removeTag' | 'tags'>

/** How often an image is made that somebody else's removal takes away before it is kept. */
const ATTEMPTS = 5

export function images(connection: Connection, gatewayId: string, turns: Turns): Images {
  const { call } = connection

  return {
    findImage(name, signal) {
      return call(`look at image ${name}`, docker => inspectImage(docker, name, signal), signal)
    },

    removeTag(name, signal) {
      return call(
        `remove image ${name}`,
        async docker => {
          ownTag(name, gatewayId)
          await removeName(docker, turns, name, signal)
        },
        signal,
      )
    },

    tags(repository, signal) {
      return call(
        `list the images of ${repository ?? 'this gateway'}`,
        async docker => {
          const own = ownPrefix(gatewayId)
          const reference = repository === null ? `${own}*/*` : imageName(repository)
          const filters = JSON.stringify({ reference: [reference] })
          const found = await docker.listImages({ filters, abortSignal: signal })
          return found
            .flatMap(image => image.RepoTags ?? [])
            .filter(tag => tag.startsWith(own) && (repository === null || tag.startsWith(`${repository}:`)))
        },
        signal,
      )
    },
  }
}

/**
 * Makes an image and gives it our tag. Apps share images: one whose last name another app takes away at this moment
 * goes with it, and is made again.
 * @param make pulls or builds it
 * @param name what it bears then, so that it can be found
 * @returns null when it was gone each time
 */
export async function makeAndKeep<T>(
  docker: Docker,
  turns: Turns,
  make: () => Promise<T>,
  { name, tag }: { name: string; tag: { repository: string; tag: string } },
  signal: AbortSignal,
): Promise<{ made: T; image: Image } | null> {
  for (let left = ATTEMPTS; left > 0; left -= 1) {
    const made = await make()
    const image = await inspectImage(docker, name, signal)
    if (image === null) continue
    const kept = await turns.take(image.id, signal, () =>
      docker
        .getImage(image.id)
        .tag({ repo: tag.repository, tag: tag.tag, abortSignal: signal })
        .then(() => true)
        .catch(accept(404)),
    )
    if (kept) return { made, image }
  }
  return null
}

/**
 * Takes a tag or `repository@digest` away; the image goes with its last name. Missing is success, and so is 409: a
 * container still runs from the image, which keeps it.
 *
 * In the turn of the image, since the engine first counts its names and then takes all of them away: one that comes in
 * between would go too.
 */
export async function removeName(
  docker: Docker,
  turns: Turns,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const image = await inspectImage(docker, name, signal)
  if (image === null) return
  const remove = () =>
    docker.getImage(imageName(name)).remove({ abortSignal: signal }).catch(accept(404, 409))
  await turns.take(image.id, signal, () =>
    remove().catch(error => {
      // Another gateway took another name away at the same time, and with it the image.
      if (!engineWords(error).includes('unrecognized image ID')) throw error
      return remove()
    }),
  )
}

/** Null when the engine does not have it. */
export async function inspectImage(docker: Docker, name: string, signal: AbortSignal): Promise<Image | null> {
  const found: Docker.ImageInspectInfo | undefined = await docker
    .getImage(imageName(name))
    .inspect({ abortSignal: signal } as Docker.ImageInspectOptions)
    .catch(accept(404))
  return found === undefined ? null : readImage(found)
}

function readImage(info: Docker.ImageInspectInfo): Image {
  const { Entrypoint, Cmd, Env, ExposedPorts } = info.Config
  return {
    id: info.Id,
    platform: { os: info.Os, architecture: info.Architecture },
    entrypoint: [Entrypoint ?? []].flat(),
    command: Cmd ?? [],
    env: new Map((Env ?? []).map(readVariable)),
    exposedPorts: Object.keys(ExposedPorts ?? {})
      .flatMap(port => /^(\d+)(?:\/tcp)?$/.exec(port)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b),
  }
}

function readVariable(line: string): [string, string] {
  const equals = line.indexOf('=')
  return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
}
