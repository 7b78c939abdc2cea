// The Docker driver before the real engine at /var/run/docker.sock.
import test from 'ava'
import { credential } from '../support/build-fixtures.ts'
import { type DockerGround, dockerGround, shellProgram } from '../support/docker-ground.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { conformance } from './conformance.ts'

let ground: DockerGround | undefined
let registry: TestRegistry | undefined

test.after.always(async () => {
  await registry?.stop()
  await ground?.clear()
})

conformance('docker', async () => {
  const docker = await dockerGround()
  ground = docker
  registry = await startRegistry()
  return {
    ...docker,
    tag: async name => {
      const [repo = '', tag = ''] = name.split(/:(?=[^:]*$)/)
      await docker.docker.getImage(docker.image).tag({ repo, tag })
    },
    command: shellProgram,
    unstartable: { image: docker.unstartable },
    unhealthy: { image: docker.unhealthy },
    subnets: [docker.subnet(0, 26), docker.subnet(4), docker.subnet(5)],
    overlappingFirst: docker.subnet(0, 29),
    registry: credential(registry.host, registry.username, registry.password),
  }
})
