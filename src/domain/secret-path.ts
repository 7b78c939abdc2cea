// Paths of the secret store: `mesos-docker/pullConfig`. Parsed once at the edge, refused when they do not fit.
import { Problem } from './problem.ts'

const SEGMENT = /^[A-Za-z0-9._-]+$/
const LONGEST = 200

/**
 * The path without the slash that it may begin with.
 * @throws Problem `name-invalid` for anything but segments of A-Z, a-z, 0-9, '.', '_' and '-'
 */
export function parseSecretPath(text: string): string {
  const path = text.startsWith('/') ? text.slice(1) : text
  const fits = (segment: string) => SEGMENT.test(segment) && segment !== '.' && segment !== '..'
  if (path.length <= LONGEST && path.split('/').every(fits)) return path
  throw new Problem('name-invalid', {
    headline: `${JSON.stringify(text.slice(0, 80))} is not the path of a secret`,
    hint: `Use parts of A-Z, a-z, 0-9, '.', '_' and '-' with single slashes between them, at most ${LONGEST} characters together, for example mesos-docker/pullConfig.`,
  })
}

/** Whether `path` is `granted` or lies below it, by whole segments: `team` covers `team/x`, not `team2`. */
export function coversSecret(granted: string, path: string): boolean {
  return path === granted || path.startsWith(`${granted}/`)
}
