// Looks before anything is done to a container whether this gateway made it.
import type Docker from 'dockerode'
import { isOurs, notOurs } from './labels.ts'
import { objectName } from './names.ts'
import { accept } from './translate.ts'

/**
 * Null when there is none of that id or name.
 * @throws Problem `engine-failed` when it is another's
 */
export async function ownContainer(
  docker: Docker,
  id: string,
  owner: { gatewayId: string; stack: string },
  signal: AbortSignal,
): Promise<Docker.ContainerInspectInfo | null> {
  const found = await docker.getContainer(objectName(id)).inspect({ abortSignal: signal }).catch(accept(404))
  if (found === undefined) return null
  if (!isOurs(found.Config.Labels, owner.gatewayId))
    throw notOurs(`Container ${found.Name.slice(1)}`, owner.stack)
  return found
}
