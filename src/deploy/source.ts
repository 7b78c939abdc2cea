// What a commit asks for: its processes, and an image to pull or a Dockerfile to build.
import { type Config, setting } from '../domain/config.ts'
import { type ImageReference, parseImageReference } from '../domain/image-reference.ts'
import { Problem, type ProblemCode } from '../domain/problem.ts'
import { parseProcfile } from '../domain/procfile.ts'
import type { PushEntry } from '../domain/push-entry.ts'
import type { Process } from '../domain/release.ts'
import { TooLarge } from '../domain/too-large.ts'
import type { Transcript } from '../domain/transcript.ts'
import type { Commit } from '../git/commit.ts'
import { type AptibleYml, type Hooks, parseAptibleYml } from './aptible-yml.ts'
import { readDockerfile } from './dockerfile.ts'
import { readPushEntries } from './push-entries.ts'

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
  /** Commands to run when the operation has ended. */
  readonly hooks: Hooks
  readonly image: ImageSource
  /** Where an image that is built goes besides. */
  readonly push: readonly PushEntry[]
}

/** With no Procfile there is one process, `cmd`, that runs the image's own command. */
const IMPLICIT: readonly Process[] = [{ name: 'cmd', command: null }]
const NO_SETTINGS: AptibleYml = { beforeRelease: [], hooks: {}, warnings: [] }
const MAX_FILE = 1024 * 1024
/** What is read of a commit, and what is wrong when it cannot be. */
const FILES: Readonly<Record<string, ProblemCode>> = {
  Procfile: 'procfile-invalid',
  '.aptible.yml': 'aptible-yml-invalid',
  '.fairlead.yml': 'fairlead-yml-invalid',
  Dockerfile: 'dockerfile-invalid',
  '.dockerignore': 'dockerfile-invalid',
  dockercfg: 'dockercfg-invalid',
  '.dockercfg': 'dockercfg-invalid',
  '.docker/config.json': 'dockercfg-invalid',
}

/**
 * @throws Problem `procfile-invalid`, `aptible-yml-invalid`, `dockerfile-invalid`, `nothing-to-deploy`,
 *   `image-reference-invalid`, `fairlead-yml-invalid`
 */
export async function readSource(commit: Commit, config: Config, transcript: Transcript): Promise<Source> {
  const files = await readFiles(commit)
  for (const path of UNENCRYPTED) if (files.get(path)) warnOfPasswords(path, transcript)
  const procfile = files.get('Procfile') ?? null
  const yml = files.get('.aptible.yml') ?? null
  const settings = yml === null ? NO_SETTINGS : parseAptibleYml(yml)
  const pushes = readPushEntries(files.get('.fairlead.yml') ?? null, yml)
  for (const warning of [...settings.warnings, ...pushes.warnings]) transcript.line(` !     ${warning}`)

  const image = chooseImage(files, config, transcript)
  if (image.kind === 'pull' && pushes.entries.length > 0) {
    transcript.line('-----> Nothing is built, so the push entries of this commit have nothing to push')
  }
  return {
    commit,
    processes: procfile === null ? IMPLICIT : parseProcfile(procfile),
    beforeRelease: settings.beforeRelease,
    hooks: settings.hooks,
    image,
    push: image.kind === 'pull' ? [] : pushes.entries,
  }
}

/** Where `docker login` and registries' own pages leave passwords that are merely encoded. */
const UNENCRYPTED = ['dockercfg', '.dockercfg', '.docker/config.json'] as const

function warnOfPasswords(path: string, transcript: Transcript): void {
  const lines = [
    `${path} IS IN THIS COMMIT, AND IT IS NOT ENCRYPTED.`,
    'Whoever can read the repository, or an image that this commit is copied into, can read its passwords.',
    'It is not used. Change the passwords at their registries, then:',
    `  fairlead registry:encrypt ${path} > dockercfg.encrypted`,
    `  git rm --cached ${path} && echo ${path} >> .gitignore && git add dockercfg.encrypted .gitignore`,
  ]
  for (const line of lines) transcript.line(` !!    ${line}`)
}

async function readFiles(commit: Commit): Promise<Map<string, Buffer | null>> {
  try {
    return await commit.readMany(Object.keys(FILES), MAX_FILE)
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error
    throw new Problem(FILES[error.path] ?? 'dockerfile-invalid', {
      headline: `${error.path} is too large to be what its name says`,
      saw: `${error.size} bytes; at most ${MAX_FILE} are read.`,
      hint: `Check what was committed as ${error.path}, and push again.`,
    })
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

/**
 * The hooks of a commit that was deployed. One that cannot be read has none, and a line says why: a change of config
 * must not fail for what its commit says.
 */
export async function readHooks(commit: Commit, transcript: Transcript): Promise<Hooks> {
  try {
    const yml = await commit.read('.aptible.yml', MAX_FILE)
    return yml === null ? {} : parseAptibleYml(yml).hooks
  } catch (error) {
    if (!(error instanceof Problem || error instanceof TooLarge)) throw error
    const why = error instanceof Problem ? error.headline : 'it is too large'
    transcript.line(` !     The .aptible.yml of the live release is not used: ${why}`)
    return {}
  }
}
