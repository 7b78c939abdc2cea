// Who may use which paths of the secret store: given and taken by operators.
import { parseHandle } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'
import { coversSecret, parseSecretPath } from '../domain/secret-path.ts'
import type { Call, Command } from './command.ts'
import { existingMember } from './member-lookup.ts'

const WORDS = { usage: 'PATH MEMBER', words: { least: 2, most: 2 } } as const

export const grantCommands: readonly Command[] = [
  {
    name: 'secrets:grant',
    summary: 'Let a member use, write and delete the secret of a path, and all below it',
    ...WORDS,
    scope: 'gateway',
    action: 'secrets:grant',
    recorded: { first: 2 },
    async run(call) {
      const { path, member } = named(call)
      call.gateway.ground.store.secretGrants.add(member.id, path)
      call.output.line(`${member.name} may use the secret ${path} and all below it.`)
    },
  },
  {
    name: 'secrets:revoke',
    summary: 'Take a right on a path away again; apps go on using their secrets',
    ...WORDS,
    scope: 'gateway',
    action: 'secrets:grant',
    recorded: { first: 2 },
    async run(call) {
      const { secretGrants } = call.gateway.ground.store
      const { path, member } = named(call)
      if (!secretGrants.remove(member.id, path))
        throw notGranted(path, member.name, secretGrants.of(member.id))
      call.output.line(`${member.name} has no right on ${path} any more.`)
      const rest = secretGrants
        .of(member.id)
        .filter(each => coversSecret(each, path) || coversSecret(path, each))
      if (member.operator) call.output.line('As an operator, they may use every secret all the same.')
      else if (rest.length > 0) call.output.line(`They keep the right on ${rest.join(', ')}.`)
    },
  },
  {
    name: 'secrets:grants',
    summary: 'List who has the right on which path',
    scope: 'gateway',
    action: 'secrets:grant',
    lists: true,
    async run({ gateway, output }) {
      output.rows(
        gateway.ground.store.secretGrants.list(),
        'No grants: only operators may use secrets. `fairlead secrets:grant PATH MEMBER` gives one.',
      )
    },
  },
]

function named({ gateway, words }: Call) {
  const [path = '', member = ''] = words
  return { path: parseSecretPath(path), member: existingMember(gateway, parseHandle(member, 'member')) }
}

function notGranted(path: string, member: string, granted: readonly string[]): Problem {
  return new Problem('not-found', {
    headline: `${member} was not granted ${path}`,
    saw: granted.length === 0 ? 'No path was granted to them.' : `Granted to them: ${granted.join(', ')}`,
    hint: 'Name the path as `fairlead secrets:grants` lists it.',
  })
}
