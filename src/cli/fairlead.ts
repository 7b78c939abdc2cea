// The companion CLI. It finds the gateway and the app, forwards the words over ssh, and keeps the exit status: every
// command, its help and its rules live in the gateway. What is needed rarely is imported when it is needed.
import { readFileSync } from 'node:fs'
import { Problem, problemLines } from '../domain/problem.ts'
import { parseArguments } from './arguments.ts'

process.title = 'fairlead'

const LOCAL_HELP = `fairlead: talks to a Fairlead gateway over ssh, about the app of the git remote named aptible.

  fairlead help              lists the gateway's commands
  fairlead help COMMAND      explains one
  fairlead COMMAND [WORDS]   runs one

Understood by every command:
  --remote NAME|ADDRESS      another git remote, or ssh://git@HOST:PORT[/ENVIRONMENT/APP.git]
  --app APP                  another app: APP, or ENVIRONMENT/APP
  --environment ENVIRONMENT  another environment
  --env-file FILE            the file's contents become the command's standard input

Answered here:
  --version                  the version of this program
  completion bash|zsh        a script that completes commands in your shell

Variables: FAIRLEAD_REMOTE (like --remote), GIT_SSH_COMMAND, GIT_SSH.
`

async function main(argv: readonly string[]): Promise<number> {
  const [command] = argv
  if (command === '--version') return print(`fairlead ${version()}\n`)
  if (command === 'completion') {
    const { completionScript } = await import('./completion.ts')
    return print(completionScript(argv[1]))
  }
  if (command === '__complete') return answerShell(argv.slice(1)).catch(() => 0)
  return forward(argv)
}

async function forward(argv: readonly string[]): Promise<number> {
  const { words, remote, envFile } = parseArguments(argv)
  const { findTarget } = await import('./target.ts')
  const { run, SSH_FAILED } = await import('./ssh.ts')
  const { pack } = await import('./wire.ts')

  const target = await findTarget(remote, process.env, process.cwd())
  const input = envFile === null ? null : readEnvFile(envFile)
  const asksForHelp = words.length === 0 || (words.length === 1 && /^(--help|-h|help)$/.test(words[0] ?? ''))
  const context = target.app === null ? [] : [`@${target.app.environment}/${target.app.app}`]
  const status = await run(
    target,
    pack([...context, ...(asksForHelp ? ['help'] : words)]),
    input,
    process.env,
  )
  if (status === SSH_FAILED) {
    const { formatRemote } = await import('./remote.ts')
    process.stderr.write(
      `fairlead: ssh could not reach or log in to ${formatRemote(target)} (exit status 255). ${target.origin}.\n`,
    )
    if (asksForHelp) print(LOCAL_HELP)
  }
  return status
}

async function answerShell(words: readonly string[]): Promise<number> {
  const { complete } = await import('./completion.ts')
  const { findTarget } = await import('./target.ts')
  const { capture } = await import('./ssh.ts')
  const names = async () => {
    const target = await findTarget(null, process.env, process.cwd())
    return capture(target, 'help --names', process.env)
  }
  return print((await complete(words, names)).map(answer => `${answer}\n`).join(''))
}

function readEnvFile(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new Problem('usage', {
      headline: `The file ${JSON.stringify(file)} cannot be read`,
      saw: cause instanceof Error ? cause.message : String(cause),
      hint: 'Give --env-file the path of a file with lines NAME=value.',
      cause,
    })
  }
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return String(manifest.version)
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Problem)) throw error
  process.stderr.write(`${problemLines(error).join('\n')}\n`)
  process.exitCode = 1
}
