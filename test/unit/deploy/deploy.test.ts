// What a deploy leaves behind in the awkward cases that the failure table does not name.
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { deployGround } from '../../support/deploy-ground.ts'
import { fakeEngine } from '../../support/fake-engine.ts'

const FILES = { Procfile: 'web: serve\nworker: work\n', Dockerfile: 'FROM scratch\n' }
const unreachable = () =>
  new Problem('engine-unreachable', { headline: 'The engine does not answer', hint: 'Try again.' })

test('a process that exits before it has settled fails the deploy with its command and last output', async t => {
  const made = await deployGround(t, {
    stack: { settle: 5 },
    program: ({ labels }) =>
      labels.process === 'worker' ? { prints: ['no such file: jobs.yml'], exits: 3 } : {},
  })
  const push = await made.push(await made.commit(FILES))
  t.false(push.accepted)
  t.is(push.operation?.problem, 'container-exited')
  t.true(
    push.said.includes(' !     worker.1 stopped before it had settled: exit code 3 (container-exited)\n'),
    push.said,
  )
  t.true(push.said.includes('Its command: work\n'))
  t.true(push.said.includes('no such file: jobs.yml\n'))
  t.true(push.said.includes('What runs now: Nothing: this app has no release yet.\n'))
  t.deepEqual([made.present(), made.tags()], [[], []])
  t.is(made.ground.store.releases.live(made.app.id), null)
})

test('a container that the engine cannot start fails the deploy with the engine’s words', async t => {
  const made = await deployGround(t, {
    program: ({ labels }) => (labels.process === 'web' ? { cannotStart: 'exec: "serve": not found' } : {}),
  })
  const push = await made.push(await made.commit(FILES))
  t.is(push.operation?.problem, 'container-not-started')
  t.true(push.said.includes('What we saw:   exec: "serve": not found\n'), push.said)
  t.deepEqual([made.present(), made.tags()], [[], []])
})

test('a before_release command that fails stops the deploy before anything is started', async t => {
  const made = await deployGround(t, {
    program: ({ labels }) => (labels.oneOff ? { prints: ['relation exists'], exits: 1 } : {}),
  })
  const push = await made.push(
    await made.commit({ ...FILES, '.aptible.yml': 'before_release: bin/migrate\n' }),
  )
  t.is(push.operation?.problem, 'before-release-failed')
  t.true(push.said.includes('A before_release command failed with exit code 1: bin/migrate'), push.said)
  t.true(push.said.includes('relation exists'))
  t.false(push.said.includes('Starting'))
  t.deepEqual([made.present(), made.tags()], [[], []])
})

test('before_release commands that never end are ended by the deadline of the stack', async t => {
  const made = await deployGround(t, {
    stack: { build: { builder: 'auto', timeout: 0.2, floor: 0, cache: null } },
    program: ({ labels }) => (labels.oneOff ? { prints: ['still here'] } : {}),
  })
  const push = await made.push(
    await made.commit({ ...FILES, '.aptible.yml': 'before_release: sleep infinity\n' }),
  )
  t.is(push.operation?.problem, 'before-release-failed')
  t.true(push.said.includes('took longer than 0.2 s, the most that the stack'), push.said)
  t.deepEqual([made.present(), made.tags()], [[], []])
})

test('on an engine of another machine the settle time decides, not what answers at that address here', async t => {
  const made = await deployGround(t, {
    stack: {
      settle: 0.2,
      engine: { kind: 'tls', host: 'engine.example', port: 2376, ca: '/ca', cert: '/cert', key: '/key' },
    },
  })
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  t.true(push.said.includes('web.1 has been up for 0.2 s\n'), push.said)
})

test('the creation of a container is not broken off when the pusher leaves, and the container is removed', async t => {
  const made = await deployGround(t)
  const leaving = new AbortController()
  made.engine.on('create', (_spec, signal) => {
    leaving.abort()
    t.false(signal.aborted)
  })
  const push = await made.push(await made.commit(FILES), { signal: leaving.signal })
  t.is(push.operation?.state, 'cancelled')
  t.deepEqual([made.present(), made.tags()], [[], []])
})

test('a container that was made although the engine’s answer was lost is removed', async t => {
  const made = await deployGround(t)
  const { host } = made.engine
  const other = fakeEngine({ host, gatewayId: made.ground.store.gatewayId })
  const stop = made.engine.on('create', async (spec, signal) => {
    await other.create(spec, signal)
    throw unreachable()
  })
  const push = await made.push(await made.commit(FILES))
  stop()
  t.is(push.operation?.problem, 'engine-unreachable')
  await made.background.idle()
  t.deepEqual([made.present(), made.tags()], [[], []])
})

test('a candidate that is still being created when another has failed is removed too', async t => {
  const made = await deployGround(t)
  const turns = async () => {
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
  }
  let creations = 0
  made.engine.on('create', async () => {
    creations += 1
    if (creations === 1) throw unreachable()
    await turns()
  })
  made.engine.on('removeTag', async () => {
    await turns() // Its image is there to the end.
    await turns()
  })
  const push = await made.push(await made.commit(FILES))
  t.is(push.operation?.problem, 'engine-unreachable')
  t.is(creations, 2)
  t.deepEqual(made.present(), [])
})

test('what cannot be undone because the engine is away is undone when it is back', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  let away = false
  let struck = false
  const calls = ['start', 'list', 'remove', 'removeTag', 'inspect', 'logs'] as const
  for (const call of calls) {
    made.engine.on(call, () => {
      if (call === 'start' && !struck) away = struck = true
      if (away) throw unreachable()
    })
  }
  const push = await made.push(await made.commit({ ...FILES, changed: '' }))
  t.is(push.operation?.problem, 'engine-unreachable')
  t.is(made.present().length, 4)
  away = false
  await made.background.idle()
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.deepEqual(made.tags(), ['op1'])
})

test('a container of the old release that cannot be retired is a line in the log, and retired later', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit(FILES))).accepted)
  let removals = 0
  made.engine.on('remove', () => {
    removals += 1
    if (removals <= 2) throw unreachable()
  })
  const push = await made.push(await made.commit({ ...FILES, changed: '' }))
  t.true(push.accepted)
  t.is(push.operation?.state, 'succeeded')
  t.is(made.ground.store.releases.live(made.app.id)?.number, 2)
  await made.background.idle()
  t.deepEqual(made.present(), ['v2 web.1 running', 'v2 worker.1 running'])
  t.true(made.logged.some(({ msg }) => msg === 'background work failed, and is tried again'))
})

test('what is replaced start-first is stopped with the grace of the stack, and only when the new release is live', async t => {
  const made = await deployGround(t, { stack: { grace: 7 } })
  for (const process of ['web', 'worker']) {
    made.ground.store.services.setRollout(made.app.id, process, 'start-first')
  }
  t.true((await made.push(await made.commit(FILES))).accepted)
  const [old] = made.engine.containers
  made.engine.on('stop', () => t.is(made.ground.store.releases.live(made.app.id)?.number, 2))
  t.true((await made.push(await made.commit({ ...FILES, changed: '' }))).accepted)
  await made.background.idle()
  t.is(old?.stoppedWith, 7)
})

test('pushing what is live already starts nothing', async t => {
  const made = await deployGround(t)
  const id = await made.commit(FILES)
  t.true((await made.push(id)).accepted)
  const before = made.engine.containers.map(container => container.id)
  const again = await made.push(id, { branch: 'main' })
  t.true(again.accepted)
  t.true(again.said.includes('-----> This commit is live already, as v1: nothing to start\n'))
  t.deepEqual(
    made.engine.containers.map(container => container.id),
    before,
  )
})

test('the registry’s password is shown to nobody, whoever prints it in whatever form', async t => {
  const password = 'p@ss word/+?'
  const login = btoa(`robot:${password}`)
  const made = await deployGround(t, {
    program: ({ labels }) =>
      labels.oneOff ? { prints: [`login ${password} ${btoa(password)}`, `basic ${login}`], exits: 0 } : {},
  })
  made.configure({
    APTIBLE_PRIVATE_REGISTRY_HOST: 'example.com',
    APTIBLE_PRIVATE_REGISTRY_USERNAME: 'robot',
    APTIBLE_PRIVATE_REGISTRY_PASSWORD: password,
    APTIBLE_DOCKER_IMAGE: 'example.com/shop',
  })
  made.engine.on('pull', (_request, transcript) => {
    transcript.progress(`GET /?password=${encodeURIComponent(password)}`)
    transcript.line(`GET /?password=${encodeURIComponent(password)}`)
  })
  made.engine.on('start', id => {
    if (made.present().some(line => line.includes('web')) && id)
      throw new Problem('container-not-started', {
        headline: `It has ${password}`,
        saw: password,
        hint: password,
      })
  })
  const push = await made.push(
    await made.commit({ Procfile: 'web: x\n', '.aptible.yml': 'before_release: print\n' }),
  )
  t.is(push.operation?.problem, 'container-not-started')
  for (const form of [password, btoa(password), login, encodeURIComponent(password)]) {
    t.false(push.said.includes(form), push.said)
    t.false(made.lines(push.operation).join('\n').includes(form))
  }
  t.true(push.said.includes('login [redacted] [redacted]'), push.said)
  t.true(push.said.includes('basic [redacted]'))
  t.true(push.said.includes('GET /?password=[redacted]'))
})

test('once a release is live, a transcript that cannot be kept does not take it back', async t => {
  const made = await deployGround(t)
  const { operations } = made.ground.store
  const full = () => {
    throw new Error('database or disk is full')
  }
  made.engine.on('inspect', () => void Object.assign(operations, { appendLine: full, finish: full }))
  const push = await made.push(await made.commit(FILES))
  t.true(push.accepted, push.said)
  t.true(push.said.includes('-----> v1 is live\n'))
  t.deepEqual(made.present(), ['v1 web.1 running', 'v1 worker.1 running'])
  t.true(made.logged.some(({ msg }) => msg === 'an operation could not be recorded'))
})
