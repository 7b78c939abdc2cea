import test from 'ava'
import { withUndo } from '../../../src/deploy/undo.ts'
import { Problem } from '../../../src/domain/problem.ts'

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

test('what an undo that fails leaves is told once, and is then undone in the same order with all that came after', async t => {
  const order: string[] = []
  let away = true
  const needs = (name: string) => async () => {
    if (away) throw new Error(`${name} is away`)
    order.push(name)
  }
  const told: { what: string; error: unknown; undo: () => Promise<void> }[] = []
  const failing = withUndo(
    async undo => {
      undo('image', async () => void order.push('image'))
      undo('network', needs('network'))
      undo('container', needs('container'))
      undo('name', async () => void order.push('name'))
      throw new Error('the reason')
    },
    (what, error, undo) => void told.push({ what, error, undo }),
  )
  await t.throwsAsync(failing, { message: 'the reason' })
  t.deepEqual(order, ['name', 'image'])
  t.deepEqual(
    told.map(({ what, error }) => `${what}: ${(error as Error).message}`),
    ['container, network, image: container is away'],
  )
  away = false
  order.length = 0
  await told[0]?.undo()
  t.deepEqual(order, ['container', 'network', 'image'])
})

for (const [what, failure] of [
  ['does not answer', new Problem('engine-unreachable', { headline: 'away', hint: 'wait' })],
  ['hangs', new DOMException('over', 'TimeoutError')],
] as const) {
  test(`an engine that ${what} is asked once, and for the rest later`, async t => {
    const order: string[] = []
    let away = true
    const needs = (name: string) => async () => {
      order.push(name)
      if (away) throw failure
    }
    const told: (() => Promise<void>)[] = []
    const failing = withUndo(
      async undo => {
        for (const name of ['network', 'image', 'container']) undo(name, needs(name))
        throw new Error('the reason')
      },
      (_, __, undo) => void told.push(undo),
    )
    await t.throwsAsync(failing, { message: 'the reason' })
    t.deepEqual(order, ['container'])
    away = false
    await told[0]?.()
    t.deepEqual(order, ['container', 'container', 'image', 'network'])
  })
}
