// A credential in the spelling of the engine's API.
import { DOCKER_HUB } from '../domain/image-reference.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'

/** What the engine calls an AuthConfig. It trades an identity token for access at the registry's login service. */
export type AuthConfig =
  | { readonly username: string; readonly password: string; readonly serveraddress: string }
  | { readonly identitytoken: string; readonly serveraddress: string }

/** The result holds the password in the clear: for a header, and nothing else. */
export function authConfig(auth: RegistryAuth): AuthConfig {
  const serveraddress = serverAddress(auth.host)
  const secret = auth.password.reveal()
  return auth.kind === 'identity-token'
    ? { identitytoken: secret, serveraddress }
    : { username: auth.username, password: secret, serveraddress }
}

/** The name under which an engine looks for the credential of a host. */
export function serverAddress(host: string): string {
  return host === DOCKER_HUB ? 'https://index.docker.io/v1/' : host
}
