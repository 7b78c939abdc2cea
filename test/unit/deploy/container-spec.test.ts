import test from 'ava'
import { containerSpec, portOf, type Surroundings, servedPort } from '../../../src/deploy/container-spec.ts'
import type { Endpoint } from '../../../src/domain/endpoint.ts'
import type { Image } from '../../../src/domain/engine.ts'
import { Secret } from '../../../src/domain/secret.ts'

const to = (service: string, port: number | null = null) => ({ service, port }) as Endpoint

/** PORT in the config and the image, EXPOSEd ports, endpoints. */
function around(
  { config, env, expose = [] }: { config?: string; env?: string; expose?: number[] },
  ...endpoints: Endpoint[]
): Surroundings {
  const image: Image = {
    id: 'sha256:1',
    platform: { os: 'linux', architecture: 'amd64' },
    entrypoint: [],
    command: ['serve'],
    env: new Map(env === undefined ? [] : [['PORT', env]]),
    exposedPorts: expose,
  }
  return {
    gatewayId: 'g',
    app: {
      id: 1,
      name: { environment: 'env', app: 'app' },
      environmentId: 1,
      stack: 'local',
      liveRelease: null,
    },
    stack: { limits: { memory: 2 ** 26, cpus: 1, pids: 64 }, grace: 1 },
    image,
    config: new Map(config === undefined ? [] : [['PORT', new Secret(config)]]),
    release: { number: 1, commit: 'c0ffee', image: { tag: 't' } },
    endpoints,
  } as unknown as Surroundings
}

const web = { name: 'web', command: 'serve' }
const worker = { name: 'worker', command: 'work' }

for (const [title, surroundings, told, served] of [
  ['nothing says where', around({}), 5000, 5000],
  ['the image EXPOSEs ports', around({ expose: [80, 8080] }), 80, 80],
  ['the image has a PORT', around({ env: '3000' }), 3000, 3000],
  ['the image has both', around({ env: '3000', expose: [80] }), 3000, 80],
  ['an endpoint names one', around({ env: '3000', expose: [80] }, to('web'), to('web', 90)), 90, 80],
  ['an endpoint of another process names one', around({}, to('worker', 90)), 5000, 5000],
  ['the config has a PORT', around({ config: '4000', env: '3000' }, to('web', 90)), 4000, 4000],
  ['the config has a PORT that is none', around({ config: 'tcp://', env: '3000' }), 3000, 3000],
] as const) {
  test(`where ${title}, web is told ${told}, and requests go to ${served} by default`, t => {
    t.is(portOf(surroundings, web), told)
    t.is(servedPort(surroundings, web), served)
    const spec = containerSpec(surroundings, web, 1)
    t.is(spec.labels.port, served)
    if (!surroundings.config.has('PORT')) t.is(spec.env.get('PORT')?.reveal(), String(told))
  })
}

test('another process is told a PORT only if it has an endpoint, and says one in any case', t => {
  t.is(portOf(around({ expose: [80] }), worker), null)
  t.false(containerSpec(around({ expose: [80] }), worker, 1).env.has('PORT'))
  t.is(containerSpec(around({ expose: [80] }), worker, 1).labels.port, 80)
  t.is(containerSpec(around({ env: '3000' }), worker, 1).labels.port, 3000)
  t.is(
    containerSpec(around({}, to('worker', 90)), worker, 1)
      .env.get('PORT')
      ?.reveal(),
    '90',
  )
})

test('what runs once serves nobody', t => {
  t.false('port' in containerSpec(around({}), web, 1, true).labels)
})
