import test from 'ava'
import { drain } from '../../../src/deploy/drain.ts'

const here = () => new AbortController().signal
/** A router with requests under way to these addresses. */
function routerWith(...addresses: string[]) {
  const busy = new Set(addresses)
  const cuts: string[] = []
  let looks = 0
  return {
    busy,
    cuts,
    looks: () => looks,
    look: () => {},
    async underWay(these: ReadonlySet<string>) {
      looks += 1
      this.look()
      return [...these].filter(address => busy.has(address)).length
    },
    async cut(these: ReadonlySet<string>) {
      cuts.push(...these)
    },
  }
}

const both = new Set(['10.0.0.1', '10.0.0.2'])

test('draining ends when nothing is under way any more, and cuts nothing', async t => {
  const router = routerWith('10.0.0.1')
  router.look = () => {
    if (router.looks() === 3) router.busy.clear()
  }
  await drain(router, async () => both, 60, here())
  t.is(router.looks(), 3)
  t.deepEqual(router.cuts, [])
})

test('what takes too long is cut, except at an address that somebody else has by then', async t => {
  const router = routerWith('10.0.0.1', '10.0.0.2')
  await drain(router, async () => new Set(['10.0.0.2']), 0, here())
  t.deepEqual(router.cuts, ['10.0.0.2'])
})

test('without an address there is nothing to wait for', async t => {
  const router = routerWith('10.0.0.1')
  await drain(router, async () => new Set(), 60, here())
  t.is(router.looks(), 0)
})

test('whoever waits may leave', async t => {
  const router = routerWith('10.0.0.1')
  const leave = new AbortController()
  router.look = () => leave.abort(new Error('left'))
  await t.throwsAsync(
    drain(router, async () => both, 60, leave.signal),
    { message: 'left' },
  )
  t.deepEqual(router.cuts, [])
})
