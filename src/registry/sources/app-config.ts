// The credential in an app's own variables, for its own host.
import type { Config } from '../../domain/config.ts'
import type { CredentialSource } from '../../domain/keychain.ts'
import { APP_CREDENTIAL, appRegistryAuth } from '../../domain/registry-auth.ts'

/** @throws Problem `config-invalid` when the variables are there in part only */
export function appConfigSource(config: Config): CredentialSource {
  const auth = appRegistryAuth(config)
  return {
    name: APP_CREDENTIAL,
    isSet: auth !== null,
    read: async host => (auth?.host === host ? [auth] : []),
  }
}
