// A candidate as the engine is told about it: name, labels, command, environment.
import type { App } from '../domain/app.ts'
import { containerCommand } from '../domain/command.ts'
import { type Config, containerConfig } from '../domain/config.ts'
import type { ContainerSpec, Image } from '../domain/engine.ts'
import type { Process, Release } from '../domain/release.ts'
import { Secret } from '../domain/secret.ts'
import { type Service, serviceOf, sizeOf } from '../domain/service.ts'
import type { Stack } from '../domain/stack.ts'
import { containerName, networkName } from './names.ts'

/** What `web` is told to listen on when neither the config nor the image says. */
const DEFAULT_PORT = 5000
const MEBIBYTE = 1024 * 1024

export interface Surroundings {
  readonly gatewayId: string
  readonly app: App
  readonly stack: Stack
  readonly image: Image
  readonly config: Config
  readonly release: Release
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
  return {
    name: containerName(gatewayId, app.name, release.number, process.name, index, startedBy),
    labels: {
      environment,
      app: handle,
      release: release.number,
      process: process.name,
      index,
      ...(startedBy > 0 && { startedBy }),
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
  { app, stack, image, config, release }: Surroundings,
  process: Process,
  index: number,
  service: Service,
): Map<string, Secret> {
  const port = portOf(process, image, config)
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

/** The port `web` is told about: the config's PORT, the image's, the lowest EXPOSEd one. Other processes get none. */
export function portOf(process: Process, image: Image, config: Config): number | null {
  if (process.name !== 'web') return null
  const told = Number(config.get('PORT')?.reveal() ?? image.env.get('PORT') ?? Number.NaN)
  if (Number.isInteger(told) && told > 0 && told < 65_536) return told
  return image.exposedPorts[0] ?? DEFAULT_PORT
}
