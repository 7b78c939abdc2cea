// The composition root: the only file that imports everything, and where each part is handed what it needs.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createCertificates } from './certificates/certificates.ts'
import { keepCertificates } from './certificates/keep.ts'
import type { Gateway } from './commands/command.ts'
import { dispatcher } from './commands/dispatch.ts'
import { trimDaily } from './daily-trim.ts'
import { atMost, createBackground } from './deploy/background.ts'
import { createBuilds } from './deploy/builds.ts'
import { followEngines } from './deploy/follow-engines.ts'
import type { Ground } from './deploy/ground.ts'
import { createOneOffs } from './deploy/one-offs.ts'
import { createOperations } from './deploy/operations.ts'
import { probeHttp } from './deploy/probe.ts'
import { failInterrupted, recoverWhenPossible } from './deploy/recover.ts'
import { createRouting, isReached } from './deploy/routing.ts'
import type { Engine } from './domain/engine.ts'
import type { Log } from './domain/log.ts'
import type { Actor } from './domain/member.ts'
import { Problem } from './domain/problem.ts'
import type { Router } from './domain/router.ts'
import type { Stack } from './domain/stack.ts'
import { createEngines, type Engines } from './engines/engines.ts'
import { welcomeFirstOperator } from './first-operator.ts'
import { buildContext } from './git/context.ts'
import { receivePack } from './git/receive-pack.ts'
import { openRepositories } from './git/repositories.ts'
import { uploadPack } from './git/upload-pack.ts'
import { createCounted } from './monitor/counted.ts'
import { engineWatch } from './monitor/engine-watch.ts'
import { startMonitor } from './monitor/listener.ts'
import { makeKeyPair } from './registry/age-key.ts'
import { registryClient } from './registry/client.ts'
import { readCredentialFile } from './registry/credential-file.ts'
import { fileFetcher } from './registry/download.ts'
import { decryptDockercfg } from './registry/sources/encrypted-file.ts'
import { createGeneratedCache } from './registry/sources/generated.ts'
import { describeUri, parseRegistryUri } from './registry/sources/uri.ts'
import { appKeychain } from './registry/sources.ts'
import { createRouter } from './routing/haproxy.ts'
import { noRouter } from './routing/no-router.ts'
import type { Settings } from './settings.ts'
import { OF_ENVIRONMENT } from './settings-schema.ts'
import { loadHostKey } from './ssh/host-key.ts'
import { parsePublicKeyLine } from './ssh/public-key.ts'
import { startFrontDoor } from './ssh/server.ts'
import { openStacks, type Stacks } from './stacks/stacks.ts'
import { openStore } from './store/store.ts'

/**
 * Milliseconds that a shutdown gives to what is being undone, and then to work in the background.
 * The next start does the rest.
 */
const PATIENCE = 10_000

/** Milliseconds that the front door waits for routes at a start. */
const ROUTES_FIRST = 5000

/** For a file of credentials at a URI: far more than any such file has, far longer than any server needs. */
const URI_LIMITS = { maxBytes: 1024 * 1024, deadline: 30_000 }

const HOOKS = fileURLToPath(new URL('../hooks', import.meta.url))

export interface RunningGateway {
  /** `ssh://git@host:port` */
  readonly url: string
  /** By which its containers and images are known on an engine. */
  readonly id: string
  /** `SHA256:…` of the host key. */
  readonly fingerprint: string
  /** Refuses new work, ends what runs as interrupted, and resolves when nothing of it is left. */
  close(): Promise<void>
}

/** @throws Problem: `settings-invalid`, `master-key-missing`, `master-key-wrong` */
export async function startGateway(settings: Settings, log: Log): Promise<RunningGateway> {
  await using undo = new AsyncDisposableStack()
  const stopping = new AbortController()

  const store = openStore(settings.data)
  undo.defer(() => store.close())
  const stacks = openStacks(settings.stacks, log)
  undo.defer(() => stacks.close())
  welcomeFirstOperator(store, settings.operatorKeys, log)
  const repositories = openRepositories(join(settings.data, 'repositories'))
  await repositories.sweepQuarantine()
  const hostKey = await loadHostKey(join(settings.data, 'ssh_host_ed25519_key'))

  const engines = createEngines(store.gatewayId)
  const background = createBackground(log)
  undo.defer(() => background.stop(PATIENCE))
  const trust = settings.registryCa === null ? {} : { trustedCa: settings.registryCa }
  const fetchFileFor = (environment: string) => {
    const filesDirectory = settings.registryFiles?.replaceAll(OF_ENVIRONMENT, environment) ?? null
    return fileFetcher({ ...URI_LIMITS, filesDirectory, ...trust })
  }
  const sources = { store, fetchFileFor, generated: createGeneratedCache() }
  const counted = createCounted()
  const operations = counted.operations(createOperations(store, log, stopping.signal))
  const stack = (name: string) => engines.of(stacks.get(name))
  const router = openRouter(settings, log, undo)
  const routing = createRouting({ store, stack, router, stopping: stopping.signal, log })
  const certificates = createCertificates({
    store,
    endpoints: store.endpoints.all,
    router,
    acme: { directory: settings.acme, email: settings.acmeEmail, ca: settings.acmeCa },
    log,
  })
  const ground: Ground = {
    store,
    repositories,
    registry: counted.registry(registryClient(trust)),
    buildContext: (commit, ignore) => buildContext(commit, { ignore }),
    keychain: asking => appKeychain(sources, asking),
    stack,
    routing,
    probe: probeHttp,
    certificates,
    keepReleases: settings.keepReleases,
    exclusive: operations.exclusive,
    oneOffs: createOneOffs(),
    builds: createBuilds(background.run),
    background: background.run,
    insist: background.insist,
    besides: background.about,
    log,
  }
  undo.defer(() => atMost(PATIENCE, operations.idle()))

  failInterrupted(ground)
  store.activity.failInterrupted()
  undo.defer(trimDaily(store, log))
  undo.defer(() => stopping.abort())
  background.run('recover', recoverWhenPossible(ground, operations, stopping.signal))

  const reached = () => enginesOf(stacks, engines, isReached)
  const following = { engines: reached, routing, store, log }
  background.run('follow the engines', followEngines(following, stopping.signal))
  // Best before anybody comes in, but an engine or a router that does not answer keeps nobody out.
  await atMost(
    ROUTES_FIRST,
    routing.followAll(stopping.signal).catch(() => {}),
  )

  background.run('keep certificates', keepCertificates(certificates, log, stopping.signal))

  const frontDoor = await startFrontDoor({
    ...settings.ssh,
    hostKey: hostKey.privateKey,
    authenticate: (fingerprint, _type, _blob, address): Actor | null => {
      const owner = store.members.byKey(fingerprint)
      return owner && { ...owner, key: fingerprint, address }
    },
    serve: session => serve(session),
    log,
  })
  undo.defer(() => frontDoor.close())
  const url = urlOf(settings, frontDoor.port)
  const git = { receivePack, uploadPack }
  const readPublicKey = parsePublicKeyLine
  const credentialFiles = {
    read: readCredentialFile,
    makeKeyPair,
    decrypt: decryptDockercfg,
    parseUri: parseRegistryUri,
    describeUri,
  }
  const gateway: Gateway = {
    ground,
    operations,
    routing,
    certificateAuthority: certificates.authority,
    stacks,
    settings,
    url,
    hooks: HOOKS,
    git,
    credentialFiles,
    readPublicKey,
    log,
  }
  const serve = dispatcher(gateway)

  const monitor =
    settings.metrics === null
      ? null
      : await startMonitor(
          settings.metrics,
          {
            writeToStore: store.tryWrite,
            counts: () => ({ apps: store.apps.list().length, releases: store.releases.count() }),
            unfinished: store.operations.unfinished,
            sshListens: frontDoor.listens,
            sshConnections: frontDoor.connections,
            engines: engineWatch(() => enginesOf(stacks, engines)),
            families: counted.families,
          },
          log,
        )
  if (monitor !== null) {
    undo.defer(() => monitor.close())
    log.info({ host: settings.metrics?.host, port: monitor.port }, 'health and metrics are served')
  }

  const running = undo.move()
  return {
    url,
    id: store.gatewayId,
    fingerprint: hostKey.fingerprint,
    close: () => running.disposeAsync(),
  }
}

function enginesOf(
  stacks: Stacks,
  engines: Engines,
  fits: (stack: Stack) => boolean = () => true,
): ReadonlyMap<string, Engine> {
  const usable = stacks.list().flatMap(({ stack }) => (stack && fits(stack) ? stack : []))
  return new Map(usable.map(stack => [stack.name, engines.of(stack).engine]))
}

/** Starts nothing. A directory that HAProxy cannot be told of keeps nobody from all the rest. */
function openRouter(settings: Settings, log: Log, undo: AsyncDisposableStack): Router {
  const { data, http, https, haproxy: binary, routerSocket: masterSocket } = settings
  try {
    const router = createRouter({ directory: join(data, 'router'), http, https, binary, masterSocket, log })
    undo.defer(() => router.close())
    return router
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return noRouter(error)
  }
}

function urlOf(settings: Settings, port: number): string {
  return port === 22 ? `ssh://git@${settings.host}` : `ssh://git@${settings.host}:${port}`
}
