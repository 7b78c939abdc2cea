// The table of containers, and what becomes of it when an engine is slow to tell.
import test, { type ExecutionContext } from 'ava'
import { lookAt } from '../../../src/commands/ps.ts'
import { hang } from '../../support/fake-engine.ts'
import { registryBench, said } from './registry-bench.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const here = new AbortController().signal
const PS = ['ps', '--app', 'my-env/my-app']

async function running(t: ExecutionContext) {
  const bench = await registryBench(t)
  const ann = bench.member('ann', 'observe')
  t.deepEqual(await bench.run(ann, PS), said('Nothing runs yet: `git push` starts the first containers.\n'))
  t.true((await bench.push(await bench.commit(FILES))).accepted)
  const named = (process: string) => {
    const found = bench.engine.containers.find(({ spec }) => spec.labels.process === process)
    if (found === undefined) throw new Error(`there is no ${process}`)
    return found
  }
  return { ...bench, ann, web: named('web'), worker: named('worker') }
}

test('ps shows health, restarts and what each container uses', async t => {
  const { run, ann, web, worker } = await running(t)
  web.condition = { health: 'healthy', healthRuns: [], restarts: 2 }
  web.usage = { cpus: 1.256, memory: 300 * 1024 * 1024 }
  worker.exit(1, 'stopped')
  const { out, status } = await run(ann, PS)
  t.is(status, 0)
  const [head, first, second] = out.split('\n').map(line => line.split(/ {2,}/))
  t.deepEqual(head, [
    ...['PROCESS', 'RELEASE', 'STATE', 'HEALTH', 'RESTARTS', 'CPU', 'MEMORY', 'ADDRESS', 'STATUS'],
    'CONTAINER',
  ])
  const [short, gone] = [web, worker].map(({ id }) => id.slice(0, 12))
  t.deepEqual(first, [
    ...['web.1', 'v1', 'running', 'healthy', '2', '126%', '300 MiB', web.address ?? '', 'Up 1 second'],
    short ?? '',
  ])
  t.deepEqual(second, [
    ...['worker.1', 'v1', 'exited', '-', '0', '-', '-', '-', 'Exited (1) 1 second ago'],
    gone ?? '',
  ])
})

test('ps --json has numbers, and --no-stats asks for no sample', async t => {
  const { run, ann, web, engine } = await running(t)
  const [row] = JSON.parse((await run(ann, [...PS, '--json'])).out)
  t.deepEqual(row, {
    process: 'web.1',
    release: 'v1',
    state: 'running',
    health: null,
    restarts: 0,
    cpu: 0.25,
    memory: 12 * 1024 * 1024,
    address: web.address,
    status: 'Up 1 second',
    container: web.id.slice(0, 12),
  })
  const asked = () => engine.calls.filter(call => call.startsWith('usage')).length
  const before = asked()
  const quick = await run(ann, [...PS, '--no-stats'])
  t.is(asked(), before)
  t.regex(quick.out, /^PROCESS +RELEASE +STATE +HEALTH +RESTARTS +ADDRESS +STATUS +CONTAINER\n/)
})

test('what is healthy by its status stands in the column of its health alone', async t => {
  const { run, ann, web } = await running(t)
  web.condition = { health: 'healthy', healthRuns: [], restarts: 0 }
  const view = web.view()
  web.view = () => ({ ...view, status: 'Up 2 hours (healthy)' })
  const { out } = await run(ann, [...PS, '--no-stats'])
  t.deepEqual(out.split('\n')[1]?.split(/ {2,}/).slice(3, 7), ['healthy', '0', web.address, 'Up 2 hours'])
})

test('ps says what to do where nothing runs of what is live', async t => {
  const { run, ann, engine, web, worker } = await running(t)
  for (const { id } of [web, worker]) await engine.remove(id, here)
  t.deepEqual(
    await run(ann, PS),
    said('Nothing runs, although v1 is live: `fairlead restart` starts its containers.\n'),
  )
})

test('all containers are asked at once, and one that does not answer in time leaves only its own cells empty', async t => {
  const { engine, app, web, worker } = await running(t)
  const containers = await engine.list(app.name, here)
  // The deadline of a signal does not keep a process alive by itself.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  let asked = 0
  const both = Promise.withResolvers<void>()
  engine.on('usage', async (id, signal) => {
    asked += 1
    if (asked === 2) both.resolve()
    await both.promise
    if (id === worker.id) await hang(signal)
  })
  engine.on('condition', id => {
    if (id === web.id) throw new Error('no such thing')
  })
  const seen = await lookAt(engine, containers, true, here, 2000)
  const by = (id: string) => seen.find(({ container }) => container.id === id)
  t.deepEqual(by(web.id)?.usage, web.usage)
  t.is(by(web.id)?.condition, null)
  t.is(by(worker.id)?.usage, null)
  t.deepEqual(by(worker.id)?.condition, {
    health: null,
    healthRuns: [],
    restarts: 0,
    kept: true,
  })
})

test('who leaves does not wait for an engine', async t => {
  const { engine, app } = await running(t)
  const containers = await engine.list(app.name, here)
  const reason = new Error('left')
  const leave = new AbortController()
  engine.on('usage', (_, signal) => {
    leave.abort(reason)
    return hang(signal)
  })
  t.is(await t.throwsAsync(lookAt(engine, containers, true, leave.signal, 60_000)), reason)
})
