// The keychain of one deploy: the app's sources, with generators that run on its stack and secrets that stay hidden.
import type { App } from '../domain/app.ts'
import type { Config } from '../domain/config.ts'
import type { Keychain } from '../domain/keychain.ts'
import type { Commit } from '../git/commit.ts'
import { runGenerator } from './generate.ts'
import type { Ground } from './ground.ts'
import type { Run } from './operations.ts'

/**
 * @param commit whose `dockercfg.encrypted` counts; null: no commit is there yet
 * @throws Problem `config-invalid` when the app's variables hold half a credential
 */
export function keychainFor(
  ground: Ground,
  wish: { readonly app: App; readonly config: Config; readonly commit: Pick<Commit, 'read'> | null },
  run: Pick<Run, 'transcript' | 'signal'>,
): Keychain {
  return ground.keychain({
    app: wish.app,
    config: wish.config,
    commit: wish.commit,
    signal: run.signal,
    generate: (generator, others) => runGenerator(ground, wish.app, generator, others, run),
  })
}
