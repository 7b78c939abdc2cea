// Finds members by name, and keeps the last of the operators.
import type { Member } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import type { Gateway } from './command.ts'

/** @throws Problem `not-found` */
export function existingMember(gateway: Gateway, name: string): Member {
  const member = gateway.ground.store.members.byName(name)
  if (member === null) throw noSuchMember(name, 'on this gateway')
  return member
}

/** Without `member`, somebody must still be able to log in as an operator. @throws Problem `forbidden` */
export function refuseLastOperator({ ground }: Gateway, member: Member): void {
  const { members, keys } = ground.store
  const others = members.operators().filter(({ id }) => id !== member.id)
  if (others.some(({ id }) => keys.list(id).length > 0)) return
  throw new Problem('forbidden', {
    headline: `${member.name} is the last operator with a key`,
    hint: 'Make another operator first: `fairlead members:add NAME KEY --operator`.',
  })
}

export function noSuchMember(name: string, where: string): Problem {
  return new Problem('not-found', {
    headline: `There is no member ${name} ${where}`,
    hint: '`fairlead members` lists them.',
  })
}
