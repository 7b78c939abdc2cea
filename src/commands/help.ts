// The greeting of a bare login, and the help of every command.
import { formatAppName } from '../domain/app.ts'
import { may } from '../domain/member.ts'
import type { Session } from '../ssh/session.ts'
import { optionsOf, shorten } from './call.ts'
import type { Command, Gateway } from './command.ts'
import { commands, findCommand } from './commands.ts'

/** What `ssh -T` answers: who you are, and what you can do. */
export function greet(gateway: Gateway, session: Session): void {
  const { member, key } = session.actor
  const apps = gateway.ground.store.apps
    .list()
    .filter(app => may(session.actor, 'app:see', app.environmentId))
    .map(app => formatAppName(app.name))
  const what = member.operator
    ? 'You are an operator: every environment is open to you.'
    : apps.length === 0
      ? 'No environment is open to you yet: ask one of its admins.'
      : `Your apps: ${apps.slice(0, 20).join(', ')}${apps.length > 20 ? `, and ${apps.length - 20} more` : ''}`
  session.stdout.write(
    [
      `Hi ${member.name}! You are logged in to Fairlead with the key ${key}.`,
      what,
      `Deploy with \`git push ${gateway.url}/ENVIRONMENT/APP.git master\`; list the commands with \`help\`.`,
      '',
    ].join('\n'),
  )
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
    async run({ output, words, options }) {
      const shown = commands.filter(command => !command.hidden)
      if (options.names === true) {
        for (const { name } of shown) output.line(name)
        return 0
      }
      const asked = words[0] === undefined ? null : findCommand(words[0])
      if (asked) {
        output.raw(helpFor(asked))
        return 0
      }
      const width = Math.max(...shown.map(command => command.name.length))
      if (words[0] !== undefined) output.line(`There is no command ${shorten(words[0])}. These there are:\n`)
      for (const command of shown) output.line(`  ${command.name.padEnd(width)}  ${command.summary}`)
      output.line('\nfairlead help COMMAND explains one. Every list takes --json.')
      return words[0] === undefined ? 0 : 1
    },
  },
]
