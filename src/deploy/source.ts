// What a commit asks for: its processes, and an image to pull or a Dockerfile to build.
import { type Config, setting } from '../domain/config.ts'
import { type ImageReference, parseImageReference } from '../domain/image-reference.ts'
import { Problem } from '../domain/problem.ts'
import { parseProcfile } from '../domain/procfile.ts'
import type { Process } from '../domain/release.ts'
import { TooLarge } from '../domain/too-large.ts'
import type { Transcript } from '../domain/transcript.ts'
import type { Commit } from '../git/commit.ts'
import { parseAptibleYml } from './aptible-yml.ts'
import { readDockerfile } from './dockerfile.ts'

export type ImageSource =
  | { readonly kind: 'pull'; readonly name: string }
  | {
      readonly kind: 'build'
      /** The external images that the Dockerfile builds on. */
      readonly bases: readonly ImageReference[]
      /** Text of `.dockerignore`. */
      readonly ignore: string | null
      readonly heredocLine: number | null
    }

export interface Source {
  readonly commit: Commit
  readonly processes: readonly Process[]
  /** Commands to run in the new image before anything of the release is started. */
  readonly beforeRelease: readonly string[]
  readonly image: ImageSource
}

/** With no Procfile there is one process, `cmd`, that runs the image's own command. */
const IMPLICIT: readonly Process[] = [{ name: 'cmd', command: null }]
const MAX_FILE = 1024 * 1024

/**
 * @throws Problem `procfile-invalid`, `aptible-yml-invalid`, `dockerfile-invalid`, `nothing-to-deploy`,
 *   `image-reference-invalid`
 */
export async function readSource(commit: Commit, config: Config, transcript: Transcript): Promise<Source> {
  const files = await readFiles(commit)
  const procfile = files.get('Procfile') ?? null
  const yml = files.get('.aptible.yml') ?? null
  const settings = yml === null ? { beforeRelease: [], warnings: [] } : parseAptibleYml(yml)
  for (const warning of settings.warnings) transcript.line(` !     ${warning}`)

  return {
    commit,
    processes: procfile === null ? IMPLICIT : parseProcfile(procfile),
    beforeRelease: settings.beforeRelease,
    image: chooseImage(files, config, transcript),
  }
}

async function readFiles(commit: Commit): Promise<Map<string, Buffer | null>> {
  try {
    return await commit.readMany(['Procfile', '.aptible.yml', 'Dockerfile', '.dockerignore'], MAX_FILE)
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error
    throw new Problem(
      error.path === 'Procfile'
        ? 'procfile-invalid'
        : error.path === '.aptible.yml'
          ? 'aptible-yml-invalid'
          : 'dockerfile-invalid',
      {
        headline: `${error.path} is too large to be what its name says`,
        saw: `${error.size} bytes; at most ${MAX_FILE} are read.`,
        hint: `Check what was committed as ${error.path}, and push again.`,
      },
    )
  }
}

function chooseImage(files: Map<string, Buffer | null>, config: Config, transcript: Transcript): ImageSource {
  const name = setting(config, 'APTIBLE_DOCKER_IMAGE')
  const dockerfile = files.get('Dockerfile') ?? null
  if (name !== null) {
    parseImageReference(name)
    if (dockerfile !== null) {
      transcript.line('-----> APTIBLE_DOCKER_IMAGE is set: the Dockerfile is ignored')
    }
    return { kind: 'pull', name }
  }
  if (dockerfile === null) {
    throw new Problem('nothing-to-deploy', {
      headline: 'There is nothing to deploy: the commit has no Dockerfile, and no image is configured',
      saw: 'No file named Dockerfile at the root of the repository; APTIBLE_DOCKER_IMAGE is not set.',
      hint: 'Commit a Dockerfile, or run `fairlead config:set APTIBLE_DOCKER_IMAGE=host/repository:tag`, and push again.',
    })
  }
  const ignore = files.get('.dockerignore')?.toString('utf8') ?? null
  return { kind: 'build', ...readDockerfile(dockerfile), ignore }
}
