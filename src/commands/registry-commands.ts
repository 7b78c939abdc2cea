// The commands about credentials for registries, in the order of the help.
import type { Command } from './command.ts'
import { explainCommand } from './registry-explain.ts'
import { keyCommands } from './registry-key.ts'
import { listCommand } from './registry-list.ts'
import { loginCommands } from './registry-logins.ts'
import { sourceCommands } from './registry-sources.ts'

export const registryCommands: readonly Command[] = [
  explainCommand,
  listCommand,
  ...loginCommands,
  ...sourceCommands,
  ...keyCommands,
]
