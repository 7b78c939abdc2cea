import test from 'ava'
import fc from 'fast-check'
import type { ContainerSpec } from '../../../../src/domain/container.ts'
import { Secret } from '../../../../src/domain/secret.ts'
import { createBody } from '../../../../src/engines/docker/create-body.ts'

const SPEC: ContainerSpec = {
  name: 'fairlead-one.env.app.v1.web.1',
  labels: { environment: 'env', app: 'app', release: 1, process: 'web', index: 1, oneOff: false },
  image: 'busybox',
  env: new Map(),
  network: 'net',
  limits: { memory: 1024, cpus: 1, pids: 8 },
  grace: 1,
}

const word = fc.string()
const anySpec = fc.record(
  {
    image: word,
    entrypoint: fc.array(word),
    command: fc.array(word),
    env: fc
      .dictionary(word, word)
      .map(values => new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]))),
    network: word,
    writableDirectory: word,
    engineSocket: fc.constant(false),
  },
  { requiredKeys: [] },
)

test('nothing of the machine is bound for any container that was not given the socket', t => {
  fc.assert(
    fc.property(anySpec, changes => {
      const { HostConfig, Volumes } = createBody({ ...SPEC, ...changes }, 'one', '/run/docker.sock')
      t.is(Volumes, undefined)
      for (const key of ['Binds', 'Mounts', 'VolumesFrom', 'Devices', 'Tmpfs'] as const)
        t.is(HostConfig?.[key], undefined, key)
      t.is(HostConfig?.Privileged, false)
    }),
  )
})

test('with the socket, it is bound from where the engine has it, and nothing else is', t => {
  const { HostConfig } = createBody({ ...SPEC, engineSocket: true }, 'one', '/run/user/7/docker:x.sock')
  t.deepEqual(HostConfig?.Mounts, [
    { Type: 'bind', Source: '/run/user/7/docker:x.sock', Target: '/var/run/docker.sock' },
  ])
  t.is(HostConfig?.Binds, undefined)
})

test('what somebody talks to has open standard input, a terminal only if it was asked for, and no log', t => {
  const body = (interactive?: ContainerSpec['interactive']) =>
    createBody({ ...SPEC, ...(interactive && { interactive }) }, 'one', '/x.sock')
  t.like(body({ terminal: null }), { OpenStdin: true, StdinOnce: true, Tty: false })
  t.like(body({ terminal: { columns: 101, rows: 33 } }), { OpenStdin: true, Tty: true })
  t.deepEqual(body({ terminal: { columns: 101, rows: 33 } }).HostConfig?.ConsoleSize, [33, 101])
  t.deepEqual(body({ terminal: null }).HostConfig?.LogConfig, { Type: 'none', Config: {} })
  t.like(body(), { OpenStdin: undefined, Tty: false })
  t.is(body().HostConfig?.LogConfig?.Type, 'json-file')
})
