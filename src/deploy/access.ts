// Proves at the registry, with this app's own credentials and at every deploy, that the app may have the images it
// asks for. What lies on the engine because another app may have it is no way in.
import type { App } from '../domain/app.ts'
import type { Config } from '../domain/config.ts'
import type { EngineFacts } from '../domain/engine.ts'
import {
  formatImageReference,
  type ImageReference,
  namesHost,
  parseImageReference,
  withTag,
} from '../domain/image-reference.ts'
import type { Keychain } from '../domain/keychain.ts'
import { Problem } from '../domain/problem.ts'
import {
  appRegistryAuth,
  assertHostMatches,
  type RegistryAuth,
  registryHostIsSet,
} from '../domain/registry-auth.ts'
import { oneForEachHost } from './build-credentials.ts'
import type { Ground } from './ground.ts'
import { sayAttempts } from './offer-each.ts'
import type { Run } from './operations.ts'
import { type Resolved, resolveWithKeychain } from './resolve.ts'
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

/**
 * @throws Problem `registry-*`, `image-not-found`, `tag-not-found`, `platform-mismatch`, `stack-private-refused`, and
 *   those of the sources of credentials
 */
export async function proveAccess(
  ground: Ground,
  app: App,
  source: Source,
  config: Config,
  keychain: Keychain,
  run: Pick<Run, 'transcript' | 'signal'>,
): Promise<Access> {
  const { image } = source
  if (image.kind === 'pull') {
    const reference = withTag(parseImageReference(image.name))
    const own = appRegistryAuth(config)
    const refuseStray = () => assertHostMatches(reference, own, registryHostIsSet(config))
    // HOST says quay.io and the name says nothing: it is not to become Docker Hub's by some other credential.
    if (!namesHost(image.name) && registryHostIsSet(config)) refuseStray()
    const say = sayAttempts(`-----> Pulling ${formatImageReference(reference)}`, run.transcript)
    const { digest, auth } = await resolveWithKeychain(ground, app, reference, keychain, run, offered => {
      if (offered === null) refuseStray()
      say(offered)
    })
    run.transcript.line(`       digest ${digest}`)
    return { kind: 'pull', reference, digest, auth }
  }

  const byHost = Map.groupBy(image.bases, base => base.host)
  const resolve = (base: ImageReference) => resolveBase(ground, app, base, config, keychain, run)
  const resolved = await Promise.all([...byHost.values()].map(bases => oneBeforeTheRest(bases, resolve)))
  const { builder } = await ground.stack(app.stack).engine.facts(run.signal)
  return {
    kind: 'build',
    source,
    capable: builder,
    ignore: image.ignore,
    heredocLine: image.heredocLine,
    auths: await oneForEachHost(ground, app, resolved.flat(), keychain, run),
  }
}

/** Fifty questions at once with a wrong password could lock the account out. */
async function oneBeforeTheRest<T, R>(all: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> {
  const [first, ...rest] = all
  if (first === undefined) return []
  return [await work(first), ...(await Promise.all(rest.map(work)))]
}

async function resolveBase(
  ground: Ground,
  app: App,
  base: ImageReference,
  config: Config,
  keychain: Keychain,
  run: Pick<Run, 'transcript' | 'signal'>,
): Promise<Resolved> {
  try {
    return await resolveWithKeychain(ground, app, base, keychain, run)
  } catch (error) {
    const isPrivate = error instanceof Problem && error.code === 'registry-login-required'
    // Most likely the credential is meant for this host, and only the host was forgotten.
    if (isPrivate && !registryHostIsSet(config)) assertHostMatches(base, appRegistryAuth(config), false)
    throw error
  }
}
