import test from 'ava'
import { allRefused } from '../../../src/deploy/all-refused.ts'
import { Problem } from '../../../src/domain/problem.ts'

const refusal = (username: string, source: string, fields: Partial<Problem> = {}) => ({
  auth: { username, source },
  problem: new Problem(fields.code ?? 'registry-login-failed', {
    headline: `quay.io refuses ${username}`,
    hint: `Set the password of ${username}.`,
    ...(fields.saw !== undefined && { saw: fields.saw }),
    ...(fields.phase !== undefined && { phase: fields.phase }),
  }),
})

test('a single refusal is the Problem itself', t => {
  const one = refusal('ann', 'APTIBLE_PRIVATE_REGISTRY_*')
  t.is(allRefused([one]), one.problem)
})

test('of several the first gives the words, and all are listed with their answers', t => {
  const problem = allRefused([
    refusal('ann', 'APTIBLE_PRIVATE_REGISTRY_*', { saw: '401 Unauthorized.\nAsked as ann.', phase: 'image' }),
    refusal('robot\u001b[2J', 'dockercfg.encrypted', { code: 'registry-denied', saw: '403 Forbidden.' }),
    refusal('bob', 'the environment my-env'),
  ])
  t.like(problem, {
    code: 'registry-login-failed',
    headline: 'quay.io refuses ann',
    saw: [
      'ann, from APTIBLE_PRIVATE_REGISTRY_*: 401 Unauthorized. Asked as ann.',
      'robot\\u{1b}[2J, from dockercfg.encrypted: 403 Forbidden.',
      'bob, from the environment my-env: quay.io refuses bob',
    ].join('\n'),
    hint: 'Set the password of ann.',
    phase: 'image',
  })
})

test('where nothing was refused there is nothing to tell', t => {
  t.throws(() => allRefused([]), { instanceOf: TypeError })
})
