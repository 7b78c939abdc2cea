// Which addresses may be spoken to, and how: TLS everywhere, plain HTTP on loopback only.
import { DOCKER_HUB } from '../domain/image-reference.ts'

/** `localhost`, 127.0.0.0/8 and ::1, with or without port. Only these spellings: a name that merely resolves there is not. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d+)?$/.test(host)
}

/** Where the registry of a normalised host is asked, in the order to try. */
export function registryOrigins(host: string): URL[] {
  if (host === DOCKER_HUB) return [new URL('https://registry-1.docker.io')]
  return isLoopback(host)
    ? [new URL(`https://${host}`), new URL(`http://${host}`)]
    : [new URL(`https://${host}`)]
}

/**
 * An address that a registry sent us to (login service, redirect), null when we do not go there: anything that is
 * not HTTPS, except plain HTTP on loopback when the registry itself was reached so; and anything with a login in it.
 */
export function followable(location: string, from: URL): URL | null {
  if (!URL.canParse(location, from.href)) return null
  const url = new URL(location, from)
  if (url.username !== '' || url.password !== '') return null
  const plainLoopback = url.protocol === 'http:' && from.protocol === 'http:' && isLoopback(url.host)
  return url.protocol === 'https:' || plainLoopback ? url : null
}
