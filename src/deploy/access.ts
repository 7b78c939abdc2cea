// Proves at the registry, with this app's own credential and at every deploy, that the app may have the images it
// asks for. What lies on the engine because another app may have it is no way in.
import type { App } from '../domain/app.ts'
import type { Config } from '../domain/config.ts'
import type { EngineFacts, Platform } from '../domain/engine.ts'
import {
  formatImageReference,
  type ImageReference,
  parseImageReference,
  tagOrDigest,
} from '../domain/image-reference.ts'
import { Problem } from '../domain/problem.ts'
import { assertHostMatches, type RegistryAuth, registryHostIsSet } from '../domain/registry-auth.ts'
import type { Stack } from '../domain/stack.ts'
import type { Ground } from './ground.ts'
import type { Run } from './operations.ts'
import type { Source } from './source.ts'

export type Access =
  | {
      readonly kind: 'pull'
      readonly reference: ImageReference
      /** What the registry says the reference means now. */
      readonly digest: string
      readonly auth: RegistryAuth | null
    }
  | {
      readonly kind: 'build'
      readonly source: Source
      readonly ignore: string | null
      /** What the engine can build with. */
      readonly capable: EngineFacts['builder']
      /** Line of the Dockerfile's first here-document, null when it has none. */
      readonly heredocLine: number | null
      /** By host, for the hosts that the Dockerfile names. */
      readonly auths: ReadonlyMap<string, RegistryAuth>
    }

/** @throws Problem `registry-*`, `image-not-found`, `tag-not-found`, `platform-mismatch`, `stack-private-refused` */
export async function proveAccess(
  ground: Ground,
  app: App,
  source: Source,
  config: Config,
  run: Run,
): Promise<Access> {
  const { stack, engine } = ground.stack(app.stack)
  const { platform, builder: capable } = await engine.facts(run.signal)
  const keychain = ground.keychain(config)
  const credential = ground.credential(config)
  const ask = (reference: ImageReference, auth: RegistryAuth | null) =>
    askRegistry(ground, stack, reference, auth, platform, run.signal)

  if (source.image.kind === 'pull') {
    const named = parseImageReference(source.image.name)
    const reference = { ...named, tag: named.digest === null ? tagOrDigest(named) : named.tag }
    assertHostMatches(reference, credential, registryHostIsSet(config))
    const auth = keychain.resolve(reference)
    run.transcript.line(
      `-----> Pulling ${formatImageReference(reference)}${auth ? ` as ${auth.username}` : ''}`,
    )
    const digest = await ask(reference, auth)
    run.transcript.line(`       digest ${digest}`)
    return { kind: 'pull', reference, digest, auth }
  }

  const auths = new Map<string, RegistryAuth>()
  await Promise.all(
    source.image.bases.map(base => {
      const auth = keychain.resolve(base)
      if (auth) auths.set(base.host, auth)
      return ask(base, auth).catch(error => {
        const isPrivate = error instanceof Problem && error.code === 'registry-login-required'
        // Most likely the credential is meant for this host, and only the host was forgotten.
        if (isPrivate && !registryHostIsSet(config)) assertHostMatches(base, credential, false)
        throw error
      })
    }),
  )
  return {
    kind: 'build',
    source,
    capable,
    ignore: source.image.ignore,
    heredocLine: source.image.heredocLine,
    auths,
  }
}

async function askRegistry(
  ground: Ground,
  stack: Stack,
  reference: ImageReference,
  auth: RegistryAuth | null,
  platform: Platform,
  signal: AbortSignal,
): Promise<string> {
  if (stack.version === 1 && auth !== null) throw privateRefused(stack, reference)
  try {
    return (await ground.registry.resolve(reference, auth, platform, signal)).digest
  } catch (error) {
    const isPrivate = error instanceof Problem && error.code === 'registry-login-required'
    throw stack.version === 1 && isPrivate ? privateRefused(stack, reference) : error
  }
}

function privateRefused(stack: Stack, reference: ImageReference): Problem {
  return new Problem('stack-private-refused', {
    headline: `${formatImageReference(reference)} is private, and the stack ${stack.name} may not use private registries`,
    saw: `The stack ${stack.name} is of version 1. Its engine is shared with stacks that do not ask a registry at every deploy, so that a private image pulled to it would be open to all of them.`,
    hint: 'Ask an operator for an environment on a stack of version 2, or use a public image and unset APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD.',
  })
}
