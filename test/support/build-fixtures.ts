// Contexts, credentials and listeners for tests that build for real.
import { randomUUID } from 'node:crypto'
import { PassThrough, type Readable } from 'node:stream'
import Docker from 'dockerode'
import { pack } from 'tar-stream'
import type { BuildRequest } from '../../src/domain/engine.ts'
import { APP_CREDENTIAL, type RegistryAuth, TOKEN_USER } from '../../src/domain/registry-auth.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { Transcript } from '../../src/domain/transcript.ts'

export const docker = new Docker({ socketPath: '/var/run/docker.sock' })

/** A tar of these files, made anew by every call. */
export function contextOf(files: Readonly<Record<string, string | Buffer>>): () => Readable {
  return () => {
    const tar = pack()
    for (const [name, content] of Object.entries(files)) tar.entry({ name }, content)
    tar.finalize()
    return tar.pipe(new PassThrough())
  }
}

export function credential(host: string, username: string, password: string): RegistryAuth {
  const kind = username === TOKEN_USER ? 'identity-token' : 'password'
  return { host, path: '', kind, username, password: new Secret(password), source: APP_CREDENTIAL }
}

/** @param auths by their host */
export function requestOf(
  builder: BuildRequest['builder'],
  context: () => Readable,
  auths: readonly RegistryAuth[] = [],
): BuildRequest {
  return {
    context,
    tag: `fairlead-test-${randomUUID()}/env/app:v1`,
    auths: new Map(auths.map(auth => [auth.host, auth])),
    builder,
    limits: { memory: 512 * 1024 * 1024, cpus: 1, pids: 256 },
  }
}

export interface Heard extends Transcript {
  readonly lines: string[]
  readonly progressed: string[]
  /** Resolves when a line holds the text. */
  heard(text: string): Promise<void>
}

export function listen(): Heard {
  const lines: string[] = []
  const progressed: string[] = []
  const waiting = new Map<string, () => void>()
  return {
    lines,
    progressed,
    line(text) {
      lines.push(text)
      for (const [wanted, resolve] of waiting) if (text.includes(wanted)) resolve()
    },
    progress: text => progressed.push(text),
    heard(text) {
      if (lines.some(line => line.includes(text))) return Promise.resolve()
      return new Promise(resolve => waiting.set(text, resolve))
    },
  }
}

/** Removes the images that came from a registry, and what the classic builder made on top of them. */
export async function removeImages(host: string): Promise<void> {
  const images = await docker.listImages({ all: true })
  const tags = images.flatMap(image => image.RepoTags ?? []).filter(tag => tag.startsWith(`${host}/`))
  const bases = images.filter(image => image.RepoTags?.some(tag => tags.includes(tag))).map(image => image.Id)
  // Breadth first, so that the reverse has every child before its parent.
  const family = [...bases]
  for (const id of family) {
    for (const image of images) if (image.ParentId === id && !family.includes(image.Id)) family.push(image.Id)
  }
  for (const name of [...family.slice(bases.length).reverse(), ...tags]) {
    await docker
      .getImage(name)
      .remove()
      .catch(() => {})
  }
}
