// The word by which commands name a registry, or the part of it that lies below a path.
import { Problem } from '../domain/problem.ts'
import { parseRegistryKey, type RegistryKey } from '../domain/registry-key.ts'

/** @throws Problem `usage`; the word is not repeated, since it may hold a login */
export function parsePlace(word: string): RegistryKey {
  const place = parseRegistryKey(word)
  if (place !== null) return place
  throw new Problem('usage', {
    headline: 'The first word is not the host of a registry, nor a host with a path',
    hint: 'Write the host as it stands in image names, without user, password or tag, and behind it, in lower case, the path where the login is for that part only: quay.io, ghcr.io/acme, registry.example.com:5000.',
  })
}

/** `ghcr.io/acme` */
export function formatPlace({ host, path }: RegistryKey): string {
  return path === '' ? host : `${host}/${path}`
}
