// A gateway without its front door: a real store and real repositories in a directory of their own, an engine and
// a registry in memory. Addresses of containers lie in 127.0.0.0/8, where a test can listen.
import { randomInt } from 'node:crypto'
import fs, { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import git from 'isomorphic-git'
import { type Background, createBackground } from '../../src/deploy/background.ts'
import { createBuilds } from '../../src/deploy/builds.ts'
import type { Ground } from '../../src/deploy/ground.ts'
import { createOneOffs } from '../../src/deploy/one-offs.ts'
import { createOperations, type Operations } from '../../src/deploy/operations.ts'
import type { Probe } from '../../src/deploy/probe.ts'
import { receivePush } from '../../src/deploy/push.ts'
import { createRouting, type GatewayRouting } from '../../src/deploy/routing.ts'
import { type App, parseHandle } from '../../src/domain/app.ts'
import type { Actor } from '../../src/domain/member.ts'
import type { Operation } from '../../src/domain/operation.ts'
import { Secret } from '../../src/domain/secret.ts'
import type { Stack } from '../../src/domain/stack.ts'
import { buildContext } from '../../src/git/context.ts'
import { openRepositories } from '../../src/git/repositories.ts'
import type { RegistryClient } from '../../src/registry/client.ts'
import { fileFetcher } from '../../src/registry/download.ts'
import { createGeneratedCache } from '../../src/registry/sources/generated.ts'
import { appKeychain } from '../../src/registry/sources.ts'
import { openStore } from '../../src/store/store.ts'
import { type FakeEngine, type FakeEngineOptions, fakeEngine } from './fake-engine.ts'
import { type WatchedRouter, watchedRouter } from './watched-router.ts'

export const DIGEST = `sha256:${'d'.repeat(64)}`

export interface Pushed {
  readonly accepted: boolean
  /** Raw, as the pusher's terminal gets it. */
  readonly said: string
  /** Null when the push was refused before there was one. */
  readonly operation: Operation | null
}

export interface PushOptions {
  readonly app?: App
  readonly branch?: string
  readonly signal?: AbortSignal
  readonly actor?: Actor
  /** Called with every text said. */
  readonly heard?: (text: string) => void
}

export interface DeployGround {
  readonly ground: Ground
  readonly operations: Operations
  readonly background: Background
  readonly engine: FakeEngine
  readonly router: WatchedRouter
  readonly routing: GatewayRouting
  readonly app: App
  /** The objects of the log, each with its message as `msg`. */
  readonly logged: readonly Record<string, unknown>[]
  newApp(name: string, environment?: string): Promise<App>
  actor(name: string): Actor
  /** Stores a commit of these files without moving any branch. @returns its id */
  commit(files: Record<string, string>, app?: App): Promise<string>
  /** What the hook asks for; moves the branch like git when it is accepted. */
  push(id: string, options?: PushOptions): Promise<Pushed>
  configure(values: Record<string, string>, app?: App): void
  lines(operation: Operation | null): string[]
  /** `v1 web.1 running`, sorted. */
  present(app?: App): string[]
  /** Images of ours by the end of their tag: `op1`. */
  tags(): string[]
}

export interface DeployGroundOptions extends FakeEngineOptions {
  readonly stack?: Partial<Stack>
  readonly registry?: RegistryClient
  readonly background?: (n: number) => number
  readonly keepReleases?: number
  /** Default: whatever is asked answers 200. */
  readonly probe?: Probe
}

export async function deployGround(
  t: ExecutionContext,
  options: DeployGroundOptions = {},
): Promise<DeployGround> {
  // As the front door does: a deadline that is waited for keeps no process alive.
  const alive = setInterval(() => {}, 60_000)
  t.teardown(() => clearInterval(alive))
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-deploy-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const store = openStore(join(directory, 'data'))
  t.teardown(() => store.close())
  const repositories = openRepositories(join(directory, 'repositories'))
  const engine = fakeEngine({ ...options, gatewayId: store.gatewayId })
  const logged: Record<string, unknown>[] = []
  const write = (fields: object, msg: string) => void logged.push({ ...fields, msg })
  const log = { info: write, warn: write, error: write }
  const background = createBackground(log, options.background ?? (() => 5))
  t.teardown(() => background.stop(10_000))
  const stack: Stack = {
    name: 'local',
    version: 2,
    engine: { kind: 'unix', path: '/nowhere' },
    limits: { memory: 64 * 1024 * 1024, cpus: 1, pids: 64 },
    network: { pool: `127.${randomInt(1, 255)}.0.0/16`, size: 28 },
    build: { builder: 'auto', timeout: 60, floor: 2 ** 30, cache: null },
    settle: 0.02,
    healthy: 60,
    drain: 5,
    grace: 1,
    ...options.stack,
  }
  const resolve: RegistryClient['resolve'] = async () => ({
    digest: DIGEST,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
  })
  const fetchFile = fileFetcher({ filesDirectory: null, maxBytes: 1024 * 1024, deadline: 10_000 })
  const sources = { store, fetchFileFor: () => fetchFile, generated: createGeneratedCache() }
  const operations = createOperations(store, log)
  const router = watchedRouter()
  const stopping = new AbortController()
  t.teardown(() => stopping.abort())
  const routing = createRouting({
    store,
    stack: () => ({ stack, engine }),
    router,
    stopping: stopping.signal,
    log,
  })
  const ground: Ground = {
    store,
    repositories,
    registry: options.registry ?? { resolve, checkLogin: async () => {} },
    buildContext: (commit, ignore) => buildContext(commit, { ignore }),
    keychain: asking => appKeychain(sources, asking),
    stack: () => ({ stack, engine }),
    routing,
    probe: options.probe ?? (async () => ({ status: 200, line: '' })),
    certificates: null,
    keepReleases: options.keepReleases ?? 5,
    exclusive: operations.exclusive,
    oneOffs: createOneOffs(),
    builds: createBuilds(background.run),
    background: background.run,
    insist: background.insist,
    besides: background.about,
    log,
  }

  async function newApp(name: string, environment = 'my-env'): Promise<App> {
    const home =
      store.environments.byHandle(environment) ??
      store.environments.create(parseHandle(environment, 'environment'), 'local')
    const made = store.apps.create(home.id, parseHandle(name, 'app'))
    await repositories.create(made.name)
    return made
  }

  const actor = (name: string): Actor => ({
    member: { id: 1, name: parseHandle(name, 'member'), operator: true },
    key: 'SHA256:key',
    address: '192.0.2.1',
    roles: new Map(),
    secretPaths: [],
  })
  // By a library: to start git takes longer than most tests do.
  const inRepository = (of: App) => ({ fs, gitdir: repositories.path(of.name) })

  const app = await newApp('my-app')
  let made = 0

  return {
    ground,
    operations,
    background,
    engine,
    router,
    routing,
    app,
    logged,
    newApp,
    actor,
    async commit(files, of = app) {
      made += 1
      const repository = inRepository(of)
      const entries = Object.entries(files).map(async ([path, content]) => {
        const oid = await git.writeBlob({ ...repository, blob: Buffer.from(content) })
        return { mode: '100644', path, oid, type: 'blob' } as const
      })
      const tree = await git.writeTree({ ...repository, tree: await Promise.all(entries) })
      const timestamp = Math.floor(Date.now() / 1000)
      const ann = { name: 'ann', email: 'ann@example.com', timestamp, timezoneOffset: 0 }
      const message = `commit ${made}\n`
      const commit = { message, tree, parent: [], author: ann, committer: ann }
      return git.writeCommit({ ...repository, commit })
    },
    async push(id, { app: to = app, branch = 'master', signal, actor: by = actor('ann'), heard } = {}) {
      let said = ''
      const say = (text: string) => {
        said += text
        heard?.(text)
      }
      const before = store.operations.list(to.id, 1)[0]?.number ?? 0
      const ref = `refs/heads/${branch}`
      const old = await repositories.branch(to.name, branch)
      const push = { updates: [{ ref, old, new: id }], options: [], quarantine: null }
      const leaving = signal ?? new AbortController().signal
      const ended = Promise.withResolvers<void>()
      try {
        const accepted = await receivePush(ground, operations, to, by, push, ended.promise, say, leaving)
        if (accepted) await git.writeRef({ ...inRepository(to), ref, value: id, force: true })
        return { accepted, said, operation: store.operations.byNumber(to.id, before + 1) }
      } finally {
        ended.resolve()
      }
    },
    configure(values, of = app) {
      const secrets = new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]))
      store.configs.write(of.id, secrets, { actor: 'ann', set: Object.keys(values), unset: [] })
    },
    lines: operation => (operation === null ? [] : store.operations.lines(operation.id)),
    present: (of = app) =>
      engine.containers
        .filter(({ spec }) => spec.labels.app === of.name.app)
        .map(({ spec: { labels }, state }) => `v${labels.release} ${labels.process}.${labels.index} ${state}`)
        .sort(),
    tags: () =>
      [...engine.host.names.keys()]
        .filter(name => name.startsWith('fairlead-'))
        .map(name => name.slice(name.lastIndexOf(':') + 1))
        .sort(),
  }
}
