// Every command there is, in the order of the help.
import { appCommands } from './apps.ts'
import type { Command } from './command.ts'
import { configCommands } from './config.ts'
import { deployCommands } from './deploy.ts'
import { environmentCommands } from './environments.ts'
import { gitCommands } from './git.ts'
import { helpCommands } from './help.ts'
import { keyCommands } from './keys.ts'
import { memberCommands } from './members.ts'
import { operationCommands } from './operations.ts'
import { processCommands } from './processes.ts'
import { releaseCommands } from './releases.ts'
import { stackCommands } from './stacks.ts'

export const commands: readonly Command[] = [
  ...helpCommands,
  ...appCommands,
  ...configCommands,
  ...deployCommands,
  ...releaseCommands,
  ...operationCommands,
  ...processCommands,
  ...environmentCommands,
  ...memberCommands,
  ...keyCommands,
  ...stackCommands,
  ...gitCommands,
]

export function findCommand(name: string): Command | null {
  return commands.find(command => command.name === name || command.aliases?.includes(name)) ?? null
}
