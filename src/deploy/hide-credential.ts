// The registry's password stays out of a transcript, whoever prints it: a builder, a registry, a command.
import type { Config } from '../domain/config.ts'
import { maskSecrets, Secret } from '../domain/secret.ts'
import type { LiveTranscript } from './transcript.ts'

const USERNAME = 'APTIBLE_PRIVATE_REGISTRY_USERNAME'
const PASSWORD = 'APTIBLE_PRIVATE_REGISTRY_PASSWORD'

/** Hides the passwords of these configs from now on, also in the form in which HTTP carries a login. */
export function hideCredential(transcript: LiveTranscript, ...configs: readonly Config[]): void {
  transcript.mask(maskSecrets(configs.flatMap(secretsOf)))
}

function secretsOf(config: Config): Secret[] {
  const password = config.get(PASSWORD)
  if (password === undefined || password.reveal() === '') return []
  const login = `${config.get(USERNAME)?.reveal() ?? ''}:${password.reveal()}`
  return [password, new Secret(login)]
}
