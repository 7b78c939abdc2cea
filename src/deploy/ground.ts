// What a deploy stands on: the interfaces it is handed by the gateway.
import type { Readable } from 'node:stream'
import type { EndpointCertificates } from '../domain/endpoint-certificates.ts'
import type { Engine } from '../domain/engine.ts'
import type { Keychain } from '../domain/keychain.ts'
import type { Log } from '../domain/log.ts'
import type { Stack } from '../domain/stack.ts'
import type { Commit } from '../git/commit.ts'
import type { Repositories } from '../git/repositories.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { Asking } from '../registry/sources.ts'
import type { Store } from '../store/store.ts'
import type { Builds } from './builds.ts'
import type { OneOffs } from './one-offs.ts'
import type { Probe } from './probe.ts'
import type { Routing } from './routing.ts'

export interface Ground {
  readonly store: Store
  readonly repositories: Repositories
  readonly registry: RegistryClient
  /** The tar that a Dockerfile is built from. */
  buildContext(commit: Commit, ignore: string | null): Readable
  /**
   * Every source of credentials that the app has. Nothing is read before a registry is to be asked.
   * @throws Problem `config-invalid` when the app's variables hold half a credential
   */
  keychain(asking: Asking): Keychain
  /** @throws Problem `stack-not-found`, `stack-invalid` */
  stack(name: string): { stack: Stack; engine: Engine }
  readonly routing: Routing
  /** Asks a candidate what its endpoints will be asked. */
  readonly probe: Probe
  /** Null: endpoints are answered over HTTP only. */
  readonly certificates: EndpointCertificates | null
  /** How many images of releases that were live are kept on the engine, at least 1. */
  readonly keepReleases: number
  /** Runs `work` while no operation of that app runs. */
  exclusive<T>(appId: number, work: () => Promise<T>): Promise<T>
  readonly oneOffs: OneOffs
  readonly builds: Builds
  /**
   * Keeps work that goes on after the actor was answered, so that a shutdown can wait for it.
   * @param appId of the app that it is about: as long as it goes on, nothing of the app is taken for a left-over
   */
  background(what: string, work: Promise<void>, appId?: number): void
  /**
   * The same, again and again until it succeeds: for what must not be left undone because an engine was away. The
   * signal is aborted when the gateway stops: for waits that the next start takes up again.
   */
  insist(what: string, work: (stopping: AbortSignal) => Promise<void>, appId?: number): void
  /** What is under way about the app of that id, outside of its turns: retired, undone, recovered. */
  besides(appId: number): readonly string[]
  readonly log: Log
}
