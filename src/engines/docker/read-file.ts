// Reads one file out of a container, running or not. The engine hands it over as an archive, of which nothing more
// is kept than the file may have.
import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type Docker from 'dockerode'
import { extract } from 'tar-stream'
import { TooLarge } from '../../domain/too-large.ts'
import { readChunks } from '../chunks.ts'
import type { Connection } from './connect.ts'
import { absolutePath, objectName } from './names.ts'
import { ownContainer } from './own.ts'
import { openStream } from './stream.ts'
import { accept } from './translate.ts'

/** Null when there is no such container or file, or no plain file: a link is not followed. @throws TooLarge */
export async function readFile(
  connection: Connection,
  gatewayId: string,
  id: string,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const owner = { gatewayId, stack: connection.stack.name }
  const request = {
    method: 'GET',
    path: `/containers/${objectName(id)}/archive`,
    query: { path: absolutePath(path) },
  } as const

  async function open(docker: Docker) {
    if ((await ownContainer(docker, id, owner, signal)) === null) return undefined
    return openStream(docker, request, signal).catch(accept(404))
  }

  return connection.call(
    `read ${path} in container ${id.slice(0, 12)}`,
    async docker => {
      const archive = await open(docker)
      return archive === undefined ? null : onlyFile(archive, path, maxBytes, signal)
    },
    signal,
  )
}

/** The content of the archive's first entry. What comes after it, or is too large, is left where it is. */
async function onlyFile(
  archive: IncomingMessage,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const unpack = extract()
  const fed = pipeline(readChunks(archive, signal), unpack)
  // What goes wrong there ends the reading of entries too.
  fed.catch(() => {})
  try {
    for await (const entry of unpack) {
      const { type, size = 0 } = entry.header
      if (type !== 'file') return null
      if (size > maxBytes) throw new TooLarge(path, size, maxBytes)
      return await buffer(entry)
    }
    return null
  } finally {
    archive.destroy()
  }
}
