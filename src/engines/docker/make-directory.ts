// Makes a directory in a container that has not been started. It goes into the container's own layer, and with it:
// nothing of the machine is bound, and no volume is left behind.
import { buffer } from 'node:stream/consumers'
import type Docker from 'dockerode'
import { pack } from 'tar-stream'
import { absolutePath, objectName } from './names.ts'

/** As /tmp: everybody may write, and nobody may remove what is another's. */
const MODE = 0o1777

/** Parents that the image does not have are made too; those that it has stay as they are. */
export async function makeDirectory(
  docker: Docker,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const archive = pack()
  archive.entry({ name: absolutePath(path).slice(1), type: 'directory', mode: MODE, uid: 0, gid: 0 })
  archive.finalize()
  const content = await buffer(archive)
  await docker.getContainer(objectName(id)).putArchive(content, { path: '/', abortSignal: signal } as never)
}
