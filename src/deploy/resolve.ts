// Asks a registry for an image, with the credentials of a keychain or with one.
import type { App } from '../domain/app.ts'
import { formatImageReference, type ImageReference } from '../domain/image-reference.ts'
import type { Keychain } from '../domain/keychain.ts'
import { Problem } from '../domain/problem.ts'
import { APP_CREDENTIAL, type RegistryAuth } from '../domain/registry-auth.ts'
import type { Stack } from '../domain/stack.ts'
import type { Ground } from './ground.ts'
import { offerEach } from './offer-each.ts'
import type { Run } from './operations.ts'

export interface Resolved {
  readonly reference: ImageReference
  readonly digest: string
  /** The credential that was accepted; null: nobody had to log in. */
  readonly auth: RegistryAuth | null
}

/**
 * @param offering called before each question, with null when no credential is for the image; may throw to end it
 * @throws Problem of the registry, of a source of credentials, or `stack-private-refused`
 */
export async function resolveWithKeychain(
  ground: Ground,
  app: App,
  reference: ImageReference,
  keychain: Keychain,
  run: Pick<Run, 'transcript' | 'signal'>,
  offering: (auth: RegistryAuth | null) => void = () => {},
): Promise<Resolved> {
  const { stack } = ground.stack(app.stack)
  if (stack.version === 1) {
    await refuseOwn(stack, reference, keychain)
    offering(null)
    return resolvePublic(ground, app, reference, run.signal)
  }

  return offerEach(keychain, reference, run.transcript, auth => {
    offering(auth)
    return resolveAs(ground, app, reference, auth, run.signal)
  })
}

/** With this credential, or as nobody, and in no other way. */
export async function resolveAs(
  ground: Ground,
  app: App,
  reference: ImageReference,
  auth: RegistryAuth | null,
  signal: AbortSignal,
): Promise<Resolved> {
  const { platform } = await ground.stack(app.stack).engine.facts(signal)
  const { digest } = await ground.registry.resolve(reference, auth, platform, signal)
  return { reference, digest, auth }
}

async function refuseOwn(stack: Stack, reference: ImageReference, keychain: Keychain): Promise<void> {
  const own = keychain.sources.find(source => source.name === APP_CREDENTIAL)
  if (((await own?.read(reference.host)) ?? []).length > 0) throw privateRefused(stack, reference)
}

async function resolvePublic(
  ground: Ground,
  app: App,
  reference: ImageReference,
  signal: AbortSignal,
): Promise<Resolved> {
  try {
    return await resolveAs(ground, app, reference, null, signal)
  } catch (error) {
    const isPrivate = error instanceof Problem && error.code === 'registry-login-required'
    throw isPrivate ? privateRefused(ground.stack(app.stack).stack, reference) : error
  }
}

function privateRefused(stack: Stack, reference: ImageReference): Problem {
  return new Problem('stack-private-refused', {
    headline: `${formatImageReference(reference)} is private, and the stack ${stack.name} may not use private registries`,
    saw: `The stack ${stack.name} is of version 1. Its engine is shared with stacks that do not ask a registry at every deploy, so that a private image pulled to it would be open to all of them.`,
    hint: 'Ask an operator for an environment on a stack of version 2, or use a public image and unset APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD.',
  })
}
