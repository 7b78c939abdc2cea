// A file of credentials in the secret store, which many apps may share.
import { parseDockercfg } from '../../domain/dockercfg.ts'
import type { CredentialSource } from '../../domain/keychain.ts'
import type { Secret } from '../../domain/secret.ts'

/** @param value what the app's secret holds; it cannot be deleted while an app uses it */
export function secretSource(path: string | null, value: (path: string) => Secret): CredentialSource {
  if (path === null) return { name: 'registry:use --secret', isSet: false, read: async () => [] }
  const name = `secret ${path}`
  return {
    name,
    isSet: true,
    read: async () => parseDockercfg(value(path).reveal(), { source: name, file: `the secret ${path}` }),
  }
}
