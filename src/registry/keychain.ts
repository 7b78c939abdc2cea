// Where credentials for registries come from. A source answers only for the hosts it is bound to, never for others.
import { appRegistryAuth, type Keychain } from '../domain/registry-auth.ts'
import type { Secret } from '../domain/secret.ts'

/**
 * The credential in an app's own variables, for its own host.
 * @throws Problem `config-invalid` when the variables are there in part only
 */
export function appKeychain(config: ReadonlyMap<string, Secret>): Keychain {
  const auth = appRegistryAuth(config)
  return { resolve: reference => (auth?.host === reference.host ? auth : null) }
}
