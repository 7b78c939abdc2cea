import test from 'ava'
import type { Container, ContainerLabels } from '../../../src/domain/container.ts'
import type { Endpoint, Hostname } from '../../../src/domain/endpoint.ts'
import { routeOf } from '../../../src/domain/route.ts'
import type { Service } from '../../../src/domain/service.ts'

const endpoint: Endpoint = {
  id: 1,
  appId: 1,
  hostname: 'shop.test' as Hostname,
  service: 'web',
  port: null,
  path: null,
  tls: 'off',
  slot: 3,
  createdAt: '2026-01-31T09:00:00.000Z',
}
const live = {
  number: 4,
  processes: [
    { name: 'web', command: 'serve' },
    { name: 'worker', command: 'work' },
  ],
}

function container(
  index: number,
  labels: Partial<ContainerLabels> = {},
  rest: Partial<Container> = {},
): Container {
  return {
    id: String(index),
    name: `web.${index}`,
    labels: {
      environment: 'e',
      app: 'a',
      release: 4,
      process: 'web',
      index,
      port: 8080,
      oneOff: false,
      ...labels,
    },
    state: 'running',
    status: 'Up',
    address: `10.0.0.${index}`,
    ...rest,
  }
}

const scaled = (count: number, startedBy: number[] = []) =>
  new Map<string, Service>([
    ['web', { process: 'web', count, memory: null, cpus: null, startedBy, rollout: null }],
  ])
const servers = (
  containers: Container[],
  services = scaled(1),
  to = endpoint,
  release: typeof live | null = live,
) => routeOf(to, containers, release, services).servers.map(({ address, port }) => `${address}:${port}`)

test('a route leads to the containers of the service that the record names, in order', t => {
  t.deepEqual(routeOf(endpoint, [container(2), container(1)], live, scaled(2)), {
    hostname: 'shop.test' as Hostname,
    slot: 3,
    servers: [
      { address: '10.0.0.1', port: 8080 },
      { address: '10.0.0.2', port: 8080 },
    ],
    secure: false,
  })
})

test('containers of another release, process, operation or index, and one-offs, are in no route', t => {
  const others = [
    container(1, { release: 3 }),
    container(1, { release: 5 }),
    container(1, { process: 'worker' }),
    container(1, { oneOff: true }),
    container(1, { startedBy: 9 }),
    container(2),
  ]
  t.deepEqual(servers(others), [])
  t.deepEqual(
    servers([container(1), container(1, { startedBy: 9 }, { address: '10.0.0.9' })], scaled(1, [9])),
    ['10.0.0.9:8080'],
  )
})

test('what does not run, or has no address or port, is left out', t => {
  for (const state of ['created', 'restarting', 'paused', 'exited', 'dead'] as const)
    t.deepEqual(servers([container(1, {}, { state })]), [], state)
  t.deepEqual(servers([container(1, {}, { address: null })]), [])
  const { port: _, ...unknown } = container(1).labels
  t.deepEqual(servers([container(1, {}, { labels: unknown })]), [])
  t.deepEqual(servers([container(1, {}, { labels: unknown })], scaled(1), { ...endpoint, port: 90 }), [
    '10.0.0.1:90',
  ])
})

test("the endpoint's port goes before the container's own", t => {
  t.deepEqual(servers([container(1)], scaled(1), { ...endpoint, port: 3000 }), ['10.0.0.1:3000'])
})

test('before the first release and at a count of 0 there is a route to nothing', t => {
  t.deepEqual(servers([container(1)], scaled(1), endpoint, null), [])
  t.deepEqual(servers([container(1)], scaled(0)), [])
})

test('with any certificate requests over HTTP are sent on', t => {
  for (const tls of ['internal', 'acme', 'file'] as const)
    t.true(routeOf({ ...endpoint, tls }, [], live, scaled(1)).secure)
})
