// A build by the classic builder, for engines without BuildKit. Credentials travel in a header, by host.
import type Docker from 'dockerode'
import type { BuildRequest } from '../../domain/engine.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'
import type { Transcript } from '../../domain/transcript.ts'
import { authConfig, serverAddress } from '../auth-config.ts'
import { readNdjson } from '../ndjson.ts'
import { type Building, type BuildLine, commonQuery } from './building.ts'
import { ClassicText } from './classic-text.ts'
import { BuildRefused } from './failure.ts'
import { postBuild } from './post-build.ts'
import { Steps } from './steps.ts'

/** Microseconds: the length of the scheduler's period that cpuquota is a part of. */
const CPU_PERIOD = 100_000

/** @throws BuildRefused with the engine's words */
export async function buildWithClassic(
  docker: Docker,
  request: BuildRequest,
  transcript: Transcript,
  building: Building,
): Promise<void> {
  const { signal } = building
  const { memory, cpus } = request.limits
  const query = {
    ...commonQuery(request, building.labels),
    memory,
    memswap: memory,
    cpuperiod: CPU_PERIOD,
    cpuquota: Math.round(cpus * CPU_PERIOD),
  }
  const call = { query, registryConfig: registryConfig(request.auths), context: request.context }
  const text = new ClassicText(new Steps(transcript), Object.keys(building.labels).length === 0 ? 0 : 1)
  const answer = await postBuild(docker, call, building.contextFailed, signal)
  for await (const line of readNdjson(answer, signal) as AsyncIterable<BuildLine>) {
    if (line.error !== undefined) throw new BuildRefused(line.error, text.failed())
    text.read(line)
  }
  if (!text.built) throw new BuildRefused('The build ended without an image', text.failed())
}

/**
 * X-Registry-Config: base64url with padding. The engine reads no other kind and says nothing when it cannot: the
 * client library's plain base64 loses every credential whose JSON happens to encode to a '+' or '/'.
 */
export function registryConfig(auths: ReadonlyMap<string, RegistryAuth>): string {
  const byHost = [...auths].map(([host, auth]) => [serverAddress(host), authConfig(auth)])
  const json = JSON.stringify(Object.fromEntries(byHost))
  return Buffer.from(json).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
