// What is asked of a registry and as whom, and the words for it that every Problem shares.
import { formatImageReference, type ImageReference, tagOrDigest } from '../domain/image-reference.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'

export interface Question {
  readonly reference: ImageReference
  /** Null: ask as nobody. */
  readonly auth: RegistryAuth | null
}

/** The full name with the tag that is really asked for: `docker.io/library/busybox:latest`. */
export function imageName({ reference }: Question): string {
  const tag = reference.digest === null ? tagOrDigest(reference) : reference.tag
  return formatImageReference({ ...reference, tag })
}

/** `as user robot (APTIBLE_PRIVATE_REGISTRY_*)` or `without a login`. */
export function asWhom({ auth }: Question): string {
  return auth === null ? 'without a login' : `as user ${auth.username} (${auth.source})`
}
