// Members: people, and their role in an environment.
import { parseHandle } from '../domain/app.ts'
import { authorise, ROLES, type Role } from '../domain/member.ts'
import { Problem } from '../domain/problem.ts'
import { authorisedEnvironment, text, usage } from './call.ts'
import type { Command } from './command.ts'
import { currentActor } from './current-actor.ts'
import { readKey } from './keys.ts'
import { existingMember, noSuchMember, refuseLastOperator } from './member-lookup.ts'

const add: Command = {
  name: 'members:add',
  summary: 'Make a member with a key, give a member a role in an environment, or both',
  usage: 'NAME [KEY]',
  words: { least: 1 },
  options: {
    environment: { type: 'string', value: 'ENV', help: 'the environment of the role' },
    role: { type: 'string', value: 'ROLE', help: 'observe, deploy or admin (default deploy)' },
    operator: { type: 'boolean', help: 'may do everything everywhere' },
  },
  scope: 'gateway',
  action: 'self:manage',
  recorded: { first: 1 },
  async run(call) {
    const { gateway, words, options, output } = call
    const { store } = gateway.ground
    const name = parseHandle(words[0] ?? '', 'member')
    // A key on standard input may be long in coming: rights are asked when it is there, of who may then.
    const key = words.length > 1 ? await readKey(words.slice(1), call) : null
    const actor = currentActor(store, call.actor)
    const environment =
      options.environment === undefined
        ? null
        : authorisedEnvironment(
            store,
            actor,
            { name: add.name, action: 'environment:members' },
            text(options.environment),
          )
    // Without an environment, and for operators, it is a matter of the whole gateway.
    if (environment === null || options.operator === true)
      authorise(actor, 'members:manage', { kind: 'gateway' })
    if (environment === null && options.role !== undefined)
      throw usage(add, 'A role needs --environment ENV.')
    const role = parseRole(text(options.role))

    const existing = store.members.byName(name)
    if (existing === null && key === null) throw usage(add, `${name} is new, so a public key is needed.`)
    // Adding a key to somebody is being able to log in as them.
    if (existing !== null && key !== null) authorise(actor, 'members:manage', { kind: 'gateway' })
    if (existing !== null && options.operator === true && !existing.operator) {
      throw new Problem('name-taken', {
        headline: `${name} is a member already, and not an operator`,
        hint: 'An operator is made with a name of their own.',
      })
    }

    store.transaction(() => {
      const member = existing ?? store.members.create(name, options.operator === true)
      if (key !== null) store.keys.add(member.id, key)
      if (environment !== null) store.members.grant(environment.id, member.id, role)
    })
    if (existing === null)
      output.line(`Member ${name} added${options.operator === true ? ', an operator' : ''}.`)
    if (key !== null) output.line(`Key ${key.fingerprint} added.`)
    if (environment !== null) output.line(`${name} has the role ${role} in ${environment.handle}.`)
  },
}

export const memberCommands: readonly Command[] = [
  {
    name: 'members',
    aliases: ['members:list'],
    summary: 'List the members of an environment, or (operators) of the gateway',
    options: { environment: { type: 'string', value: 'ENV', help: 'the environment' } },
    scope: 'gateway',
    action: 'self:manage',
    lists: true,
    async run({ gateway, actor, options, output }) {
      const { store } = gateway.ground
      if (options.environment === undefined) {
        authorise(actor, 'members:manage', { kind: 'gateway' })
        const handles = new Map(store.environments.list().map(each => [each.id, each.handle]))
        const rows = store.members.list().map(member => ({
          member: member.name,
          operator: member.operator,
          keys: store.keys.list(member.id).length,
          roles: [...store.members.roles(member.id)].map(([id, role]) => `${handles.get(id)}:${role}`),
        }))
        output.rows(rows, 'No members.')
        return
      }
      const asked = { name: 'members', action: 'environment:see' } as const
      const environment = authorisedEnvironment(store, actor, asked, text(options.environment))
      const rows = store.members.inEnvironment(environment.id)
      output.rows(
        rows.map(({ member, role }) => ({ member: member.name, role })),
        'Nobody has a role here yet.',
      )
    },
  },
  add,
  {
    name: 'members:remove',
    summary:
      'Take away a role in an environment, or (operators, without --environment) the member altogether',
    usage: 'NAME',
    words: { least: 1, most: 1 },
    options: { environment: { type: 'string', value: 'ENV', help: 'only the role there' } },
    scope: 'gateway',
    action: 'self:manage',
    recorded: { first: 1 },
    async run({ gateway, actor, words, options, output }) {
      const { store } = gateway.ground
      const name = parseHandle(words[0] ?? '', 'member')
      if (options.environment !== undefined) {
        const asked = { name: 'members:remove', action: 'environment:members' } as const
        const environment = authorisedEnvironment(store, actor, asked, text(options.environment))
        const member = existingMember(gateway, name)
        if (!store.members.revoke(environment.id, member.id))
          throw noSuchMember(name, `in ${environment.handle}`)
        output.line(`${name} has no role in ${environment.handle} any more.`)
        return
      }
      authorise(actor, 'members:manage', { kind: 'gateway' })
      const member = existingMember(gateway, name)
      if (member.operator) refuseLastOperator(gateway, member)
      store.members.remove(member.id)
      output.line(`Member ${name} removed, with all keys.`)
    },
  },
]

function parseRole(word: string | undefined): Role {
  if (word === undefined) return 'deploy'
  const role = ROLES.find(each => each === word)
  if (role === undefined) throw usage(add, `A role is one of ${ROLES.join(', ')}.`)
  return role
}
