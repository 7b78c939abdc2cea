// What a generator prints may hold passwords that are not hidden yet: nobody reads it while it runs.
import test from 'ava'
import type { ContainerSpec } from '../../../src/domain/container.ts'
import { registryBench } from './registry-bench.ts'

const FILES = { Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }
const here = new AbortController().signal

test('logs shows nothing of a generator, and a deploy beside it leaves it alone', async t => {
  const { run, member, push, commit, engine, app, tags, ground, present } = await registryBench(t, {
    program: ({ labels }) => ({ prints: [labels.process === 'web' ? 'serving' : 'hunter2'] }),
  })
  t.true((await push(await commit(FILES))).accepted)
  const spec: ContainerSpec = {
    name: `fairlead-${ground.store.gatewayId}.my-env.my-app.v0.registry-generator.7`,
    labels: {
      environment: 'my-env',
      app: 'my-app',
      release: 0,
      process: 'registry-generator',
      index: 7,
      oneOff: true,
    },
    image: `fairlead-${ground.store.gatewayId}/my-env/my-app:${tags()[0]}`,
    env: new Map(),
    network: `fairlead-${ground.store.gatewayId}.my-env`,
    limits: ground.stack(app.stack).stack.limits,
    grace: 1,
  }
  await engine.start(await engine.create(spec, here), here)

  const ann = member('ann', 'observe')
  t.deepEqual(await run(ann, ['logs', '--app', 'my-env/my-app']), {
    status: 0,
    out: 'web.1 | serving\n',
    err: '',
  })
  const named = await run(ann, ['logs', '--app', 'my-env/my-app', '--process', 'registry-generator'])
  t.true(named.err.includes('No container is called "registry-generator" (not-found)'), named.err)

  t.true((await push(await commit({ ...FILES, more: '' }))).accepted)
  t.true(present().includes('v0 registry-generator.7 running'), present().join())
})
