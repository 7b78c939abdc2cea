// The end of an app that its engine is too slow for.
import test from 'ava'
import { destroyApp } from '../../../src/deploy/destroy.ts'
import { OperationFailed } from '../../../src/deploy/operation-failed.ts'
import { deployGround } from '../../support/deploy-ground.ts'

test('an engine that is too slow is told as that, with what may be left; asking again goes on', async t => {
  const made = await deployGround(t)
  t.true(
    (await made.push(await made.commit({ Procfile: 'web: serve\n', Dockerfile: 'FROM scratch\n' }))).accepted,
  )
  await made.background.idle()
  const destroy = async () => {
    let said = ''
    const say = (text: string) => {
      said += text
    }
    const request = {
      kind: 'destroy',
      subject: '',
      actor: made.actor('ann'),
      say,
      signal: new AbortController().signal,
    } as const
    const outcome = made.operations.run(made.app, request, run => destroyApp(made.ground, made.app, run))
    return { outcome, said: () => said }
  }
  const slow = made.engine.on('stop', () => {
    throw new DOMException('over', 'TimeoutError')
  })
  const first = await destroy()
  await t.throwsAsync(first.outcome, { instanceOf: OperationFailed })
  t.is(
    first.said(),
    [
      '-----> Stopping 1 containers',
      ' !     my-env/my-app could not be ended in time (engine-failed)',
      '       What we saw:   The Docker engine of stack local has not done all that it was asked for.',
      '       What runs now: Perhaps a part of it. Run `fairlead apps:destroy` again: it goes on where this ended.',
      '       What to do:    Ask again. If it stays so, `fairlead ps` shows what is still there, and the operator can look at the engine.',
      '',
    ].join('\n'),
  )
  t.deepEqual(made.present(), ['v1 web.1 running'])
  slow()
  await (await destroy()).outcome
  t.deepEqual(made.present(), [])
  t.is(made.ground.store.apps.byId(made.app.id), null)
})
