// A store in a directory of its own, with a few rows to stand on.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { type Handle, parseHandle } from '../../../src/domain/app.ts'
import { Secret } from '../../../src/domain/secret.ts'
import { openStore, type Store } from '../../../src/store/store.ts'

export function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-store-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function opened(t: ExecutionContext, path = directory(t)): Store {
  const store = openStore(path)
  t.teardown(() => store.close())
  return store
}

export const handle = (text: string): Handle => parseHandle(text, 'app')

export const secrets = (values: Record<string, string>): Map<string, Secret> =>
  new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]))

export const bare = (values: ReadonlyMap<string, Secret>): [string, string][] =>
  [...values].map(([name, secret]) => [name, secret.reveal()])

export function withApp(store: Store, environment = 'my-env', name = 'my-app') {
  const { id } =
    store.environments.byHandle(environment) ?? store.environments.create(handle(environment), 'local')
  return store.apps.create(id, handle(name))
}

export const change = { actor: 'ann', set: ['A'], unset: [] }

export const deployBy = (actor: string) =>
  ({ kind: 'deploy', actor, key: 'SHA256:k', address: '192.0.2.1', subject: 'abc' }) as const

export const cut = (operation: number, configVersion = 0) => ({
  image: { tag: 'fairlead-1/my-env/my-app:op1', digest: null, id: 'sha256:1', source: 'Dockerfile' },
  processes: [
    { name: 'web', command: 'serve "x"' },
    { name: 'cmd', command: null },
  ],
  configVersion,
  commit: 'c0ffee',
  operation,
  rollbackOf: null,
})
