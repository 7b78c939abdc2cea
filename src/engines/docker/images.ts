// Images that lie on the engine, and the tags by which releases keep them there.
import type Docker from 'dockerode'
import type { Engine, Image } from '../../domain/engine.ts'
import type { Connection } from './connect.ts'
import { imageName, ownPrefix, ownTag } from './names.ts'
import { accept, engineWords } from './translate.ts'

type Images = Pick<Engine, 'findImage' | 'removeTag' | 'tags'>

export function images(connection: Connection, gatewayId: string): Images {
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
          await removeName(docker, name, signal)
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
 * Takes a tag or `repository@digest` away; the image goes with its last name. Missing is success, and so is 409: a
 * container still runs from the image, which keeps it.
 */
export async function removeName(docker: Docker, name: string, signal: AbortSignal): Promise<void> {
  const remove = () =>
    docker.getImage(imageName(name)).remove({ abortSignal: signal }).catch(accept(404, 409))
  await remove().catch(error => {
    // Another name of the same image went at the same time, and took the image with it.
    if (!engineWords(error).includes('unrecognized image ID')) throw error
    return remove()
  })
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
