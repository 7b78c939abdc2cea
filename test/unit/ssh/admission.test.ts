import test from 'ava'
import { addressGroup, createAdmission, type Ticket } from '../../../src/ssh/admission.ts'
import { DEFAULT_LIMITS } from '../../../src/ssh/limits.ts'

test('every limit is named when it is reached, and a place is free again when one leaves', t => {
  const limits = {
    ...DEFAULT_LIMITS,
    connections: 4,
    connectionsPerAddress: 3,
    pending: 3,
    pendingPerAddress: 2,
  }
  const door = createAdmission(limits)
  const admit = (address: string): Ticket => {
    const ticket = door.admit(address)
    if (typeof ticket === 'string') throw new Error(ticket)
    return ticket
  }
  const first = admit('10.0.0.1')
  const second = admit('10.0.0.1')
  t.is(door.admit('10.0.0.1'), 'pendingPerAddress')
  const other = admit('10.0.0.2')
  t.is(door.admit('10.0.0.3'), 'pending')
  first.loggedIn()
  second.loggedIn()
  admit('10.0.0.1').loggedIn()
  t.is(door.admit('10.0.0.9'), 'connections')
  other.leave()
  other.leave()
  t.is(door.admit('10.0.0.1'), 'connectionsPerAddress')
  first.leave()
  admit('10.0.0.1')
  admit('10.0.0.4')
  t.is(door.admit('10.0.0.5'), 'connections')
})

test('an IPv6 network counts as one address, and a mapped IPv4 address as itself', t => {
  t.is(addressGroup('2001:db8:1:2:aaaa::1'), addressGroup('2001:db8:1:2::9'))
  t.not(addressGroup('2001:db8:1:2::1'), addressGroup('2001:db8:1:3::1'))
  t.is(addressGroup('2001:db8::1'), '2001:db8:0:0::/64')
  t.is(addressGroup('::1'), '0:0:0:0::/64')
  t.is(addressGroup('fe80::1%eth0'), 'fe80:0:0:0::/64')
  t.is(addressGroup('::ffff:10.1.2.3'), '10.1.2.3')
  t.not(addressGroup('10.1.2.3'), addressGroup('10.1.2.4'))
})
