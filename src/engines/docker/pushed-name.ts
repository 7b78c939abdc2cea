// The name of its registry that an image bears on the engine while it is pushed.
import type Docker from 'dockerode'
import {
  DOCKER_HUB,
  formatImageReference,
  type ImageReference,
  isOwnName,
} from '../../domain/image-reference.ts'
import type { Connection } from './connect.ts'
import { removeName } from './images.ts'
import { isOurs } from './labels.ts'
import { imageName } from './names.ts'
import { accept } from './translate.ts'
import type { Turns } from './turns.ts'

/** What a push that was broken off has left: the name, and the digest under which the registry had it already. */
export async function removePushedName(
  connection: Connection,
  gatewayId: string,
  turns: Turns,
  reference: ImageReference,
  signal: AbortSignal,
): Promise<void> {
  const { name } = targetName(reference)
  await connection.call(
    `take the name ${name} away`,
    async docker => {
      const options = { abortSignal: signal } as Docker.ImageInspectOptions
      const found = await docker.getImage(name).inspect(options).catch(accept(404))
      if (found === undefined || !isOurs(found.Config.Labels, gatewayId)) return
      const digests = found.RepoDigests.filter(each => isOf(reference, each))
      for (const each of [name, ...digests]) await removeName(docker, turns, each, signal)
    },
    signal,
  )
}

/** @throws TypeError for a reference without tag, or with a digest, or with the name of an app's image: a bug of ours */
export function targetName(reference: ImageReference): { name: string; repository: string; tag: string } {
  const { tag, digest } = reference
  const name = imageName(formatImageReference(reference))
  if (tag === null || digest !== null || isOwnName(reference))
    throw new TypeError(`${JSON.stringify(name)} is no name to push to`)
  return { name, repository: formatImageReference({ ...reference, tag: null }), tag }
}

/** Whether the engine's `repository@digest`, which may leave out docker.io, is of the same repository. */
export function isOf({ host, repository }: ImageReference, name: string): boolean {
  const short = host === DOCKER_HUB ? [repository, repository.replace(/^library\//, '')] : []
  return [`${host}/${repository}`, ...short].includes(name.slice(0, name.indexOf('@')))
}
