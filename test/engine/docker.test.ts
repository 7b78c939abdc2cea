// The Docker driver before the real engine at /var/run/docker.sock.
import test from 'ava'
import { type DockerGround, dockerGround, shellProgram } from '../support/docker-ground.ts'
import { conformance } from './conformance.ts'

let ground: DockerGround | undefined

test.after.always(() => ground?.clear())

conformance('docker', async () => {
  const docker = await dockerGround()
  ground = docker
  return {
    ...docker,
    tag: async name => {
      const [repo = '', tag = ''] = name.split(/:(?=[^:]*$)/)
      await docker.docker.getImage(docker.image).tag({ repo, tag })
    },
    command: shellProgram,
    unstartable: { image: docker.unstartable },
    subnets: [docker.subnet(0), docker.subnet(1), docker.subnet(2)],
    overlappingFirst: docker.subnet(0, 29),
  }
})
