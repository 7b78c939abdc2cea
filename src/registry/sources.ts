// Every source of credentials that an app has, in the order in which they are offered.
import type { App } from '../domain/app.ts'
import type { Config } from '../domain/config.ts'
import type { Generator } from '../domain/generator.ts'
import { type CredentialSource, type Keychain, keychainOf } from '../domain/keychain.ts'
import { Problem } from '../domain/problem.ts'
import type { Commit } from '../git/commit.ts'
import type { Store } from '../store/store.ts'
import { appConfigSource } from './sources/app-config.ts'
import { encryptedFileSource } from './sources/encrypted-file.ts'
import { type GeneratedCache, generatedSource } from './sources/generated.ts'
import { secretSource } from './sources/secret.ts'
import { storedSources } from './sources/stored.ts'
import { uriSource } from './sources/uri.ts'

export interface Sources {
  readonly store: Store
  /** For apps of that environment: it may have files of its own. */
  fetchFileFor(environment: string): (uri: URL, signal: AbortSignal) => Promise<Buffer>
  readonly generated: GeneratedCache
}

/** For whom a keychain is made, and with what. */
export interface Asking {
  readonly app: App
  readonly config: Config
  /** Whose `dockercfg.encrypted` counts; null: no commit is there yet. */
  readonly commit: Pick<Commit, 'read'> | null
  readonly signal: AbortSignal
  /**
   * Runs a generator on the app's stack and hands over the text that it wrote.
   * @param others the app's other sources, for the image of the generator itself
   * @throws Problem `generator-failed`, or of the image
   */
  generate(generator: Generator, others: Keychain): Promise<string>
}

/**
 * Reads nothing before a registry is to be asked.
 * @throws Problem `config-invalid` when the app's variables hold half a credential
 */
export function appKeychain({ store, fetchFileFor, generated }: Sources, asking: Asking): Keychain {
  const { app, config, commit, signal, generate } = asking
  const uri = store.registryUris.of(app.id)
  const still: CredentialSource[] = [
    appConfigSource(config),
    encryptedFileSource(
      commit,
      () => store.registryKeys.of(app.id),
      `${app.name.environment}/${app.name.app}`,
    ),
    ...storedSources(store.registryCredentials, app),
    uriSource(uri, fetchFileFor(app.name.environment), signal),
    secretSource(store.secrets.usedBy(app.id), path => existing(store.secrets.read(path), path)),
  ]
  // A generator's own image may be private. It is not asked of generators: they could wait for each other for ever.
  const others = keychainOf(still)
  const generators = store.registryGenerators.list(app.id)
  const generating = generators.map(each =>
    generatedSource(each, generated, generator => generate(generator, others)),
  )
  return keychainOf([...still, ...(generating.length > 0 ? generating : [NO_GENERATOR])])
}

const NO_GENERATOR: CredentialSource = { name: 'registry:generator', isSet: false, read: async () => [] }

function existing<T>(value: T | null, path: string): T {
  if (value !== null) return value
  // It was there when the deploy began, and stays as long as an app uses it: so that was ended meanwhile.
  throw new Problem('secret-not-found', {
    headline: `The secret ${path} was deleted while this deploy was to use it`,
    hint: 'Push again: what the app uses now counts then. `fairlead registry:list` shows it.',
  })
}
