// What of the command line is meant for this machine. Everything else belongs to the gateway and travels untouched:
// the CLI knows no commands.
import { Problem } from '../domain/problem.ts'

export interface Invocation {
  /** What the gateway gets, in order. */
  readonly words: readonly string[]
  /** `--remote`: the name of a git remote, or an address. */
  readonly remote: string | null
  /** `--env-file`: a file of this machine that becomes the command's standard input. */
  readonly envFile: string | null
}

const LOCAL = ['--remote', '--env-file'] as const
type Local = (typeof LOCAL)[number]

/**
 * Reads `--remote X` and `--env-file X` (also `--remote=X`) up to a `--`, from where on nothing is ours.
 * `--env-file -` is already what the gateway understands, and stays.
 * @throws Problem `usage`
 */
export function parseArguments(argv: readonly string[]): Invocation {
  const found = new Map<Local, string>()
  const words: string[] = []
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] as string
    if (word === '--') {
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
    if (option === '--env-file') words.push('--env-file', '-')
  }
  const envFile = found.get('--env-file') ?? null
  return { words, remote: found.get('--remote') ?? null, envFile: envFile === '-' ? null : envFile }
}

function wrongOption(headline: string, option: Local): Problem {
  return new Problem('usage', {
    headline,
    hint:
      option === '--remote'
        ? 'Write --remote NAME with the name of a git remote, or --remote ssh://git@HOST:PORT.'
        : 'Write --env-file FILE once, or --env-file - to read standard input.',
  })
}
