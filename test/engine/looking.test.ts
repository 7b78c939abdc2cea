// What the real engine tells of a container that works, of one that ends over and over, and of one that prints a lot.
import test, { type ExecutionContext } from 'ava'
import type { ContainerSpec } from '../../src/domain/container.ts'
import { dockerGround } from '../support/docker-ground.ts'
import { importBusybox } from '../support/images.ts'
import { until } from '../support/until.ts'

const { signal } = new AbortController()
const HELD = 8_000_000

async function looking(t: ExecutionContext) {
  const ground = await dockerGround()
  t.teardown(() => ground.clear())
  const engine = ground.engine()
  const network = `fairlead-${ground.gatewayId}.looking`
  await engine.ensureNetwork(network, 'looking', [ground.subnet(0)], signal)
  const created = (process: string, script: string, image = ground.image) => {
    const spec: ContainerSpec = {
      name: `fairlead-${ground.gatewayId}.${process}`,
      image,
      entrypoint: [],
      command: ['/bin/sh', '-c', script],
      env: new Map(),
      labels: { environment: 'looking', app: 'app', release: 1, process, index: 1, oneOff: false },
      network,
      grace: 1,
      limits: { memory: 64 * 1024 * 1024, cpus: 0.5, pids: 32 },
    }
    return engine.create(spec, signal)
  }
  const started = async (...words: Parameters<typeof created>) => {
    const id = await created(...words)
    await engine.start(id, signal)
    return id
  }
  return { ground, engine, created, started }
}

test('processor time, memory and restarts are those of the container', async t => {
  const { engine, created, started } = await looking(t)
  const busy = await started('busy', `x=$(head -c ${HELD} /dev/zero | tr '\\0' a); while :; do :; done`)
  await until('its memory and its work are seen', async () => {
    const usage = await engine.usage(busy, signal)
    return usage !== null && usage.memory > HELD && usage.cpus > 0
  })
  const failing = await created('failing', 'sleep 1; exit 3')
  // Before it can have ended: the engine brings back nothing that ended unkept.
  await engine.keepRunning(failing, signal)
  await engine.start(failing, signal)
  await until(
    'it was started again',
    async () => ((await engine.condition(failing, signal))?.restarts ?? 0) > 0,
  )
  t.is((await engine.condition(busy, signal))?.restarts, 0)
})

test('of what a HEALTHCHECK prints at length, the line that the engine cuts is not told', async t => {
  const { ground, engine, started } = await looking(t)
  const image = `fairlead-${ground.gatewayId}/looking:talkative`
  const print =
    'for n in $(seq 100 199); do echo the password of line $n is correct horse battery staple; done; exit 3'
  await importBusybox(ground.docker, image, {
    healthcheck: `--interval=1s --retries=1 CMD ["/bin/sh", "-c", "${print}"]`,
  })
  const id = await started('talkative', 'sleep 600', image)
  const run = await until('a run is over', async () => (await engine.condition(id, signal))?.healthRuns[0])
  const lines = run.output.split('\n')
  t.is(lines.pop(), '...')
  t.true(lines.length > 50 && lines.length < 100)
  t.deepEqual(
    lines,
    lines.map((_, n) => `the password of line ${100 + n} is correct horse battery staple`),
  )
})
