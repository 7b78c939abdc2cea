// How much room there is where the engine keeps its images: asked of the file system itself, since the engine's API
// does not tell. That works on the engine's own machine only.
import { statfs } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import type { DiskSpace } from '../../domain/engine.ts'
import { readNdjson } from '../ndjson.ts'
import type { Connection } from './connect.ts'
import { openStream } from './stream.ts'

/** Null where the gateway cannot see that directory. */
export function readDiskSpace(connection: Connection, signal: AbortSignal): Promise<DiskSpace | null> {
  return connection.call(
    'tell where it keeps images',
    async docker => {
      if (connection.stack.engine.kind !== 'unix') return null
      const answer = await openStream(docker, { method: 'GET', path: '/info', query: {} }, signal)
      for await (const info of readNdjson(answer, signal)) return spaceIn((info as Info).DockerRootDir)
      return null
    },
    signal,
  )
}

interface Info {
  readonly DockerRootDir?: unknown
}

async function spaceIn(directory: unknown): Promise<DiskSpace | null> {
  if (typeof directory !== 'string' || !isAbsolute(directory)) return null
  try {
    const { bavail, bsize } = await statfs(directory)
    return { directory, free: bavail * bsize }
  } catch {
    // It is in another container, or no way leads there for the gateway's user.
    return null
  }
}
