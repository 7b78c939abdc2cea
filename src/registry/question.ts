// What is asked of a registry and as whom, and the words for it that every Problem shares.
import { formatImageReference, type ImageReference, tagOrDigest } from '../domain/image-reference.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'

/** Whether an image is there, and whether one may have it. */
export interface ImageQuestion {
  readonly host: string
  readonly reference: ImageReference
  /** Null: ask as nobody. */
  readonly auth: RegistryAuth | null
}

/** Whether a login is right, whatever it may then read. */
export interface LoginQuestion {
  readonly host: string
  readonly reference: null
  readonly auth: RegistryAuth
}

export type Question = ImageQuestion | LoginQuestion

/** The full name with the tag that is really asked for: `docker.io/library/busybox:latest`. */
export function imageName({ reference }: ImageQuestion): string {
  const tag = reference.digest === null ? tagOrDigest(reference) : reference.tag
  return formatImageReference({ ...reference, tag })
}

/** `user robot`, `the identity token` or `nobody`. */
export function who({ auth }: Question): string {
  if (auth === null) return 'nobody'
  return auth.kind === 'identity-token' ? 'the identity token' : `user ${auth.username}`
}

/** `as user robot (APTIBLE_PRIVATE_REGISTRY_*)`, `with an identity token (dockercfg.encrypted)` or `without a login`. */
export function asWhom({ auth }: Question): string {
  if (auth === null) return 'without a login'
  const how = auth.kind === 'identity-token' ? 'with an identity token' : `as user ${auth.username}`
  return `${how} (${auth.source})`
}

/** `the login of user robot` or `the identity token`. */
export function loginName(question: Question): string {
  return question.auth?.kind === 'identity-token' ? who(question) : `the login of ${who(question)}`
}

/** `for the image quay.io/acme/shop:v1` or `about the login of user robot`, after a verb like "asked". */
export function aboutWhat(question: Question): string {
  return question.reference === null ? `about ${loginName(question)}` : `for the image ${imageName(question)}`
}

/** The sentence at the end of what we saw. */
export function howAsked(question: Question): string {
  return question.reference === null
    ? `It was asked ${asWhom(question)}.`
    : `Repository ${question.reference.repository} was asked for ${asWhom(question)}.`
}
