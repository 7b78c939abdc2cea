// The containers of one gateway on an engine: made, started, watched, stopped and removed. What does not carry
// the gateway's label is never shown and never touched.
import type Docker from 'dockerode'
import type { Container, ContainerSpec, ContainerState } from '../../domain/container.ts'
import type { Engine } from '../../domain/engine.ts'
import { Problem } from '../../domain/problem.ts'
import { readNdjson } from '../ndjson.ts'
import type { Connection } from './connect.ts'
import { createBody } from './create-body.ts'
import { labelFilter, readLabels, shortName } from './labels.ts'
import { makeDirectory } from './make-directory.ts'
import { absolutePath, objectName } from './names.ts'
import { notStarted } from './not-started.ts'
import { ownContainer } from './own.ts'
import { openStream } from './stream.ts'
import { accept, engineFailed, statusOf } from './translate.ts'

type Containers = Pick<
  Engine,
  'create' | 'start' | 'keepRunning' | 'nextExit' | 'inspect' | 'stop' | 'remove' | 'list'
>

/** Milliseconds to remove a container that could not be made ready. */
const UNDO_TIME = 10_000

export function containers(connection: Connection, gatewayId: string): Containers {
  const { call, stack } = connection
  const owner = { gatewayId, stack: stack.name }
  const engineSocket = stack.engine.kind === 'unix' ? stack.engine.path : '/var/run/docker.sock'
  /** By container id: settled when the engine watches for the exit that somebody asked about. */
  const watches = new Map<string, Promise<unknown>>()

  async function discard(docker: Docker, id: string, signal: AbortSignal): Promise<void> {
    if ((await ownContainer(docker, id, owner, signal)) === null) return
    // 409: somebody else is removing it at this moment.
    await docker
      .getContainer(id)
      .remove({ force: true, v: true, abortSignal: signal })
      .catch(accept(404, 409))
  }

  async function createOnce(docker: Docker, spec: ContainerSpec, signal: AbortSignal): Promise<string> {
    if (spec.writableDirectory !== undefined) absolutePath(spec.writableDirectory)
    // Split in query and body: otherwise the library puts the body, config and all, into the URL too.
    const options = {
      _query: { name: objectName(spec.name) },
      _body: createBody(spec, gatewayId, engineSocket),
      abortSignal: signal,
    }
    const { id } = await docker.createContainer(options as Docker.ContainerCreateOptions)
    if (spec.writableDirectory === undefined) return id
    try {
      await makeDirectory(docker, id, spec.writableDirectory, signal)
      return id
    } catch (error) {
      // The reason to give up may be that the signal is aborted.
      await discard(docker, id, AbortSignal.timeout(UNDO_TIME)).catch(() => {})
      throw error
    }
  }

  async function query(docker: Docker, filters: Record<string, string[]>, signal: AbortSignal) {
    const found = await docker.listContainers({ all: true, filters, abortSignal: signal })
    return found.flatMap(info => readContainer(info) ?? [])
  }

  return {
    create(spec, signal) {
      return call(
        `create container ${spec.name}`,
        async docker => {
          try {
            return await createOnce(docker, spec, signal)
          } catch (error) {
            if (statusOf(error) !== 409) throw error
            // The name is taken: by what an interrupted deploy left, or by what another made.
            await discard(docker, spec.name, signal)
            return createOnce(docker, spec, signal)
          }
        },
        signal,
      )
    },

    async start(id, signal) {
      await watches.get(id)
      const doing = `start container ${id.slice(0, 12)}`
      await call(
        doing,
        async docker => {
          const found = await ownContainer(docker, id, owner, signal)
          if (found === null) throw engineFailed(doing, 'It is gone', stack.name)
          await docker
            .getContainer(id)
            .start({ abortSignal: signal })
            .catch(accept(304))
            .catch(error => {
              throw notStarted(error, shortName(found.Config.Labels), stack.name) ?? error
            })
        },
        signal,
      )
    },

    keepRunning(id, signal) {
      const doing = `keep container ${id.slice(0, 12)} running`
      return call(
        doing,
        async docker => {
          if ((await ownContainer(docker, id, owner, signal)) === null) {
            throw engineFailed(doing, 'It is gone', stack.name)
          }
          // Not `unless-stopped`: an engine that was killed stops what it finds running when it comes back, takes that
          // for a stop by hand, and leaves it.
          const body = { RestartPolicy: { Name: 'always' } }
          await docker.getContainer(id).update({ _query: {}, _body: body, abortSignal: signal })
        },
        signal,
      )
    },

    // Not an async function: callers may abandon the promise, when the start fails that they asked it for.
    nextExit(id, signal) {
      const request = {
        method: 'POST',
        path: `/containers/${objectName(id)}/wait`,
        query: { condition: 'next-exit' },
      } as const
      const doing = `watch container ${id.slice(0, 12)}`
      // The engine sends its headers once it watches.
      const watching = call(doing, docker => openStream(docker, request, signal), signal)
      const watched = watching.catch(() => {})
      watches.set(id, watched)
      watched.then(() => watches.get(id) === watched && watches.delete(id))
      const exit = watching.then(answer => readExit(answer, doing, stack.name, signal))
      exit.catch(() => {})
      return exit
    },

    inspect(id, signal) {
      const filters = { id: [objectName(id)], label: labelFilter(gatewayId, {}) }
      return call(
        `look at container ${id.slice(0, 12)}`,
        // The engine's filter takes the beginning of an id too.
        async docker => (await query(docker, filters, signal)).find(container => container.id === id) ?? null,
        signal,
      )
    },

    stop(id, graceSeconds, signal) {
      return call(
        `stop container ${id.slice(0, 12)}`,
        async docker => {
          if ((await ownContainer(docker, id, owner, signal)) === null) return
          await docker
            .getContainer(id)
            .stop({ t: Math.ceil(graceSeconds), abortSignal: signal })
            .catch(accept(304, 404))
        },
        signal,
      )
    },

    remove(id, signal) {
      return call(`remove container ${id.slice(0, 12)}`, docker => discard(docker, id, signal), signal)
    },

    list(filter, signal) {
      const filters = { label: labelFilter(gatewayId, filter) }
      return call('list containers', docker => query(docker, filters, signal), signal)
    },
  }
}

async function readExit(
  answer: Parameters<typeof readNdjson>[0],
  doing: string,
  stack: string,
  signal: AbortSignal,
): Promise<number> {
  for await (const line of readNdjson(answer, signal)) {
    const { StatusCode, Error: failure } = line as {
      StatusCode?: unknown
      Error?: { Message?: string } | null
    }
    if (failure?.Message) throw engineFailed(doing, failure.Message, stack)
    if (typeof StatusCode === 'number') return StatusCode
  }
  throw new Problem('engine-unreachable', {
    headline: `The Docker engine of stack ${stack} broke off while a container was watched`,
    saw: 'The answer ended without an exit code',
    hint: 'The engine may have been restarted. Try again in a minute.',
  })
}

const STATES: readonly string[] = ['created', 'running', 'restarting', 'paused', 'exited', 'dead']

function readContainer(info: Docker.ContainerInfo): Container | null {
  const labels = readLabels(info.Labels)
  if (labels === null) return null
  const address = info.NetworkSettings.Networks[info.HostConfig.NetworkMode]?.IPAddress
  return {
    id: info.Id,
    name: (info.Names[0] ?? '').slice(1),
    labels,
    // The engine also says `removing`: as good as dead.
    state: STATES.includes(info.State) ? (info.State as ContainerState) : 'dead',
    status: info.Status,
    address: address || null,
  }
}
