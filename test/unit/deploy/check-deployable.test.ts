import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { deployGround } from '../../support/deploy-ground.ts'
import { until } from '../../support/until.ts'

const SCAN = { branch: 'aptible-scan' }

test('a scan that finds nothing wrong leaves no tag behind', async t => {
  const made = await deployGround(t)
  t.true((await made.push(await made.commit({ Dockerfile: 'FROM scratch\n' }), SCAN)).accepted)
  t.deepEqual([made.present(), made.tags()], [[], []])
})

for (const [what, command, problem] of [
  ['does not take the place of what the scan found', [], 'no-command'],
  ['does not fail a scan that found nothing wrong', ['serve'], null],
] as const) {
  test(`a tag that cannot be removed at once ${what}, and is removed later`, async t => {
    const made = await deployGround(t, { image: () => ({ command }) })
    let tries = 0
    const recover = made.engine.on('removeTag', () => {
      tries += 1
      throw new Problem('engine-unreachable', { headline: 'The engine does not answer', hint: 'Try again.' })
    })
    const push = await made.push(await made.commit({ Dockerfile: 'FROM scratch\n' }), SCAN)
    t.is(push.operation?.problem ?? null, problem, push.said)
    t.is(push.accepted, problem === null)
    t.true(tries > 0)
    t.deepEqual(made.tags(), ['op1'])
    recover()
    await until('the tag is gone', async () => made.tags().length === 0)
  })
}
