// What an engine says of itself.
import type Docker from 'dockerode'
import type { EngineFacts, Platform } from '../../domain/engine.ts'
import { type Instant, parseInstant } from '../../domain/instant.ts'
import { readNdjson } from '../ndjson.ts'
import type { Connection } from './connect.ts'
import { openStream } from './stream.ts'
import { engineFailed } from './translate.ts'

export function readFacts(connection: Connection, signal: AbortSignal): Promise<EngineFacts> {
  return connection.call(
    'tell what it is',
    async (docker, { version, apiVersion }) => ({
      version: version.Version ?? 'unknown',
      apiVersion,
      platform: enginePlatform(version),
      builder: await chooseBuilder(connection, docker, version, signal),
    }),
    signal,
  )
}

export function readClock(connection: Connection, signal: AbortSignal): Promise<Instant> {
  const doing = 'tell the time'
  return connection.call(
    doing,
    async docker => {
      const answer = await openStream(docker, { method: 'GET', path: '/info', query: {} }, signal)
      for await (const info of readNdjson(answer, signal)) {
        const now = parseInstant(String((info as { SystemTime?: unknown }).SystemTime))
        if (now !== null) return now
      }
      throw engineFailed(doing, 'Its answer holds no SystemTime', connection.stack.name)
    },
    signal,
  )
}

export function enginePlatform(version: Docker.DockerVersion): Platform {
  return { os: version.Os ?? 'linux', architecture: version.Arch ?? 'unknown' }
}

/**
 * BuildKit is in every engine since 18.09, unless its operator switched it off: then the answer to a ping carries
 * `Builder-Version: 1`. Engines of others (Podman's) that speak the same API do not have it.
 */
async function chooseBuilder(
  { stack }: Connection,
  docker: Docker,
  version: Docker.DockerVersion,
  signal: AbortSignal,
): Promise<'buildkit' | 'classic'> {
  if (stack.build.builder !== 'auto') return stack.build.builder
  const ping = await openStream(docker, { method: 'GET', path: '/_ping', query: {} }, signal)
  ping.resume()
  const switchedOff = ping.headers['builder-version'] === '1'
  const dockers = (version.Components ?? []).some(component => component.Name === 'Engine')
  return dockers && !switchedOff ? 'buildkit' : 'classic'
}
