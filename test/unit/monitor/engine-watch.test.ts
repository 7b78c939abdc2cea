import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { engineWatch } from '../../../src/monitor/engine-watch.ts'
import { fakeEngine, hang } from '../../support/fake-engine.ts'

async function withOne(engine = fakeEngine()) {
  const here = new AbortController().signal
  engine.host.addImage('app')
  await engine.create(
    {
      name: 'one',
      labels: { environment: 'env', app: 'app', release: 1, process: 'web', index: 1, oneOff: false },
      image: 'app',
      env: new Map(),
      network: 'net',
      limits: { memory: 1, cpus: 1, pids: 1 },
      grace: 1,
    },
    here,
  )
  return engine
}

test('an engine that is away keeps what was last seen of it, and says what troubles it', async t => {
  const engine = await withOne()
  const look = engineWatch(() => new Map([['local', engine]]), { fresh: 0 })
  t.like((await look())[0], { stack: 'local', trouble: null, containers: { length: 1 } })
  engine.on('list', () => {
    throw new Problem('engine-unreachable', { headline: 'It does not answer', hint: 'Wait.' })
  })
  t.like((await look())[0], { trouble: 'It does not answer', containers: { length: 1 } })
})

test('an engine that hangs is not waited for, and hides no other', async t => {
  // The deadline of a signal does not keep a process alive by itself.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const [slow, quick] = [fakeEngine(), await withOne()]
  slow.on('list', (_, signal) => hang(signal))
  const engines = new Map([
    ['slow', slow],
    ['quick', quick],
  ])
  const [first, second] = await engineWatch(() => engines, { patience: 1000 })()
  t.is(first?.trouble, 'The Docker engine of stack slow did not answer within 1 s')
  t.like(second, { trouble: null, containers: { length: 1 } })
})

test('however many ask, an engine is asked once while what was seen is fresh', async t => {
  const engine = await withOne()
  const look = engineWatch(() => new Map([['local', engine]]), { fresh: 60_000 })
  await Promise.all([look(), look(), look()])
  await look()
  t.is(engine.calls.filter(call => call === 'list').length, 1)
})
