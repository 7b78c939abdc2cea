// A candidate as the engine is told about it: name, labels, command, environment.
import type { App } from '../domain/app.ts'
import { containerCommand } from '../domain/command.ts'
import { type Config, containerConfig } from '../domain/config.ts'
import type { ContainerSpec } from '../domain/container.ts'
import type { Endpoint } from '../domain/endpoint.ts'
import type { Image } from '../domain/engine.ts'
import type { Process, Release } from '../domain/release.ts'
import { Secret } from '../domain/secret.ts'
import { type Service, serviceOf, sizeOf } from '../domain/service.ts'
import type { Stack } from '../domain/stack.ts'
import { containerName, networkName } from './names.ts'

/** What a process is told to listen on when nothing says where. */
const DEFAULT_PORT = 5000
const MEBIBYTE = 1024 * 1024

export interface Surroundings {
  readonly gatewayId: string
  readonly app: App
  readonly stack: Stack
  readonly image: Image
  readonly config: Config
  readonly release: Release
  /** The app's, oldest first. */
  readonly endpoints: readonly Endpoint[]
}

/** @param service what it is a container of; left out for what is no part of a service */
export function containerSpec(
  surroundings: Surroundings,
  process: Process,
  index: number,
  oneOff = false,
  service: Service = serviceOf(new Map(), process.name),
): ContainerSpec {
  const { gatewayId, app, stack, image, release } = surroundings
  const { environment, app: handle } = app.name
  const startedBy = service.startedBy[index - 1] ?? 0
  const port = oneOff ? {} : { port: servedPort(surroundings, process) }
  return {
    name: containerName(gatewayId, app.name, release.number, process.name, index, startedBy),
    labels: {
      environment,
      app: handle,
      release: release.number,
      process: process.name,
      index,
      ...(startedBy > 0 && { startedBy }),
      ...port,
      oneOff,
    },
    image: release.image.tag,
    ...containerCommand(process, image),
    env: containerEnvironment(surroundings, process, index, service),
    network: networkName(gatewayId, environment),
    limits: sizeOf(service, stack.limits),
    grace: stack.grace,
  }
}

/** The image's own ENV lies below this, on the engine: later wins. */
function containerEnvironment(
  surroundings: Surroundings,
  process: Process,
  index: number,
  service: Service,
): Map<string, Secret> {
  const { app, stack, config, release } = surroundings
  const port = portOf(surroundings, process)
  const { memory, cpus } = sizeOf(service, stack.limits)
  const metadata = {
    APTIBLE_PROCESS_TYPE: process.name,
    APTIBLE_PROCESS_INDEX: String(index),
    APTIBLE_PROCESS_CONTAINER_COUNT: String(service.count),
    APTIBLE_CONTAINER_SIZE: String(Math.round(memory / MEBIBYTE)),
    APTIBLE_CONTAINER_CPU_SHARE: String(cpus),
    FAIRLEAD_APP: `${app.name.environment}/${app.name.app}`,
    FAIRLEAD_RELEASE: `v${release.number}`,
    FAIRLEAD_COMMIT: release.commit,
  }
  return new Map([
    ...(port === null ? [] : ([['PORT', new Secret(String(port))]] as const)),
    ...containerConfig(config),
    ...Object.entries(metadata).map(([name, value]) => [name, new Secret(value)] as const),
  ])
}

/**
 * The PORT that a process is told, as `web` and every process with an endpoint is, null for others: the config's, else
 * what an endpoint of its names, else the image's, else the lowest EXPOSEd one, else 5000.
 */
export function portOf(
  { image, config, endpoints }: Pick<Surroundings, 'image' | 'config' | 'endpoints'>,
  { name }: Process,
): number | null {
  const own = endpoints.filter(({ service }) => service === name)
  if (name !== 'web' && own.length === 0) return null
  const asked = own.find(({ port }) => port !== null)?.port ?? null
  return (
    portIn(config.get('PORT')?.reveal()) ??
    asked ??
    portIn(image.env.get('PORT')) ??
    image.exposedPorts[0] ??
    DEFAULT_PORT
  )
}

/** Where requests go whose endpoint names no port: the lowest EXPOSEd one, else the PORT that it is told. */
export function servedPort(surroundings: Surroundings, process: Process): number {
  const { image, config } = surroundings
  return (
    image.exposedPorts[0] ??
    portOf(surroundings, process) ??
    // Not told by us, it finds these in its environment all the same.
    portIn(config.get('PORT')?.reveal()) ??
    portIn(image.env.get('PORT')) ??
    DEFAULT_PORT
  )
}

function portIn(text: string | undefined): number | null {
  const port = Number(text)
  return text !== undefined && Number.isInteger(port) && port > 0 && port < 65_536 ? port : null
}
