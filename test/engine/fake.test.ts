// The fake has to behave like the real engine, or the tests that stand on it prove nothing.
import test from 'ava'
import { credential } from '../support/build-fixtures.ts'
import { fakeEngine, hang } from '../support/fake-engine.ts'
import { FakeHost, type Program } from '../support/fake-host.ts'
import { conformance } from './conformance.ts'

conformance('fake', async () => {
  const host = new FakeHost()
  host.addImage('busybox:latest', {
    entrypoint: ['/bin/entry'],
    command: ['web'],
    env: new Map([['COLOR', 'green']]),
    exposedPorts: [90, 8080],
  })
  const program = (spec: { command?: readonly string[] }): Program => JSON.parse(spec.command?.[0] ?? '{}')
  return {
    engine: gatewayId => fakeEngine({ gatewayId, host, program }),
    gatewayId: 'one',
    otherGatewayId: 'two',
    image: 'busybox:latest',
    tag: async name => {
      host.names.set(name, host.findImage('busybox:latest')?.id ?? '')
    },
    command: program => [JSON.stringify(program)],
    unstartable: {},
    unhealthy: {
      command: [JSON.stringify({ unhealthy: [{ exitCode: 3, output: 'not well\nat all\n' }] })],
    },
    subnets: ['10.1.0.0/26', '10.1.0.64/28', '10.1.0.80/28'],
    overlappingFirst: '10.1.0.0/29',
    registry: credential('registry.internal:5000', 'robot', 'sesame'),
  }
})

test('a hook can make any call throw, and is taken away again', async t => {
  const engine = fakeEngine()
  const { signal } = new AbortController()
  const off = engine.on('list', () => {
    throw new Error('no power')
  })
  await t.throwsAsync(engine.list({}, signal), { message: 'no power' })
  off()
  t.deepEqual(await engine.list({}, signal), [])
  t.deepEqual(engine.calls, ['list', 'list'])
})

test('a call that hangs ends with the reason of the abort', async t => {
  const engine = fakeEngine()
  const abort = new AbortController()
  engine.on('facts', signal => {
    abort.abort(new Error('enough'))
    return hang(signal)
  })
  await t.throwsAsync(engine.facts(abort.signal), { message: 'enough' })
})
