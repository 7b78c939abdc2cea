// The output of a container, line by line, as far as it goes or for as long as it runs.
import type { Engine } from '../../domain/engine.ts'
import { unixTime } from '../../domain/instant.ts'
import { readChunks } from '../chunks.ts'
import type { Connection } from './connect.ts'
import { logLines } from './log-lines.ts'
import { ownContainer } from './own.ts'
import { openStream } from './stream.ts'

export function logs(connection: Connection, gatewayId: string): Pick<Engine, 'logs'> {
  return {
    async logs(id, options, line, signal) {
      const answer = await connection.call(
        `read the log of container ${id.slice(0, 12)}`,
        async docker => {
          if ((await ownContainer(docker, id, { gatewayId, stack: connection.stack.name }, signal)) === null)
            return null
          const { follow, lines: tail, since } = options
          const from = since === undefined ? {} : { since: unixTime(since) }
          const query = { stdout: true, stderr: true, timestamps: true, follow, tail, ...from }
          return openStream(docker, { method: 'GET', path: `/containers/${id}/logs`, query }, signal)
        },
        signal,
      )
      // A container that is gone has no log.
      if (answer === null) return
      const lines = logLines()
      for await (const chunk of readChunks(answer, signal))
        for (const { text, at } of lines.read(chunk)) await line(text, at)
      for (const { text, at } of lines.end()) await line(text, at)
    },
  }
}
