// What the real engine tells of a container that works, and of one that ends over and over: numbers that are not 0.
import test from 'ava'
import type { ContainerSpec } from '../../src/domain/container.ts'
import { dockerGround } from '../support/docker-ground.ts'
import { until } from '../support/until.ts'

const { signal } = new AbortController()
const HELD = 8_000_000

test('processor time, memory and restarts are those of the container', async t => {
  const ground = await dockerGround()
  t.teardown(() => ground.clear())
  const engine = ground.engine()
  const network = `fairlead-${ground.gatewayId}.looking`
  await engine.ensureNetwork(network, 'looking', [ground.subnet(0)], signal)
  const started = async (process: string, script: string) => {
    const spec: ContainerSpec = {
      name: `fairlead-${ground.gatewayId}.${process}`,
      image: ground.image,
      entrypoint: [],
      command: ['/bin/sh', '-c', script],
      env: new Map(),
      labels: { environment: 'looking', app: 'app', release: 1, process, index: 1, oneOff: false },
      network,
      grace: 1,
      limits: { memory: 64 * 1024 * 1024, cpus: 0.5, pids: 32 },
    }
    const id = await engine.create(spec, signal)
    await engine.start(id, signal)
    return id
  }

  const busy = await started('busy', `x=$(head -c ${HELD} /dev/zero | tr '\\0' a); while :; do :; done`)
  await until('its memory and its work are seen', async () => {
    const usage = await engine.usage(busy, signal)
    return usage !== null && usage.memory > HELD && usage.cpus > 0
  })
  const failing = await started('failing', 'sleep 1; exit 3')
  await engine.keepRunning(failing, signal)
  await until(
    'it was started again',
    async () => ((await engine.condition(failing, signal))?.restarts ?? 0) > 0,
  )
  t.is((await engine.condition(busy, signal))?.restarts, 0)
})
