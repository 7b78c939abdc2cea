// The Engine of a stack whose containers run on a Docker engine.
import type { Engine } from '../../domain/engine.ts'
import type { Stack } from '../../domain/stack.ts'
import { buildImage } from '../build/build.ts'
import { attachment } from './attach.ts'
import { trimBuildCache } from './build-cache.ts'
import { connect } from './connect.ts'
import { containers } from './containers.ts'
import { readDiskSpace } from './disk-space.ts'
import { watchContainers } from './events.ts'
import { readClock, readFacts } from './facts.ts'
import { images, makeAndKeep } from './images.ts'
import { gatewayLabels } from './labels.ts'
import { removeLeftName } from './left-name.ts'
import { listening } from './listening.ts'
import { logs } from './logs.ts'
import { ownTag } from './names.ts'
import { networks } from './networks.ts'
import { withPatience } from './patience.ts'
import { pullImage } from './pull.ts'
import { pushImage } from './push.ts'
import { readFile } from './read-file.ts'
import { engineFailed } from './translate.ts'
import { createTurns } from './turns.ts'
import { watching } from './watching.ts'

/**
 * Connects at the first call. Everything that is made carries the gateway's id as a label or in its tag, and what
 * does not carry it is left alone: several gateways may share an engine.
 * @param options.patience milliseconds for what an engine answers at once, unless it hangs
 */
export function dockerEngine(options: { stack: Stack; gatewayId: string; patience?: number }): Engine {
  const { stack, gatewayId, patience } = options
  const connection = connect(stack)
  const turns = createTurns()
  const engine: Engine = {
    facts: signal => readFacts(connection, signal),
    diskSpace: signal => readDiskSpace(connection, signal),
    trimBuildCache: (keep, signal) => trimBuildCache(connection, keep, signal),
    now: signal => readClock(connection, signal),
    pull: (request, transcript, signal) =>
      pullImage(connection, gatewayId, turns, request, transcript, signal),
    build: (request, transcript, signal) =>
      connection.call(
        `build ${request.tag}`,
        async docker => {
          const context = { labels: gatewayLabels(gatewayId), timeoutSeconds: stack.build.timeout }
          const make = () => buildImage(docker, request, context, transcript, signal)
          const names = { name: request.tag, tag: ownTag(request.tag, gatewayId) }
          const kept = await makeAndKeep(docker, turns, make, names, signal)
          if (kept === null)
            throw engineFailed(`build ${request.tag}`, 'It is not there after the build', stack.name)
          return kept.image
        },
        signal,
      ),
    push: (request, transcript, signal) =>
      pushImage(connection, gatewayId, turns, request, transcript, signal),
    removeLeftName: (reference, signal) => removeLeftName(connection, gatewayId, turns, reference, signal),
    readFile: (id, path, maxBytes, signal) => readFile(connection, gatewayId, id, path, maxBytes, signal),
    watch: (seen, signal) => watchContainers(connection, gatewayId, seen, signal),
    ...images(connection, gatewayId, turns),
    ...networks(connection, gatewayId),
    ...containers(connection, gatewayId),
    ...watching(connection, gatewayId),
    ...attachment(connection, gatewayId),
    ...listening(connection, gatewayId),
    ...logs(connection, gatewayId),
  }
  return withPatience(engine, stack.name, patience)
}
