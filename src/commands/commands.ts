// Every command there is, in the order of the help.
import { nearest } from '../domain/nearest.ts'
import { Problem } from '../domain/problem.ts'
import { activityCommands } from './activity.ts'
import { appCommands } from './apps.ts'
import { shorten } from './call.ts'
import type { Command } from './command.ts'
import { configCommands } from './config.ts'
import { deployCommands } from './deploy.ts'
import { doctorCommands } from './doctor.ts'
import { endpointAuthorityCommands } from './endpoint-authority.ts'
import { endpointCommands } from './endpoints.ts'
import { environmentCommands } from './environments.ts'
import { gitCommands } from './git.ts'
import { helpCommands } from './help.ts'
import { keyCommands } from './keys.ts'
import { memberCommands } from './members.ts'
import { operationCommands } from './operations.ts'
import { processCommands } from './processes.ts'
import { registryCommands } from './registry-commands.ts'
import { releaseCommands } from './releases.ts'
import { rollbackCommands } from './rollback.ts'
import { runCommands } from './run.ts'
import { secretCommands } from './secrets.ts'
import { serviceCommands } from './services.ts'
import { stackCommands } from './stacks.ts'

export const commands: readonly Command[] = [
  ...helpCommands,
  ...appCommands,
  ...configCommands,
  ...registryCommands,
  ...secretCommands,
  ...deployCommands,
  ...releaseCommands,
  ...rollbackCommands,
  ...endpointCommands,
  ...endpointAuthorityCommands,
  ...operationCommands,
  ...activityCommands,
  ...processCommands,
  ...serviceCommands,
  ...runCommands,
  ...environmentCommands,
  ...memberCommands,
  ...keyCommands,
  ...stackCommands,
  ...doctorCommands,
  ...gitCommands,
]

/** @throws Problem `unknown-command` */
export function existingCommand(name: string): Command {
  const found = commands.find(command => command.name === name || command.aliases?.includes(name))
  if (found) return found
  const near = nearest(
    name,
    commands.filter(command => !command.hidden).map(command => command.name),
  )
  throw new Problem('unknown-command', {
    headline: `There is no command ${shorten(name)}`,
    hint:
      near === null
        ? '`fairlead help` lists them all.'
        : `Did you mean \`${near}\`? \`fairlead help\` lists them all.`,
  })
}
