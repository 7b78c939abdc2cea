// What builds leave on the engine for later ones. BuildKit keeps it for ever where the engine is not told otherwise, and
// the layers of removed images with it. It carries nobody's label: what others have built goes, too, so that nothing is
// trimmed unless the operator asks for it.
import { readChunks } from '../chunks.ts'
import type { Connection } from './connect.ts'
import { openStream } from './stream.ts'

/** See Engine. The classic builder leaves nothing that outlives its image. */
export function trimBuildCache(connection: Connection, keep: number, signal: AbortSignal): Promise<void> {
  return connection.call(
    'trim its build cache',
    async docker => {
      // A newer name of it begins with API 1.48, which is not spoken here.
      const query = { 'keep-storage': keep }
      const answer = await openStream(docker, { method: 'POST', path: '/build/prune', query }, signal)
      // Only the end of it counts: it may name tens of thousands of things.
      for await (const _ of readChunks(answer, signal));
    },
    signal,
  )
}
