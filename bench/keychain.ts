// Finding the credential for an image: among 1,000 stored ones (of apps, environments and stacks, and many hosts), on
// a host that has 200 of them by path, and where only one is stored. Read from the database each time, decrypted and
// put in order, up to the first that would be offered; the three alternate. `node bench/keychain.ts [ROUNDS]`
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, parseHandle } from '../src/domain/app.ts'
import { parseImageReference } from '../src/domain/image-reference.ts'
import { keychainOf } from '../src/domain/keychain.ts'
import type { RegistryScope } from '../src/domain/registry-scope.ts'
import { Secret } from '../src/domain/secret.ts'
import { storedSources } from '../src/registry/sources/stored.ts'
import { openStore, type Store } from '../src/store/store.ts'
import { median, printTable, rounded } from './support/table.ts'

const rounds = Number(process.argv[2] ?? 2000)
const WARM_UP = 200
const CROWDED = 'crowded.example.com'

using undo = new DisposableStack()
const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
undo.defer(() => rmSync(directory, { recursive: true, force: true }))

const [few, fewApp] = open('few')
put(few, { kind: 'environment', id: fewApp.environmentId }, 'quay.io', '')
const [many, app] = open('many')
fill(many, app)

const cases = [
  { what: '1 stored', find: finder(few, fewApp, 'quay.io/acme/shop', '') },
  { what: '1,000 stored, one for the host', find: finder(many, app, 'host-3.example.com/acme/shop', '') },
  { what: '1,000 stored, 200 for the host', find: finder(many, app, `${CROWDED}/team-77/shop`, 'team-77') },
].map(each => ({ ...each, times: [] as number[] }))

for (let round = 0; round < rounds + WARM_UP; round += 1) {
  for (const { find, times } of cases) {
    const start = performance.now()
    await find()
    if (round >= WARM_UP) times.push(1000 * (performance.now() - start))
  }
}
const one = median(cases[0]?.times ?? [])
printTable(
  cases.map(({ what, times }) => ({
    what,
    median: `${rounded(median(times))} µs`,
    p99: `${rounded(times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0)} µs`,
    'to 1 stored': rounded(median(times) / one, 1),
    rounds: times.length,
  })),
)

function open(name: string): [Store, App] {
  const store = openStore(join(directory, name))
  undo.defer(() => store.close())
  const environment = store.environments.create(parseHandle('my-env', 'environment'), 'local')
  return [store, store.apps.create(environment.id, parseHandle('my-app', 'app'))]
}

function put(store: Store, scope: RegistryScope, host: string, path: string): void {
  const password = new Secret(`a password for ${host}/${path}`)
  store.registryCredentials.put(scope, [{ host, path, kind: 'password', username: 'robot', password }], 'ann')
}

/** 200 for one host in one environment; the other 800 for 100 hosts, by turns of an app, an environment and a stack. */
function fill(store: Store, { id, environmentId }: App): void {
  store.transaction(() => {
    for (let i = 0; i < 200; i += 1)
      put(store, { kind: 'environment', id: environmentId }, CROWDED, `team-${i}`)
    const scopes: RegistryScope[] = [
      { kind: 'app', id },
      { kind: 'environment', id: environmentId },
      { kind: 'stack', name: 'local' },
    ]
    for (let i = 0; i < 800; i += 1) {
      const [host, path] = [i % 100, Math.floor(i / 100)]
      // One of each host is for all of it, the others for paths that are not asked for.
      put(store, scopes[i % 3] as RegistryScope, `host-${host}.example.com`, path === 0 ? '' : `team-${path}`)
    }
  })
}

function finder(store: Store, { id }: App, image: string, path: string): () => Promise<void> {
  const reference = parseImageReference(image)
  return async () => {
    // With the app looked up, as a deploy has to.
    const sources = storedSources(store.registryCredentials, store.apps.byId(id) as App)
    for await (const auth of keychainOf(sources).candidates(reference)) {
      if (auth.path !== path) throw new Error(`found the credential for ${auth.host}/${auth.path}`)
      return
    }
    throw new Error('found none')
  }
}
