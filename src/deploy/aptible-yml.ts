// `.aptible.yml`: commands that run once in the new image before anything of a release is started, and when an
// operation has ended. Its `push:` is read elsewhere, with that of `.fairlead.yml`.
import { z } from 'zod'
import { printable } from '../domain/printable.ts'
import { readYamlFile, type YamlFile, type YamlFileKind, type YamlKey } from './yaml-file.ts'

/** Keys of commands that run after an operation. */
const HOOKS = [
  'after_deploy_success',
  'after_deploy_failure',
  'after_configure_success',
  'after_configure_failure',
  'after_scale_success',
  'after_scale_failure',
  'after_restart_success',
  'after_restart_failure',
] as const

export type HookName = (typeof HOOKS)[number]
/** In the order they run. */
export type Hooks = Readonly<Partial<Record<HookName, readonly string[]>>>

export interface AptibleYml {
  /** In the order they run; empty when the file names none. */
  readonly beforeRelease: string[]
  readonly hooks: Hooks
  /** What the file asks for that nothing is done about: lines to show, the first ten. */
  readonly warnings: string[]
}

const APTIBLE_YML: YamlFileKind = {
  file: '.aptible.yml',
  code: 'aptible-yml-invalid',
  hint: 'Write `before_release:` and below it one line `  - command` for each command. Commit and push again.',
}
const MAX_COMMANDS = 50
const MAX_WARNINGS = 10

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/

const Commands = z
  .array(
    z
      .string('a command must be text: put quotes around it')
      .refine(text => text.trim() !== '', 'a command is empty')
      .refine(text => !CONTROL.test(text), 'a command holds a control character'),
    'this must be a command or a list of commands',
  )
  .max(MAX_COMMANDS, `there are more than ${MAX_COMMANDS} commands`)

const isHook = (name: string): name is HookName => HOOKS.some(hook => hook === name)

/**
 * Reads `before_release`, or the same under the name `before_deploy`, and the hooks: one command or a list of them.
 * @throws Problem `aptible-yml-invalid` with the line
 */
export function parseAptibleYml(content: Uint8Array): AptibleYml {
  const yml = readYamlFile(content, APTIBLE_YML)
  let commands: YamlKey | null = null
  const hooks: Partial<Record<HookName, string[]>> = {}
  const warnings: string[] = []
  for (const key of yml.keys) {
    if (key.name === 'push') continue
    if (isHook(key.name)) hooks[key.name] = readCommands(yml, key)
    else if (key.name !== 'before_release' && key.name !== 'before_deploy') warnings.push(ignored(key))
    else if (commands === null) commands = key
    else {
      throw yml.refuse(
        key.line,
        'before_release and before_deploy are two names of one thing: keep one of them',
      )
    }
  }
  return {
    beforeRelease: commands === null ? [] : readCommands(yml, commands),
    hooks,
    warnings: warnings.slice(0, MAX_WARNINGS),
  }
}

function readCommands(yml: YamlFile, key: YamlKey): string[] {
  const value = key.value()
  if (value === null) return []
  const read = Commands.safeParse(typeof value === 'string' ? [value] : value)
  if (read.success) return read.data
  const issue = read.error.issues[0]
  throw yml.refuse(key.lineAt(issue?.path ?? []), issue?.message ?? 'this cannot be read')
}

function ignored({ name, line }: YamlKey): string {
  return `${APTIBLE_YML.file}:${line}: ${printable(name, 60)} is ignored: there is no such key`
}
