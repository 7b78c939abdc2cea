// Who may do what: the whole table, spelt out, so that a change of it is seen.
import test from 'ava'
import { parseHandle } from '../../../src/domain/app.ts'
import { ACTIONS, type Action, type Actor, authorise, may, type Role } from '../../../src/domain/member.ts'
import { caughtProblem } from '../../support/caught-problem.ts'

const HERE = 1
const ELSEWHERE = 2

function actor(role: Role | null, operator = false): Actor {
  return {
    member: { id: 1, name: parseHandle('ann', 'member'), operator },
    key: 'SHA256:k',
    address: '192.0.2.1',
    roles: new Map(role === null ? [] : [[HERE, role]]),
    secretPaths: [],
  }
}

const ACTORS = {
  stranger: actor(null),
  observe: actor('observe'),
  deploy: actor('deploy'),
  admin: actor('admin'),
  operator: actor(null, true),
}

/** By action: the actors who may, in the environment where they have their role. */
const TABLE: Record<Action, (keyof typeof ACTORS)[]> = {
  'app:see': ['observe', 'deploy', 'admin', 'operator'],
  'app:fetch': ['observe', 'deploy', 'admin', 'operator'],
  'app:logs': ['observe', 'deploy', 'admin', 'operator'],
  'app:deploy': ['deploy', 'admin', 'operator'],
  'operation:cancel': ['deploy', 'admin', 'operator'],
  'app:run': ['deploy', 'admin', 'operator'],
  'config:read': ['deploy', 'admin', 'operator'],
  'config:write': ['deploy', 'admin', 'operator'],
  'registry:read': ['deploy', 'admin', 'operator'],
  'registry:write': ['deploy', 'admin', 'operator'],
  'endpoint:manage': ['admin', 'operator'],
  'app:create': ['admin', 'operator'],
  'app:destroy': ['admin', 'operator'],
  'environment:see': ['observe', 'deploy', 'admin', 'operator'],
  'environment:members': ['admin', 'operator'],
  'environment:registry': ['admin', 'operator'],
  'activity:see': ['admin', 'operator'],
  'environment:create': ['operator'],
  'environment:destroy': ['operator'],
  'members:manage': ['operator'],
  'stacks:see': ['operator'],
  'stacks:manage': ['operator'],
  'gateway:mend': ['operator'],
  'stack:registry': ['operator'],
  'secret:use': ['operator'],
  'secrets:grant': ['operator'],
  'generator:add-docker': ['operator'],
  'self:manage': ['stranger', 'observe', 'deploy', 'admin', 'operator'],
}

for (const action of Object.keys(ACTIONS) as Action[]) {
  test(`${action} is for ${TABLE[action].join(', ')}, and for nobody by a role elsewhere`, t => {
    for (const [name, who] of Object.entries(ACTORS)) {
      t.is(may(who, action, HERE), TABLE[action].includes(name as keyof typeof ACTORS), name)
      const anywhere = who.member.operator || ACTIONS[action] === 'anyone'
      t.is(may(who, action, ELSEWHERE), anywhere, `${name} elsewhere`)
      t.is(may(who, action, null), anywhere, `${name} outside any environment`)
    }
  })
}

test('what one may not see is answered word for word like what does not exist', async t => {
  for (const kind of ['app', 'environment'] as const) {
    const hidden = { kind, label: 'my-env/x', environmentId: ELSEWHERE, exists: true }
    const missing = { kind, label: 'my-env/x', environmentId: null, exists: false }
    const action = kind === 'app' ? 'app:deploy' : 'environment:members'
    const answer = await caughtProblem(() => authorise(ACTORS.admin, action, hidden))
    t.deepEqual(answer, await caughtProblem(() => authorise(ACTORS.admin, action, missing)))
    t.is(answer.code, `${kind}-not-found`)
  }
})

test('who sees an app but lacks the role is told which role it needs', async t => {
  const target = { kind: 'app', label: 'my-env/x', environmentId: HERE, exists: true } as const
  const answer = await caughtProblem(() => authorise(ACTORS.observe, 'app:deploy', target))
  t.is(answer.code, 'forbidden')
  t.is(answer.headline, 'You may not do this in my-env/x: it needs the role deploy')
  t.regex(answer.hint, /--role deploy/)
  t.notThrows(() => authorise(ACTORS.deploy, 'app:deploy', target))
})

test('an app that is missing in an environment one sees is not found, not forbidden', async t => {
  const target = { kind: 'app', label: 'my-env/x', environmentId: HERE, exists: false } as const
  t.is((await caughtProblem(() => authorise(ACTORS.observe, 'app:deploy', target))).code, 'app-not-found')
})

test('what is for operators alone says so', async t => {
  const answer = await caughtProblem(() => authorise(ACTORS.admin, 'stacks:manage', { kind: 'gateway' }))
  t.is(answer.headline, 'You may not do this on this gateway: it needs an operator of the gateway')
})

const granted = (...secretPaths: string[]): Actor => ({ ...ACTORS.admin, secretPaths })
const secret = (path: string, exists = true) => ({ kind: 'secret', path, exists }) as const

test('a right on a path is one on all below it by whole segments, and no role stands in for it', t => {
  const ann = granted('mesos-docker', 'team/a')
  for (const path of ['mesos-docker', 'mesos-docker/pullConfig', 'team/a/b'])
    t.notThrows(() => authorise(ann, 'secret:use', secret(path)), path)
  for (const path of ['mesos-docker2/x', 'mesos', 'team', 'team/b', 'team/ab', 'x/mesos-docker']) {
    t.throws(() => authorise(ann, 'secret:use', secret(path)), { message: /was not found/ }, path)
    t.throws(() => authorise(granted(), 'secret:use', secret(path)), { message: /was not found/ }, path)
    t.notThrows(() => authorise(ACTORS.operator, 'secret:use', secret(path)), path)
  }
})

test('a secret that one may not use is answered word for word like one that is missing', async t => {
  const refused = {
    code: 'secret-not-found',
    headline: 'The secret team/a was not found, or you have no right on its path',
    saw: undefined,
    hint: 'Check the spelling with `fairlead secrets`, or ask an operator of the gateway for `fairlead secrets:grant team/a MEMBER`.',
  }
  for (const [who, target] of [
    [granted(), secret('team/a')],
    [granted(), secret('team/a', false)],
    [granted('team'), secret('team/a', false)],
    [ACTORS.operator, secret('team/a', false)],
  ] as const) {
    t.deepEqual(await caughtProblem(() => authorise(who, 'secret:use', target)), refused)
  }
})

test('a right on a path allows nothing but to use its secret', async t => {
  for (const action of ['registry:write', 'secrets:grant', 'self:manage'] as const) {
    const answer = await caughtProblem(() => authorise(granted('team'), action, secret('team/a')))
    t.is(answer.code, 'secret-not-found', action)
  }
})

test('a right on paths is nowhere taken for a role, and what asks for one names it', async t => {
  t.false(may(granted('a'), 'secret:use', HERE))
  t.false(may(granted('a'), 'secrets:grant', null))
  const answer = await caughtProblem(() => authorise(granted('a'), 'secret:use', { kind: 'gateway' }))
  t.is(answer.code, 'forbidden')
  t.is(answer.headline, 'You may not do this on this gateway: it needs a right on the path of a secret')
  t.is(answer.hint, 'Ask an operator of the gateway for `fairlead secrets:grant`.')
})
