// For which platforms an image is made: told by a manifest list itself, by the configuration for a single image.
import { createHash } from 'node:crypto'
import type { Platform } from '../domain/engine.ts'
import { isDigest } from '../domain/image-reference.ts'
import { Problem } from '../domain/problem.ts'
import type { Session } from './session.ts'
import { fieldsOf, parseJson } from './words.ts'

const CONFIG_BYTES = 1024 * 1024

/** `linux/amd64`. */
export function formatPlatform({ os, architecture }: Platform): string {
  return `${os}/${architecture}`
}

/**
 * Each as `os/architecture` or `os/architecture/variant`; null when it cannot be told, or not cheaply.
 * @param manifest the JSON of a manifest, list or index
 */
export async function platformsOf(manifest: unknown, session: Session): Promise<string[] | null> {
  const { manifests, config } = fieldsOf(manifest)
  if (!Array.isArray(manifests)) {
    const found = platformName(await configuration(config, session))
    return found === null ? null : [found]
  }
  const names = manifests.map(entry => platformName(fieldsOf(entry).platform))
  if (names.some(name => name === null)) return null
  // Attestations lie in the list as images for `unknown/unknown`.
  return [...new Set(names as string[])].filter(name => !name.startsWith('unknown/'))
}

/** Whether one of the offered names will do. Variants are left to the engine to choose from. */
export function offers(offered: readonly string[], wanted: Platform): boolean {
  const name = formatPlatform(wanted)
  return offered.some(platform => platform === name || platform.startsWith(`${name}/`))
}

/** Null when it is too large, does not come or is not what its digest says: then the engine has the last word. */
async function configuration(descriptor: unknown, session: Session): Promise<unknown> {
  const { digest, size } = fieldsOf(descriptor)
  if (typeof digest !== 'string' || !isDigest(digest) || typeof size !== 'number' || size > CONFIG_BYTES) {
    return null
  }
  try {
    const answer = await session.ask('GET', `blobs/${digest}`, '*/*', CONFIG_BYTES)
    const intact = answer.status === 200 && sha256(answer.body) === digest
    return intact ? parseJson(answer.body) : null
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}

function platformName(value: unknown): string | null {
  const { os, architecture, variant } = fieldsOf(value)
  const parts = variant === undefined || variant === '' ? [os, architecture] : [os, architecture, variant]
  const plain = parts.every(part => typeof part === 'string' && /^[A-Za-z0-9._-]{1,32}$/.test(part))
  return plain ? parts.join('/') : null
}

export function sha256(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
