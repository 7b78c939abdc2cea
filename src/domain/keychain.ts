// Finds the credentials for an image: several sources in a fixed order, and within a source the one first whose path
// fits best. What is read of a source, and when, is decided here and nowhere else.
import type { ImageReference } from './image-reference.ts'
import type { RegistryAuth } from './registry-auth.ts'

/** One place that credentials come from. */
export interface CredentialSource {
  /** As messages name it: `APTIBLE_PRIVATE_REGISTRY_*`, `dockercfg.encrypted`, `the environment my-env`. */
  readonly name: string
  /** Whether there is anything to read: a source that was never set up is only ever listed. */
  readonly isSet: boolean
  /**
   * The credentials it has for that host, in any order; those of other hosts are ignored.
   * @throws Problem when it is set and cannot be read: what it would have said is not guessed
   */
  read(host: string): Promise<readonly RegistryAuth[]>
  /** Fresh ones in place of those that a registry refused, none where `read` gave nothing old. */
  renew?(host: string): Promise<readonly RegistryAuth[]>
}

export interface Keychain {
  readonly sources: readonly CredentialSource[]
  /**
   * In the order in which they are to be offered; none at all means: ask as nobody. The next one is asked for only
   * when the registry has refused those before it, so that no source is read, fetched or run in vain.
   * @throws Problem of the source whose turn it is
   */
  candidates(reference: ImageReference): AsyncIterable<RegistryAuth>
}

export function keychainOf(sources: readonly CredentialSource[]): Keychain {
  return {
    sources,
    async *candidates(reference) {
      for (const source of sources) {
        if (!source.isSet) continue
        yield* bestFirst(await source.read(reference.host), reference)
        if (source.renew) yield* bestFirst(await source.renew(reference.host), reference)
      }
    },
  }
}

/** Whether the credential is for this image: its host, and its path by whole segments (`team` is not `team2`). */
export function covers(auth: Pick<RegistryAuth, 'host' | 'path'>, reference: ImageReference): boolean {
  if (auth.host !== reference.host) return false
  return auth.path === '' || `${reference.repository}/`.startsWith(`${auth.path}/`)
}

/** Those that cover the image, the longest path first; equals keep their order. */
export function bestFirst(auths: readonly RegistryAuth[], reference: ImageReference): RegistryAuth[] {
  return auths.filter(auth => covers(auth, reference)).sort((a, b) => b.path.length - a.path.length)
}
