// A file of registry credentials in any of the forms that people have: config.json, .dockercfg, docker.tar.gz.
import { parseDockercfg } from '../domain/dockercfg.ts'
import { decodeDockercfg, MAX_DOCKERCFG } from '../domain/dockercfg-text.ts'
import { Problem } from '../domain/problem.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'
import { isGzip, isTar, readDockerArchive } from './docker-archive.ts'

/**
 * @param from.source for RegistryAuth.source
 * @param from.file what messages call it
 * @throws Problem `dockercfg-invalid`, which repeats nothing of it but hosts and, of an archive, names of files
 */
export async function readCredentialFile(
  bytes: Buffer,
  from: { source: string; file: string },
): Promise<RegistryAuth[]> {
  if (bytes.length > MAX_DOCKERCFG) {
    throw new Problem('dockercfg-invalid', {
      headline: `${from.file} is too large for a file of registry credentials`,
      saw: `${bytes.length} bytes, and at most ${MAX_DOCKERCFG} are read.`,
      hint: 'Give the config.json of docker, or a docker.tar.gz with nothing else in it.',
    })
  }
  if (!isGzip(bytes) && !isTar(bytes)) return parseDockercfg(decodeDockercfg(bytes, from.file), from)
  const archived = await readDockerArchive(bytes, from.file)
  const file = `${archived.name} in ${from.file}`
  return parseDockercfg(decodeDockercfg(archived.bytes, file), { ...from, file })
}
