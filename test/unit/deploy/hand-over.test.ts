// What comes after the commit point: the router follows, requests end, and only then is anything stopped.
import test, { type ExecutionContext } from 'ava'
import { createBackground } from '../../../src/deploy/background.ts'
import { recoverWhenPossible } from '../../../src/deploy/recover.ts'
import type { Hostname } from '../../../src/domain/endpoint.ts'
import { Problem } from '../../../src/domain/problem.ts'
import type { DeployGroundOptions } from '../../support/deploy-ground.ts'
import { FILES, here, reshapeBench } from '../../support/reshape-bench.ts'
import { until } from '../../support/until.ts'

const away = () => new Problem('router-unreachable', { headline: 'The router is away', hint: 'Wait.' })

/** With v1 live behind a.test. */
async function bench(t: ExecutionContext, options?: DeployGroundOptions) {
  const made = await reshapeBench(t, options)
  const hostname = 'a.test' as Hostname
  const endpoint = { hostname, service: 'web', port: null, path: null, tls: 'off' } as const
  made.ground.store.endpoints.create(made.app.id, endpoint)
  // Nothing listens there: the settle time decides.
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  await made.background.idle()
  const web = () =>
    made.engine.containers
      .filter(({ spec, running }) => running && spec.labels.process === 'web')
      .map(({ address }) => address ?? '')
  return { ...made, web, commit: () => made.commit({ ...FILES, changed: '' }) }
}

test('the router leads to the new containers before "is live" is told, and to none that is stopped', async t => {
  const made = await bench(t)
  const [old] = made.web()
  const before = made.router.calls.length
  let told: readonly string[] = []
  made.engine.on('stop', async id => {
    const { address } = made.engine.containers.find(each => each.id === id) ?? {}
    t.false((await made.router.shown()).join().includes(`${address}:`))
  })
  const push = await made.push(await made.commit(), {
    heard: text => {
      if (text.includes('is live')) told = made.router.calls.slice(before)
    },
  })
  t.true(push.accepted, push.said)
  t.is(told.at(-1), 'update a.test')
  await made.background.idle()
  t.false(made.web().includes(old ?? ''))
  t.deepEqual(await made.router.shown(), [`a.test ${made.web()[0]}:5000`])
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
})

for (const doing of ['deploy', 'restart'] as const) {
  test(`a ${doing} fails while the router cannot be told, and nothing has changed`, async t => {
    const made = await bench(t)
    made.replace('start-first') // Before anything is stopped the router is asked in any case.
    const before = made.ids()
    for (const call of ['answers', 'replace', 'update'] as const) {
      made.router.on(call, () => {
        throw away()
      })
    }
    if (doing === 'deploy') {
      const push = await made.push(await made.commit())
      t.is(push.operation?.problem, 'router-unreachable')
      t.true(push.said.includes('What runs now: Release v1'), push.said)
    } else {
      await t.throwsAsync(made.restart())
      t.regex(made.said(), /The router is away \(router-unreachable\)/)
    }
    await made.background.idle()
    t.deepEqual(made.ids(), before)
    t.true(made.engine.containers.every(({ running }) => running))
  })

  test(`a router that goes away at the commit point of a ${doing} is told later, and what ran answers until then`, async t => {
    const made = await bench(t)
    const [old] = made.web()
    let isAway = true
    for (const call of ['replace', 'update'] as const) {
      made.router.on(call, () => {
        if (isAway) throw away()
      })
    }
    const stopped: string[] = []
    made.engine.on('stop', id => {
      const { spec, address } = made.engine.containers.find(each => each.id === id) ?? {}
      if (isAway && spec?.labels.process === 'web') stopped.push(address ?? '')
    })
    const retried = made.logged.length
    let said = ''
    if (doing === 'deploy') {
      const push = await made.push(await made.commit())
      t.true(push.accepted)
      said = push.said
      t.regex(said, /-----> v2 is live\n/)
    } else {
      await made.restart()
      said = made.said()
    }
    const line =
      ' !     The router is away. That is tried again until it works; what ran before answers until then.\n'
    t.true(said.includes(line), said)
    await until('it was tried again', async () =>
      made.logged.slice(retried).some(({ msg }) => `${msg}`.includes('is tried again')),
    )
    t.deepEqual(stopped, [])
    t.deepEqual(await made.router.shown(), [`a.test ${old}:5000`])
    isAway = false
    await made.background.idle()
    t.deepEqual(await made.router.shown(), [`a.test ${made.web().join()}:5000`])
    t.false(made.web().includes(old ?? ''))
    t.is(made.present().length, 2)
  })
}

test('what served is stopped when its requests have ended, or were cut after the stack’s time; a worker does not wait', async t => {
  const made = await bench(t, { stack: { drain: 3600 } })
  made.replace('start-first') // The worker too is there until the new one serves.
  const request = made.router.open('a.test')
  t.true((await made.push(await made.commit())).accepted)
  await until('the old worker is gone', async () => !made.present().includes('v1 worker.1 running'))
  t.true(made.present().includes('v1 web.1 running'))
  request.end()
  await made.background.idle()
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
  t.false(made.router.calls.some(call => call.startsWith('cut')))

  Object.assign(made.ground.stack('local').stack, { drain: 0 })
  const [next = ''] = made.web()
  const long = made.router.open('a.test')
  t.is(long.address, next)
  await made.restart('web')
  await long.ended
  await made.background.idle()
  t.false(made.web().includes(next))
})

test('draining ends with the gateway, and the next start takes it up again, behind the app’s operations', async t => {
  const made = await bench(t, { stack: { drain: 3600 } })
  const request = made.router.open('a.test')
  t.true((await made.push(await made.commit())).accepted)
  await made.background.stop(60_000)
  t.false(made.logged.some(({ msg }) => `${msg}`.startsWith('background work is left')))
  t.true(made.present().includes('v1 web.1 running'))

  const background = createBackground(made.ground.log, () => 5)
  t.teardown(() => background.stop(10_000))
  const risen = { ...made.ground, background: background.run, insist: background.insist }
  await recoverWhenPossible(risen, made.operations, here(), { retry: 1, late: 100 })
  t.true(made.present().includes('v1 web.1 running'))
  request.end()
  await background.idle()
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
})
