import test from 'ava'
import { withUndo } from '../../../src/deploy/undo.ts'

test('undos run last first when the work fails, and not at all when it succeeds', async t => {
  const order: string[] = []
  const work = (fails: boolean) =>
    withUndo(
      async undo => {
        for (const name of ['a', 'b', 'c']) undo(name, async () => void order.push(name))
        if (fails) throw new Error('no')
        return 'yes'
      },
      () => t.fail('no undo failed'),
    )
  t.is(await work(false), 'yes')
  t.deepEqual(order, [])
  await t.throwsAsync(work(true), { message: 'no' })
  t.deepEqual(order, ['c', 'b', 'a'])
})

test('an undo that fails is reported, stops no other, and hides no error', async t => {
  const order: string[] = []
  const reported: string[] = []
  const failing = withUndo(
    async undo => {
      undo('a', async () => void order.push('a'))
      undo('rejects', async () => {
        throw new Error('first')
      })
      undo('throws', () => {
        throw new Error('second')
      })
      undo('d', async () => void order.push('d'))
      throw new Error('the reason')
    },
    (what, error) => void reported.push(`${what}: ${(error as Error).message}`),
  )
  await t.throwsAsync(failing, { message: 'the reason' })
  t.deepEqual(order, ['d', 'a'])
  t.deepEqual(reported, ['throws: second', 'rejects: first'])
})
