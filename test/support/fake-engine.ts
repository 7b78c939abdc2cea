// An Engine in memory that behaves like the real one (both pass test/engine/conformance.ts), and can be told to
// throw, to hang or to be aborted at any call.
import { createHash } from 'node:crypto'
import type { BuildRequest, Engine, Image, PullRequest, PushRequest } from '../../src/domain/engine.ts'
import { formatImageReference } from '../../src/domain/image-reference.ts'
import { EPOCH } from '../../src/domain/instant.ts'
import { Problem } from '../../src/domain/problem.ts'
import { TooLarge } from '../../src/domain/too-large.ts'
import { FakeContainer, FakeHost, fakeNow, overlap, type Program } from './fake-host.ts'

export interface FakeEngineOptions {
  readonly gatewayId?: string
  /** Given to several engines, they share containers, networks and images. */
  readonly host?: FakeHost
  /** What a container's program does; default: runs until it is stopped. */
  readonly program?: (spec: FakeContainer['spec']) => Program
  /** Bytes, null where they cannot be known; default: plenty. */
  readonly freeDisk?: number | null
  /** What a pulled or built image is like, on top of linux/amd64 with the command `serve`. */
  readonly image?: (request: PullRequest | BuildRequest) => Partial<Image>
}

type Hook<Call extends keyof Engine> = (...args: Parameters<Engine[Call]>) => unknown

export interface FakeEngine extends Engine {
  readonly host: FakeHost
  /** Name and first argument of every call so far: `start 0f3c…`. */
  readonly calls: readonly string[]
  /** Containers of this gateway, also stopped ones. */
  readonly containers: readonly FakeContainer[]
  readonly pulls: readonly PullRequest[]
  readonly builds: readonly BuildRequest[]
  readonly pushes: readonly PushRequest[]
  /**
   * Has `hook` run before each such call, which waits for it and throws what it throws.
   * @returns takes the hook away
   */
  on<Call extends keyof Engine>(call: Call, hook: Hook<Call>): () => void
}

/** For a hook: waits until the signal is aborted, then throws its reason. */
export function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

export function fakeEngine(options: FakeEngineOptions = {}): FakeEngine {
  const {
    gatewayId = 'test',
    host = new FakeHost(),
    program = (): Program => ({}),
    image = () => ({}),
  } = options
  const hooks = new Map<keyof Engine, Set<Hook<never>>>()
  const calls: string[] = []
  const pulls: PullRequest[] = []
  const builds: BuildRequest[] = []
  const pushes: PushRequest[] = []

  function own(id: string): FakeContainer | null {
    const container = host.containers.get(id) ?? null
    if (container !== null && container.gatewayId !== gatewayId)
      throw notOurs(`Container ${container.spec.name}`)
    return container
  }

  function existing(id: string): FakeContainer {
    const container = own(id)
    if (container === null) throw failed(`No such container: ${id}`)
    return container
  }

  function discard(container: FakeContainer | null): void {
    container?.remove()
    if (container) host.containers.delete(container.id)
  }

  function mine(): FakeContainer[] {
    return [...host.containers.values()].filter(container => container.gatewayId === gatewayId)
  }

  function ownTag(tag: string): string {
    if (!tag.startsWith(`fairlead-${gatewayId}/`))
      throw new TypeError(`${JSON.stringify(tag)} is not a tag of this gateway`)
    return tag
  }

  const engine: Engine = {
    async facts() {
      const platform = { os: 'linux', architecture: 'amd64' }
      return { version: '20.10.24', apiVersion: '1.41', platform, builder: 'buildkit' }
    },

    async diskSpace() {
      const { freeDisk: free = 2 ** 40 } = options
      return free === null ? null : { directory: '/var/lib/docker', free }
    },

    async trimBuildCache() {},

    async now() {
      return fakeNow()
    },
    async findImage(name) {
      return host.findImage(name)
    },
    async pull(request, transcript) {
      pulls.push(request)
      const { host: registry, repository } = request.reference
      const name = `${registry}/${repository}@${request.digest}`
      transcript.progress('       Downloading 1 of 2 layers, 50%')
      const known = host.findImage(name) ?? host.pushed.get(name)
      const found = known ?? host.addImage(ownTag(request.tag), image(request))
      host.images.set(found.id, found)
      if (!host.names.has(name)) {
        request.named?.()
        request.unnamed?.()
      }
      host.names.set(ownTag(request.tag), found.id)
      transcript.line('       Pulled 2 layers')
      return found
    },
    async build(request, transcript, signal) {
      builds.push(request)
      for await (const _ of request.context()) signal.throwIfAborted()
      transcript.line('Step 1 of 1: FROM scratch')
      return host.addImage(request.tag, image(request))
    },
    async push(request, transcript) {
      pushes.push(request)
      const { auth, reference } = request
      if (reference.tag === null || reference.digest !== null) throw new TypeError('no name to push to')
      if (auth !== null && auth.host !== reference.host) throw notSent(auth.host, reference.host)
      const found = host.findImage(ownTag(request.tag))
      if (found === null) throw failed(`There is no image ${request.tag}`)
      transcript.progress('       Pushing 1 of 2 layers, 50%')
      const digest = digestOf(found)
      request.named?.()
      request.unnamed?.()
      host.pushed.set(formatImageReference(reference), found)
      host.pushed.set(formatImageReference({ ...reference, tag: null, digest }), found)
      transcript.line('       Pushed 2 layers, 1.2 MB')
      return digest
    },
    async removeLeftName(reference) {
      host.names.delete(formatImageReference(reference))
    },
    async removeTag(tag) {
      const id = host.names.get(ownTag(tag))
      const inUse = [...host.containers.values()].some(({ spec }) => host.findImage(spec.image)?.id === id)
      const last = [...host.names.values()].filter(other => other === id).length === 1
      if (id === undefined || (last && inUse)) return
      host.names.delete(tag)
      if (last) host.images.delete(id)
    },
    async tags(repository) {
      const begin = repository === null ? `fairlead-${gatewayId}/` : `${repository}:`
      return [...host.names.keys()].filter(name => name.startsWith(begin))
    },

    async ensureNetwork(name, environment, subnets) {
      const found = host.networks.get(name)
      if (found && found.gatewayId !== gatewayId) throw notOurs(`Network ${name}`)
      if (found) return found.subnet
      for (const subnet of subnets) {
        if ([...host.networks.values()].some(other => overlap(other.subnet, subnet))) continue
        host.networks.set(name, { gatewayId, environment, subnet })
        return subnet
      }
      throw new Problem('network-pool-exhausted', {
        headline: `The stack has no free subnet left for environment ${environment}`,
        hint: 'Ask the operator to give the stack a larger network pool.',
      })
    },
    async networks() {
      return [...host.networks]
        .filter(([, network]) => network.gatewayId === gatewayId)
        .map(([name, { environment, subnet }]) => ({ name, environment, subnet }))
    },
    async removeNetwork(name) {
      const found = host.networks.get(name)
      if (found && found.gatewayId !== gatewayId) throw notOurs(`Network ${name}`)
      host.networks.delete(name)
    },

    async create(spec) {
      if (spec.writableDirectory !== undefined) checkPath(spec.writableDirectory)
      if (host.findImage(spec.image) === null) throw failed(`No such image: ${spec.image}`)
      const leftOver = host.byName(spec.name)
      if (leftOver) discard(own(leftOver.id))
      const id = host.newId()
      host.containers.set(id, new FakeContainer(id, gatewayId, spec, made => host.happened(made)))
      return id
    },
    async start(id) {
      const container = existing(id)
      if (container.running) return
      const does = program(container.spec)
      const network = host.networks.get(container.spec.network)
      const words = does.cannotStart ?? (network ? undefined : `network ${container.spec.network} not found`)
      if (words !== undefined || !network) {
        throw new Problem('container-not-started', {
          headline: 'The container could not be started',
          saw: words ?? '',
          hint: 'Check the command in the Procfile.',
        })
      }
      container.run(does, host.freeAddress(network.subnet))
    },
    async keepRunning(id) {
      existing(id).kept = true
    },
    async nextExit(id, signal) {
      return existing(id).nextExit(signal)
    },
    async attach(id, talk, signal) {
      return existing(id).attach(talk, signal)
    },
    async resize(id, size) {
      own(id)?.resize(size)
    },
    async inspect(id) {
      return (
        mine()
          .find(container => container.id === id)
          ?.view() ?? null
      )
    },
    async condition(id) {
      const container = own(id)
      return container === null ? null : { ...container.condition, kept: container.kept }
    },
    async listening(id) {
      const container = own(id)
      return container?.running ? container.listens : null
    },
    async usage(id) {
      const container = own(id)
      return container?.running ? container.usage : null
    },
    async readFile(id, path, maxBytes) {
      checkPath(path)
      const file = own(id)?.files.get(path) ?? null
      if (file !== null && file.length > maxBytes) throw new TooLarge(path, file.length, maxBytes)
      return file
    },
    async stop(id, graceSeconds) {
      const container = own(id)
      if (container === null) return
      container.stoppedWith = graceSeconds
      container.stop()
    },
    async remove(id) {
      discard(own(id))
    },
    async list({ environment, app }) {
      return mine()
        .map(container => container.view())
        .filter(({ labels }) => environment === undefined || labels.environment === environment)
        .filter(({ labels }) => app === undefined || labels.app === app)
    },
    async watch(seen, signal) {
      const ended = host.watch(({ gatewayId: owner, spec }) => {
        if (owner === gatewayId) seen(spec.labels)
      }, signal)
      seen(null)
      await ended
    },
    async logs(id, { follow, lines, since = EPOCH }, line, signal) {
      const container = own(id)
      if (container === null) return
      let next = lines === 'all' ? 0 : Math.max(0, container.output.length - lines)
      for (;;) {
        for (; next < container.output.length; next += 1) {
          const at = container.printedAt[next] ?? EPOCH
          if (at >= since) await line(container.output[next] ?? '', at)
        }
        if (!follow || !container.running || container.removed) return
        await container.change(signal)
      }
    },
  }

  /** Around every call: it is noted, its hook runs, and it ends with the signal's reason when aborted. */
  function guarded<Call extends keyof Engine>(call: Call): Engine[Call] {
    const guard = (...args: Parameters<Engine[Call]>) => {
      const signal = args.at(-1) as AbortSignal
      const result = run(call, args, signal)
      result.catch(() => {})
      return result
    }
    return guard as unknown as Engine[Call]
  }

  async function run<Call extends keyof Engine>(
    call: Call,
    args: Parameters<Engine[Call]>,
    signal: AbortSignal,
  ) {
    signal.throwIfAborted()
    const [subject] = args
    calls.push(typeof subject === 'string' ? `${call} ${subject}` : call)
    for (const hook of hooks.get(call) ?? []) await (hook as Hook<Call>)(...args)
    signal.throwIfAborted()
    try {
      return await (engine[call] as (...args: unknown[]) => Promise<unknown>)(...args)
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }

  const names = Object.keys(engine) as (keyof Engine)[]
  return {
    ...(Object.fromEntries(names.map(name => [name, guarded(name)])) as unknown as Engine),
    host,
    calls,
    pulls,
    builds,
    pushes,
    get containers() {
      return mine()
    },
    on(call, hook) {
      const known = hooks.get(call) ?? new Set()
      hooks.set(call, known.add(hook as Hook<never>))
      return () => known.delete(hook as Hook<never>)
    },
  }
}

/** Another for every image, and the same for the same one. */
function digestOf(image: Image): string {
  return `sha256:${createHash('sha256').update(image.id).digest('hex')}`
}

function checkPath(path: string): void {
  if (!/^(?:\/[^/\0]+)+$/.test(path) || /\/\.{1,2}(?:\/|$)/.test(path))
    throw new TypeError(`${JSON.stringify(path)} is not a path in a container`)
}

function notSent(credential: string, image: string): Problem {
  return new Problem('registry-host-mismatch', {
    headline: `The credential is for ${credential}, but the image is on ${image}: it was not sent`,
    hint: 'Use a credential for the host of the image.',
  })
}

function notOurs(what: string): Problem {
  return failed(`${what} was not made by this gateway, which leaves it alone`)
}

function failed(saw: string): Problem {
  return new Problem('engine-failed', {
    headline: 'The Docker engine refused a request',
    saw,
    hint: 'Ask the operator of the gateway.',
  })
}
