import test from 'ava'
import fc from 'fast-check'
import type { Server } from '../../../src/domain/router.ts'
import {
  planSwitch,
  type Slot,
  type Step,
  sameServers,
  serverKey,
  serving,
} from '../../../src/routing/slots.ts'

const server = (port: number): Server => ({ address: '10.0.0.1', port })
const slot = (name: string, port: number, state: Slot['state'], sessions = 0): Slot => ({
  name,
  server: server(port),
  state,
  sessions,
})

/** What HAProxy makes of a step. */
function after(slots: readonly Slot[], step: Step): readonly Slot[] {
  return slots.map(each => {
    if (each.name !== step.slot) return each
    return 'set' in step ? { ...each, state: step.set } : { ...each, server: step.address }
  })
}

const states = fc.constantFrom('ready' as const, 'drain' as const, 'maint' as const)
const anySlots = fc
  .array(fc.record({ port: fc.integer({ min: 1, max: 8 }), state: states, sessions: fc.nat(2) }), {
    maxLength: 8,
  })
  .map(all => all.map(({ port, state, sessions }, index) => slot(`s${index + 1}`, port, state, sessions)))
const anyWanted = fc
  .uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 5 })
  .map(ports => ports.map(server))

test('a new container is ready before the old one drains', t => {
  const slots = [slot('s1', 80, 'ready'), slot('s2', 1, 'maint')]
  t.deepEqual(planSwitch(slots, [server(81)]), [
    { slot: 's2', address: server(81) },
    { slot: 's2', set: 'ready' },
    { slot: 's1', set: 'drain' },
  ])
})

test('a container that comes back while it drains keeps its slot', t => {
  const slots = [slot('s1', 80, 'drain', 3), slot('s2', 81, 'ready'), slot('s3', 1, 'maint')]
  t.deepEqual(planSwitch(slots, [server(80)]), [
    { slot: 's1', set: 'ready' },
    { slot: 's2', set: 'drain' },
  ])
})

test('a slot that has drained is free, and one that has not is left alone', t => {
  const slots = [slot('s1', 80, 'ready'), slot('s2', 81, 'drain', 1), slot('s3', 82, 'drain', 0)]
  t.deepEqual(planSwitch(slots, [server(80)]), [{ slot: 's3', set: 'maint' }])
  t.deepEqual(planSwitch(slots, [server(83)]), [
    { slot: 's3', set: 'maint' },
    { slot: 's3', address: server(83) },
    { slot: 's3', set: 'ready' },
    { slot: 's1', set: 'drain' },
  ])
})

test('there is no plan when every slot is in use', t => {
  t.is(planSwitch([slot('s1', 80, 'ready'), slot('s2', 81, 'drain', 1)], [server(82)]), null)
})

test('a plan ends with the wanted servers, gives no slot with sessions another address, and told again is empty', t => {
  fc.assert(
    fc.property(anySlots, anyWanted, (slots, wanted) => {
      const plan = planSwitch(slots, wanted)
      if (plan === null) return
      let now: readonly Slot[] = slots
      for (const step of plan) {
        const before = now.find(({ name }) => name === step.slot)
        if ('address' in step) t.true(before?.state === 'maint')
        now = after(now, step)
      }
      t.true(sameServers(serving(now), wanted))
      t.is(serving(now).length, wanted.length)
      const again = planSwitch(now, wanted) ?? []
      t.deepEqual(
        again.filter(step => !('set' in step && step.set === 'maint')),
        [],
      )
    }),
  )
})

test('at every moment of a switch something takes requests', t => {
  fc.assert(
    fc.property(anySlots, anyWanted, (slots, wanted) => {
      const plan = planSwitch(slots, wanted)
      if (plan === null || wanted.length === 0 || serving(slots).length === 0) return
      let now: readonly Slot[] = slots
      for (const step of plan) {
        now = after(now, step)
        t.true(serving(now).length > 0)
      }
    }),
  )
})

test('servers are told apart by address and port', t => {
  t.is(serverKey(server(80)), '10.0.0.1:80')
  t.false(sameServers([server(80)], [server(81)]))
  t.false(sameServers([server(80)], [{ address: '10.0.0.2', port: 80 }]))
})
