// The containers of an app: what runs, and what it prints.
import type { Command } from './command.ts'
import { logs } from './logs.ts'
import { ps } from './ps.ts'

export const processCommands: readonly Command[] = [ps, logs]
