// The credentials that the gateway keeps for an app, its environment and its stack: three sources, in this order.
import type { App } from '../../domain/app.ts'
import type { CredentialSource } from '../../domain/keychain.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'

type Scope = 'app' | 'environment' | 'stack'

export interface StoredCredentials {
  forHost(app: App, host: string, only: Scope): readonly { auth: Omit<RegistryAuth, 'source'> }[]
}

export function storedSources(stored: StoredCredentials, app: App): CredentialSource[] {
  const names: Record<Scope, string> = {
    app: `registry:login for the app ${app.name.environment}/${app.name.app}`,
    environment: `registry:login for the environment ${app.name.environment}`,
    stack: `registry:login for the stack ${app.stack}`,
  }
  const scopes = Object.keys(names) as Scope[]
  return scopes.map(scope => ({
    name: names[scope],
    // What is there is found by host; whether there is anything at all would be a question of its own.
    isSet: true,
    read: async host =>
      stored.forHost(app, host, scope).map(({ auth }) => ({ ...auth, source: names[scope] })),
  }))
}
