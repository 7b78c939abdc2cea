// What tests of the Docker driver stand on: the real engine, images of busybox, ids and subnets of their own, and
// the removal of all that carries those ids.
import { randomBytes, randomInt } from 'node:crypto'
import Docker from 'dockerode'
import type { Engine } from '../../src/domain/engine.ts'
import type { EngineAddress, Stack } from '../../src/domain/stack.ts'
import { dockerEngine } from '../../src/engines/docker/engine.ts'
import { ENGINE_SOCKET } from './engine-proxy.ts'
import type { Program } from './fake-host.ts'
import { importBusybox } from './images.ts'

export interface DockerGround {
  readonly docker: Docker
  readonly gatewayId: string
  readonly otherGatewayId: string
  /** ENTRYPOINT ["/bin/entry"], CMD ["web"], ENV COLOR=green, EXPOSE 8080 and 90. */
  readonly image: string
  /** As `image`, with a USER who does not exist. */
  readonly unstartable: string
  /** Its HEALTHCHECK prints `not well` and `at all`, and exits with 3. */
  readonly unhealthy: string
  /** The nth /28 of a range that is taken at random. */
  subnet(n: number, size?: number): string
  engine(gatewayId?: string, address?: EngineAddress): Engine
  /** Removes containers, networks and images. */
  clear(): Promise<void>
}

export function stackAt(engine: EngineAddress): Stack {
  return {
    name: 'local',
    version: 2,
    engine,
    limits: { memory: 64 * 1024 * 1024, cpus: 0.5, pids: 32 },
    network: { pool: '10.64.0.0/10', size: 28 },
    build: { builder: 'auto', timeout: 60, floor: 2 ** 30, cache: null },
    settle: 1,
    healthy: 10,
    drain: 5,
    grace: 1,
  }
}

export async function dockerGround(): Promise<DockerGround> {
  const docker = new Docker({ socketPath: ENGINE_SOCKET })
  const gatewayId = randomBytes(4).toString('hex')
  const otherGatewayId = `${gatewayId}-other`
  const range = `10.${randomInt(64, 128)}.${randomInt(0, 256)}`
  const image = `fairlead-test-${gatewayId}:base`
  const unstartable = `fairlead-test-${gatewayId}:unstartable`
  const unhealthy = `fairlead-test-${gatewayId}:unhealthy`
  await importBusybox(docker, image, {
    entrypoint: ['/bin/entry'],
    cmd: ['web'],
    env: { COLOR: 'green' },
    expose: [8080, 90],
  })
  await importBusybox(docker, unstartable, { user: 'nosuch' })
  await importBusybox(docker, unhealthy, {
    healthcheck: `--interval=1s --retries=1 CMD ["/bin/sh", "-c", "echo not well; echo at all; exit 3"]`,
  })

  async function clear() {
    for (const id of [gatewayId, otherGatewayId]) {
      const filters = { label: [`fairlead.gateway=${id}`] }
      for (const { Id } of await docker.listContainers({ all: true, filters })) {
        await docker.getContainer(Id).remove({ force: true, v: true })
      }
      for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove()
    }
    const images = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? [])
    const made = images.filter(tag => tag.startsWith(`fairlead-${gatewayId}/`))
    for (const tag of [image, unstartable, unhealthy, ...made])
      await docker.getImage(tag).remove({ force: true })
  }

  return {
    docker,
    gatewayId,
    otherGatewayId,
    image,
    unstartable,
    unhealthy,
    subnet: (n, size = 28) => `${range}.${n * 16}/${size}`,
    engine: (id = gatewayId, address = { kind: 'unix', path: ENGINE_SOCKET }) =>
      dockerEngine({ stack: stackAt(address), gatewayId: id }),
    clear,
  }
}

/** The words of a command that behaves so in a busybox image whose ENTRYPOINT is cleared. */
export function shellProgram(program: Program): string[] {
  const { prints = [], complains = [], writes = {}, links = {} } = program
  const making = [
    ...Object.entries(writes).map(([path, content]) => `printf %s ${quoted(content)} > ${quoted(path)}`),
    ...Object.entries(links).map(([path, target]) => `ln -s ${quoted(target)} ${quoted(path)}`),
  ].map(command => `${command} || exit 99; `)
  const complaining = complains.map(line => `echo ${quoted(line)} >&2; `).join('')
  const script = `${stopping(program)}${making.join('')}[ $# = 0 ] || printf '%s\\n' "$@"; ${complaining}${ending(program)}`
  return ['/bin/sh', '-c', script, 'sh', ...prints]
}

function stopping({ stops }: Program): string {
  if (stops === undefined) return ''
  return `trap ${stops === 'never' ? "''" : `'usleep 500000; exit ${stops}'`} TERM; `
}

function ending({ exits, copies, stops, untilSize }: Program): string {
  if (stops !== undefined) return 'while :; do sleep 3600 & wait; done'
  if (copies) return 'exec cat'
  if (untilSize !== undefined) return `until [ "$(stty size)" = ${quoted(untilSize)} ]; do usleep 10000; done`
  return exits === undefined ? 'exec sleep 3600' : `exit ${exits}`
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
