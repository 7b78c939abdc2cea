// What a gateway has on the engine, seen from outside of it.
import { finished } from 'node:stream/promises'
import Docker from 'dockerode'
import type { TestGateway } from './gateway.ts'

const shared = new Docker({ socketPath: '/var/run/docker.sock' })

export interface OnEngine {
  readonly containers: readonly string[]
  readonly networks: readonly string[]
  readonly tags: readonly string[]
}

export function gatewayId(gateway: TestGateway): string {
  const id = /"gateway":"([0-9a-f]{12})"/.exec(gateway.log())?.[1]
  if (id === undefined) throw new Error('the gateway did not say its id')
  return id
}

/** Names, of one app or of all. @param name `env/app` */
export async function onEngine(
  gateway: TestGateway,
  name?: string,
  docker: Docker = shared,
): Promise<OnEngine> {
  const id = gatewayId(gateway)
  const label = [`fairlead.gateway=${id}`]
  const [environment, app] = name?.split('/') ?? []
  const ofApp = name === undefined ? [] : [`fairlead.environment=${environment}`, `fairlead.app=${app}`]
  const [containers, networks, images] = await Promise.all([
    docker.listContainers({ all: true, filters: { label: [...label, ...ofApp] } }),
    docker.listNetworks({ filters: { label } }),
    docker.listImages({ filters: { reference: [`fairlead-${id}/${name ?? '*/*'}`] } }),
  ])
  return {
    containers: containers.map(({ Names }) => Names[0] ?? ''),
    networks: networks.map(({ Name }) => Name),
    tags: images.flatMap(({ RepoTags }) => RepoTags ?? []),
  }
}

/** Of the engine's machine, as its containers see it. */
export async function engineAddress(): Promise<string> {
  const { IPAM } = await shared.getNetwork('bridge').inspect()
  const address = IPAM?.Config?.[0]?.Gateway
  if (address === undefined) throw new Error('the engine has no bridge of its own')
  return address
}

/** Runs a command in every container of the app. */
export async function inContainers(gateway: TestGateway, name: string, command: string[]): Promise<void> {
  for (const container of (await onEngine(gateway, name)).containers) {
    const exec = await shared.getContainer(container.slice(1)).exec({ Cmd: command })
    const output = await exec.start({ hijack: true, stdin: false })
    output.resume()
    await finished(output)
    output.destroy()
  }
}
