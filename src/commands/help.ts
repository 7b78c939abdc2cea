// The greeting of a bare login, and the help of every command.
import { type Environment, formatAppName } from '../domain/app.ts'
import { type Actor, may } from '../domain/member.ts'
import type { Session } from '../ssh/session.ts'
import { optionsOf } from './call.ts'
import type { Command, Gateway } from './command.ts'
import { commands, existingCommand } from './commands.ts'

/** Names in one line of the greeting. */
const MOST_NAMES = 20

/** What `ssh -T` answers: who you are, and what you can do. */
export function greet(gateway: Gateway, session: Session): void {
  const { actor } = session
  const environments = gateway.ground.store.environments
    .list()
    .filter(({ id }) => may(actor, 'environment:see', id))
  const deploys = actor.member.operator || environments.some(({ id }) => may(actor, 'app:deploy', id))
  const push = `Deploy with \`git push ${gateway.url}/ENVIRONMENT/APP.git master\`; list`
  session.stdout.write(
    [
      `Hi ${actor.member.name}! You are logged in to Fairlead with the key ${actor.key}.`,
      ...(actor.member.operator
        ? ['You are an operator: every environment is open to you.']
        : whatIsOpen(gateway, actor, environments)),
      `${deploys ? push : 'List'} the commands with \`help\`.`,
      '',
    ].join('\n'),
  )
}

function whatIsOpen({ ground }: Gateway, actor: Actor, environments: readonly Environment[]): string[] {
  if (environments.length === 0) return ['No environment is open to you yet: ask one of its admins.']
  const apps = ground.store.apps.list().filter(app => may(actor, 'app:see', app.environmentId))
  const roles = environments.map(({ id, handle }) => `${handle} (${actor.roles.get(id)})`)
  const names = apps.map(app => formatAppName(app.name))
  return [
    `Your environments: ${someOf(roles)}`,
    names.length === 0 ? 'They have no apps yet.' : `Your apps: ${someOf(names)}`,
  ]
}

function someOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES
  return `${names.slice(0, MOST_NAMES).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

export function helpFor(command: Command): string {
  const options = Object.entries(optionsOf(command)).map(([name, { short, value, help }]) => [
    `  ${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`,
    help,
  ])
  const width = Math.max(...options.map(([left]) => left?.length ?? 0))
  return [
    `fairlead ${command.name}${command.usage ? ` ${command.usage}` : ''}`,
    '',
    `${command.summary}.`,
    ...(command.aliases ? ['', `Also: ${command.aliases.join(', ')}`] : []),
    '',
    ...options.map(([left = '', right]) => `${left.padEnd(width)}  ${right}`),
    '',
  ].join('\n')
}

export const helpCommands: readonly Command[] = [
  {
    name: 'help',
    summary: 'List the commands, or explain one',
    usage: '[COMMAND]',
    words: { most: 1 },
    options: { names: { type: 'boolean', help: 'print the names only, for completion' } },
    scope: 'gateway',
    action: 'self:manage',
    recorded: 'never',
    async run({ output, words, options }) {
      const shown = commands.filter(command => !command.hidden)
      if (options.names === true) {
        for (const { name } of shown) output.line(name)
        return 0
      }
      if (words[0] !== undefined) {
        output.raw(helpFor(existingCommand(words[0])))
        return 0
      }
      const width = Math.max(...shown.map(command => command.name.length))
      for (const command of shown) output.line(`  ${command.name.padEnd(width)}  ${command.summary}`)
      output.line('\nfairlead help COMMAND explains one. Every list takes --json.')
      return 0
    },
  },
]
