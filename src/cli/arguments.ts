// What of the command line is meant for this machine: which gateway, and which file of ours becomes the command's
// standard input. Everything else belongs to the gateway and travels untouched: the CLI knows no other commands than
// those below.
import { Problem } from '../domain/problem.ts'

export interface Invocation {
  /** What the gateway gets, in order. */
  readonly words: readonly string[]
  /** `--remote`: the name of a git remote, or an address. */
  readonly remote: string | null
  /** A file of this machine that becomes the command's standard input; null: ours is. */
  readonly file: LocalFile | null
}

export interface LocalFile {
  readonly path: string
  /** The option or the command that asks for it. */
  readonly wantedBy: string
}

/** Options whose value is a file of this machine. */
const FILE_OPTIONS = ['--env-file', '--value-file'] as const
const LOCAL = ['--remote', ...FILE_OPTIONS] as const
type Local = (typeof LOCAL)[number]

/** Commands whose one word is a file of this machine. */
const FILE_COMMANDS: readonly string[] = ['registry:import', 'registry:decrypt']
/** Options that have a value, of those commands and of the ones that run another. */
const WITH_VALUE: readonly string[] = ['--app', '--environment', '--stack', '--shell']

/** Commands whose words, from the first on, are a command of somebody else's: no option among them is ours. */
export const ONE_OFF_COMMANDS: readonly string[] = ['run', 'ssh']

/** The commands whose `--tls` may be a file of this machine, and what it is otherwise. */
const TLS_COMMANDS: readonly string[] = ['endpoints:create', 'endpoints:modify']
const TLS_KINDS: readonly string[] = ['off', 'internal', 'acme', '-']

/**
 * Reads `--remote X`, `--env-file X` and `--value-file X` (also `--remote=X`) up to a `--`, or to the first word of a
 * command that is to be run over there, from where on no option is ours; and the file of a command that has one. What
 * becomes of a file is `-`, which the gateway understands, as it does where `-` was written.
 * @throws Problem `usage`
 */
export function parseArguments(argv: readonly string[]): Invocation {
  const found = new Map<Local, string>()
  const words: string[] = []
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] as string
    if (word === '--' || beginsForeign(words, word)) {
      words.push(...argv.slice(at))
      break
    }
    const option = LOCAL.find(name => word === name || word.startsWith(`${name}=`))
    if (option === undefined) {
      words.push(word)
      continue
    }
    const inline = word.length > option.length
    const value = inline ? word.slice(option.length + 1) : argv[at + 1]
    if (!inline) at += 1
    if (value === undefined || value === '') throw wrongOption(`${option} needs a value`, option)
    if (found.has(option)) throw wrongOption(`${option} is there twice`, option)
    found.set(option, value)
    if (option !== '--remote') words.push(option, '-')
  }

  const files: LocalFile[] = FILE_OPTIONS.flatMap(option => {
    const path = found.get(option)
    return path === undefined ? [] : [{ path, wantedBy: option }]
  })
  const [command = ''] = words
  const place = FILE_COMMANDS.includes(command) ? placeOfFile(words) : null
  if (place !== null) {
    files.push({ path: words[place] as string, wantedBy: command })
    words[place] = '-'
  }
  if (TLS_COMMANDS.includes(command)) files.push(...tlsFiles(words))
  if (files.length > 1) {
    throw new Problem('usage', {
      headline: 'Only one file can become the standard input of a command',
      saw: `${files.map(file => file.wantedBy).join(' and ')} both name one.`,
      hint: 'Leave one of them out.',
    })
  }
  const [file] = files
  return {
    words,
    remote: found.get('--remote') ?? null,
    file: file === undefined || file.path === '-' ? null : file,
  }
}

/** Whether with `word`, after those before it, somebody else's command begins. */
function beginsForeign(before: readonly string[], word: string): boolean {
  const [command = ''] = before
  if (!ONE_OFF_COMMANDS.includes(command) || word.startsWith('-')) return false
  return before.length === 1 || !WITH_VALUE.includes(before.at(-1) ?? '')
}

/** Puts `-` in the place of every file that a `--tls` names. @returns those files */
function tlsFiles(words: string[]): LocalFile[] {
  const files: LocalFile[] = []
  for (const [at, word] of words.entries()) {
    if (word === '--') break
    const apart = words[at - 1] === '--tls'
    const value = apart ? word : word.startsWith('--tls=') ? word.slice('--tls='.length) : ''
    if (value === '' || TLS_KINDS.includes(value)) continue
    files.push({ path: value, wantedBy: '--tls' })
    words[at] = apart ? '-' : '--tls=-'
  }
  return files
}

/** Index of the first word behind the command that is no option and no option's value, null when there is none. */
function placeOfFile(words: readonly string[]): number | null {
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at] as string
    if (word === '--') return at + 1 < words.length ? at + 1 : null
    if (WITH_VALUE.includes(word)) at += 1
    else if (!word.startsWith('-') || word === '-') return at
  }
  return null
}

function wrongOption(headline: string, option: Local): Problem {
  return new Problem('usage', {
    headline,
    hint:
      option === '--remote'
        ? 'Write --remote NAME with the name of a git remote, or --remote ssh://git@HOST:PORT.'
        : `Write ${option} FILE once, or ${option} - to read standard input.`,
  })
}
