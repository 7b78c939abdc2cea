// Which lines `logs` prints, of which containers, in which order.
import test, { type ExecutionContext } from 'ava'
import { instantOf } from '../../../src/domain/instant.ts'
import { Problem } from '../../../src/domain/problem.ts'
import { registryBench, said } from './registry-bench.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const LOGS = ['logs', '--app', 'my-env/my-app']

async function printing(t: ExecutionContext) {
  const bench = await registryBench(t)
  t.true((await bench.push(await bench.commit(FILES))).accepted)
  const named = (process: string) => {
    const found = bench.engine.containers.find(({ spec }) => spec.labels.process === process)
    if (found === undefined) throw new Error(`there is no ${process}`)
    return found
  }
  const [web, worker] = [named('web'), named('worker')]
  web.print('a')
  worker.print('b')
  web.print('c')
  worker.print('d')
  return { ...bench, ann: bench.member('ann', 'observe'), web, worker }
}

test('the lines of all containers come in the order of their times, each with its prefix', async t => {
  const { run, ann } = await printing(t)
  t.deepEqual(await run(ann, LOGS), said('web.1    | a\nworker.1 | b\nweb.1    | c\nworker.1 | d\n'))
  t.deepEqual(await run(ann, [...LOGS, '-n', '1']), said('web.1    | c\nworker.1 | d\n'))
  t.deepEqual(await run(ann, [...LOGS, '--lines', '0']), said(''))
})

test('--service and --process choose, and may not differ', async t => {
  const { run, ann } = await printing(t)
  for (const words of [
    ['--service', 'worker'],
    ['--process', 'worker.1'],
    ['--service', 'worker', '--process', 'worker'],
  ])
    t.deepEqual(await run(ann, [...LOGS, ...words]), said('worker.1 | b\nworker.1 | d\n'))
  const both = await run(ann, [...LOGS, '--service', 'web', '--process', 'worker'])
  t.true(both.err.includes('--service and --process are two names of one option.'), both.err)
  const none = await run(ann, [...LOGS, '--service', 'clock'])
  t.true(none.err.includes('No container is called "clock" (not-found)'), none.err)
  t.true(none.err.includes('There are: web.1, worker.1'), none.err)
})

test('what somebody runs, and what a generator prints, is shown to nobody else', async t => {
  const { run, ann, web, engine } = await printing(t)
  const here = new AbortController().signal
  const beside = async (process: string, release = 1) => {
    const labels = { ...web.spec.labels, process, release, oneOff: true }
    const id = await engine.create({ ...web.spec, name: `beside.${process}`, labels }, here)
    engine.host.containers.get(id)?.print('hunter2')
  }
  await beside('run')
  await beside('registry-generator', 0)
  t.deepEqual(await run(ann, LOGS), said('web.1    | a\nworker.1 | b\nweb.1    | c\nworker.1 | d\n'))
  await beside('before-release')
  t.true((await run(ann, LOGS)).out.includes('hunter2'))
})

test('--follow with --lines 0 loses nothing that comes while the engine is away', async t => {
  const { run, ann, web, engine } = await printing(t)
  let cuts = 0
  engine.on('logs', id => {
    if (id !== web.id) return
    cuts += 1
    if (cuts === 1) {
      web.print('e')
      throw new Problem('engine-unreachable', { headline: 'Away', hint: 'Wait.' })
    }
    ann.lose()
  })
  const heard = await run(ann, [...LOGS, '--follow', '--lines', '0', '--service', 'web'])
  t.is(heard.out, 'web.1 | e\n')
})

test('--since takes a time, or a duration by the engine’s clock', async t => {
  const { run, ann, web, worker, engine } = await printing(t)
  const second = web.printedAt.at(-1) ?? ''
  t.deepEqual(await run(ann, [...LOGS, '--since', second]), said('web.1    | c\nworker.1 | d\n'))
  t.deepEqual(
    await run(ann, [...LOGS, '--since', '10m']),
    said('web.1    | a\nworker.1 | b\nweb.1    | c\nworker.1 | d\n'),
  )
  // An engine whose clock is an hour ahead: its containers printed nothing in the last ten minutes.
  const later = instantOf(new Date(Date.now() + 3_600_000))
  Object.assign(engine, { now: async () => later })
  t.deepEqual(await run(ann, [...LOGS, '--since', '10m']), said(''))
  web.printedAt.fill(later)
  worker.output.length = 0
  t.deepEqual(await run(ann, [...LOGS, '--since', '10m']), said('web.1    | a\nweb.1    | c\n'))
})

test('--since without --lines leaves out the usual limit', async t => {
  const { run, ann, web } = await printing(t)
  web.print(...Array.from({ length: 150 }, (_, i) => `line ${i}`))
  const count = async (...words: string[]) =>
    (await run(ann, [...LOGS, '--service', 'web', ...words])).out.split('\n').length - 1
  t.is(await count(), 100)
  t.is(await count('--since', '1h'), 152)
  t.is(await count('--since', '1h', '-n', '7'), 7)
})

test('what is no time and no number of lines is refused', async t => {
  const { run, ann } = await printing(t)
  for (const [words, saw] of [
    [['--since', 'yesterday'], '--since is a duration such as 10m, or a time such as 2026-01-31T09:00:00Z.'],
    [['--since', '2026-02-30T00:00:00Z'], '--since is a duration such as 10m'],
    [['--lines=-1'], '--lines is a number from 0 to 10000.'],
    [['--lines=1e9'], '--lines is a number from 0 to 10000.'],
  ] as const) {
    const heard = await run(ann, [...LOGS, ...words])
    t.true(heard.err.includes(saw), heard.err)
    t.is(heard.status, 1)
  }
})

test('--follow with --service stays with it', async t => {
  const { run, ann, web, worker, engine } = await printing(t)
  engine.on('logs', (id, { follow }) => {
    if (!follow) return
    if (id !== worker.id) t.fail('another service is read')
    web.print('e')
    worker.print('f')
    ann.lose()
  })
  const heard = await run(ann, [...LOGS, '--follow', '--service', 'worker'])
  t.is(heard.out, 'worker.1 | b\nworker.1 | d\nworker.1 | f\n')
})

test('an open --follow shows what was, then what comes, and ends with the right to it', async t => {
  const { run, ann, web, engine } = await printing(t)
  engine.on('logs', (id, { follow }) => {
    if (!follow || id !== web.id) return
    web.print('e')
    ann.lose()
  })
  const heard = await run(ann, [...LOGS, '--follow', '-n', '1'])
  t.is(heard.status, 1)
  t.true(
    heard.err.includes('App my-env/my-app was not found, or you may not see it (app-not-found)'),
    heard.err,
  )
  t.is(heard.out, 'web.1    | c\nworker.1 | d\nweb.1    | e\n')
})
