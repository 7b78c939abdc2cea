// The credential for one image, as the engine's API spells it. Nothing is made for another host than the image's.
import type { ImageReference } from '../../domain/image-reference.ts'
import { Problem } from '../../domain/problem.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'
import { type AuthConfig, authConfig } from '../auth-config.ts'

/**
 * Undefined for nobody's.
 * @throws Problem `registry-host-mismatch`
 */
export function hostCredential(request: {
  readonly auth: RegistryAuth | null
  readonly reference: ImageReference
}): AuthConfig | undefined {
  const { auth, reference } = request
  if (auth === null) return undefined
  if (auth.host === reference.host) return authConfig(auth)
  throw new Problem('registry-host-mismatch', {
    headline: `The credential is for ${auth.host}, but the image is on ${reference.host}: it was not sent`,
    hint: `Use a credential for ${reference.host}; this one comes from ${auth.source}.`,
  })
}
