// What to do when a registry refuses an engine, in the same words for pulls, builds and pushes. Credentials come
// from several sources, so that what to correct, and where, depends on the one that was offered.
import { formatImageReference, type ImageReference, parseImageReference } from '../domain/image-reference.ts'
import {
  explainCommand,
  inVariables,
  loginCommand,
  mendAtSource,
  OTHER_VARIABLES,
} from '../domain/registry-advice.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'

/** `the login of robot`, as what a registry refuses. */
export function loginOf(auth: RegistryAuth): string {
  return auth.kind === 'identity-token' ? 'the identity token' : `the login of ${auth.username}`
}

/** `robot`, as who may not do something. */
export function userOf(auth: RegistryAuth): string {
  return auth.kind === 'identity-token' ? 'the holder of the identity token' : auth.username
}

/** To whoever has no login there. @param host null: it is not known, as it stands in an ARG */
export function storeLogin(host: string | null): string {
  return `Store a login with ${loginCommand(host)}.`
}

/** Where the credential that was offered is corrected. */
export function mendLogin(auth: RegistryAuth): string {
  if (inVariables(auth)) return `Correct it with ${OTHER_VARIABLES}.`
  const [first = '', ...rest] = mendAtSource(auth, auth.host)
  return `${first.toUpperCase()}${rest.join('')}.`
}

/** @param image a reference, or how a Dockerfile spells it, which may hold an ARG and is then no name to ask about */
export function explain(image: ImageReference | string): string {
  return explainCommand(nameOf(image))
}

function nameOf(image: ImageReference | string): string {
  if (typeof image !== 'string') return formatImageReference(image)
  try {
    parseImageReference(image)
    return image
  } catch {
    return 'IMAGE'
  }
}
