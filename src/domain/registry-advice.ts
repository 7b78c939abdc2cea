// What to do about a registry's refusal, in the same words wherever it is met: asked by us, or by an engine.
import { APP_CREDENTIAL, type RegistryAuth } from './registry-auth.ts'

/** Sets the login anew in the app's own variables. */
export const OTHER_VARIABLES =
  '`fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`'

/** Stores a login for the app. @param host null: it is not known */
export function loginCommand(host: string | null): string {
  return `\`fairlead registry:login ${host ?? 'HOST'} --username USER --password-stdin\``
}

/** Whether it is in the app's own variables, which are mended by setting them again. */
export function inVariables(auth: RegistryAuth | null): boolean {
  return auth?.source === APP_CREDENTIAL
}

/** `mend the login at its source (dockercfg.encrypted), or store another with …`. */
export function mendAtSource(auth: RegistryAuth | null, host: string): string {
  return `mend the login at its source (${auth?.source}), or store another with ${loginCommand(host)}`
}

/** A whole sentence. @param image its full name, or IMAGE */
export function explainCommand(image: string): string {
  return `\`fairlead registry:explain ${image}\` shows which credential was offered to whom.`
}
