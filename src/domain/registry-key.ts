// How files and commands name what a credential is for: `quay.io`, `https://index.docker.io/v1/`, `ghcr.io/acme`.
import { isRepository, normaliseHost } from './image-reference.ts'

export interface RegistryKey {
  /** Normalised as in ImageReference. */
  readonly host: string
  /** As in RegistryAuth: '' for all of the host. */
  readonly path: string
}

/** What stands behind the host of a registry of old: the version of its interface, no repository. */
const API_VERSION = /^v[12]$/

/** Null for what names no registry host, or a path that no repository can have. */
export function parseRegistryKey(text: string): RegistryKey | null {
  const host = normaliseHost(text)
  if (host === null) return null
  const path = text
    .replace(/^https?:\/\//i, '')
    .replace(/^[^/]*\/?/, '')
    .replace(/\/$/, '')
  if (path === '' || API_VERSION.test(path)) return { host, path: '' }
  return isRepository(path) ? { host, path } : null
}
