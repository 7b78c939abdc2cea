// What a deploy stands on: the interfaces it is handed by the gateway.
import type { Readable } from 'node:stream'
import type { Config } from '../domain/config.ts'
import type { Engine } from '../domain/engine.ts'
import type { Log } from '../domain/log.ts'
import type { Keychain, RegistryAuth } from '../domain/registry-auth.ts'
import type { Stack } from '../domain/stack.ts'
import type { Commit } from '../git/commit.ts'
import type { Repositories } from '../git/repositories.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { Store } from '../store/store.ts'

export interface Ground {
  readonly store: Store
  readonly repositories: Repositories
  readonly registry: RegistryClient
  /** The tar that a Dockerfile is built from. */
  buildContext(commit: Commit, ignore: string | null): Readable
  /** The app's own credential. @throws Problem `config-invalid` */
  credential(config: Config): RegistryAuth | null
  /** What can find a credential for an image, given an app's config. */
  keychain(config: Config): Keychain
  /** @throws Problem `stack-not-found`, `stack-invalid` */
  stack(name: string): { stack: Stack; engine: Engine }
  /** Keeps work that goes on after the actor was answered, so that a shutdown can wait for it. */
  background(what: string, work: Promise<void>): void
  /** The same, again and again until it succeeds: for what must not be left undone because an engine was away. */
  insist(what: string, work: () => Promise<void>): void
  readonly log: Log
}
