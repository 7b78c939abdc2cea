// The companion CLI. It finds the gateway and the app, forwards the words over ssh, and keeps the exit status: every
// command, its help and its rules live in the gateway, but for `registry:encrypt`, whose secrets stay here. What is
// needed rarely is imported when it is needed.
import { readFileSync } from 'node:fs'
import { Problem, problemLines } from '../domain/problem.ts'
import { ONE_OFF_COMMANDS, parseArguments } from './arguments.ts'
import type { Target } from './target.ts'

process.title = 'fairlead'

const LOCAL_HELP = `fairlead: talks to a Fairlead gateway over ssh, about the app of the git remote named aptible.

  fairlead help              lists the gateway's commands
  fairlead help COMMAND      explains one
  fairlead COMMAND [WORDS]   runs one

Understood by every command:
  --remote NAME|ADDRESS      another git remote, or ssh://git@HOST:PORT[/ENVIRONMENT/APP.git]
  --app APP                  another app: APP, or ENVIRONMENT/APP
  --environment ENVIRONMENT  another environment
  --env-file FILE, --value-file FILE
                             the file's contents become the command's standard input

Read here, and sent to the gateway as the command's standard input:
  registry:import FILE       a config.json, .dockercfg or docker.tar.gz
  registry:decrypt FILE      a dockercfg.encrypted
  endpoints:create --tls FILE, endpoints:modify HOSTNAME --tls FILE
                             a PEM file with a certificate and its key

At a terminal these ask for one over there:
  ssh, run                   a shell or a command in a container of its own

Answered here:
  registry:encrypt FILE      encrypts a config.json or .dockercfg for the key of an app: > dockercfg.encrypted
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
  const { words, remote, file } = parseArguments(argv)
  if (words[0] === 'registry:encrypt') return encryptHere(words.slice(1), remote)
  const { findTarget } = await import('./target.ts')
  const { run, SSH_FAILED } = await import('./ssh.ts')
  const { pack } = await import('./wire.ts')

  const target = await findTarget(remote, process.env, process.cwd())
  const input = file === null ? null : (await import('./local-file.ts')).readLocalFile(file)
  const asksForHelp = words.length === 0 || (words.length === 1 && /^(--help|-h|help)$/.test(words[0] ?? ''))
  const atTerminal = process.stdin.isTTY && process.stdout.isTTY && ONE_OFF_COMMANDS.includes(words[0] ?? '')
  const parcel = pack([...contextOf(target), ...(asksForHelp ? ['help'] : words)], atTerminal)
  const status = await run(target, parcel, input, process.env, atTerminal && parcel.preamble === null)
  if (status === SSH_FAILED) {
    await explainFailure(target, asksForHelp ? '' : AFTER_A_BREAK)
    if (asksForHelp) print(LOCAL_HELP)
  }
  return status
}

async function encryptHere(words: readonly string[], remote: string | null): Promise<number> {
  const { encrypt } = await import('./encrypt.ts')
  const { findTarget } = await import('./target.ts')
  const { capture, SSH_FAILED } = await import('./ssh.ts')
  const { pack } = await import('./wire.ts')

  const { status, output } = await encrypt(words, process.stdin, {
    target: () => findTarget(remote, process.env, process.cwd()),
    ask: async (target, question) => {
      const parcel = pack([...contextOf(target), ...question])
      const answer = await capture(target, parcel, process.env, { quiet: false })
      if (answer.status === SSH_FAILED) await explainFailure(target)
      return answer
    },
  })
  print(output)
  return status
}

/** The word that tells the gateway which app is meant unless the others say otherwise. */
function contextOf({ app }: Target): string[] {
  return app === null ? [] : [`@${app.environment}/${app.app}`]
}

const AFTER_A_BREAK =
  '          If it broke, the command may have been carried out or cut short: `fairlead operations` says.\n'

/** ssh has only one exit status for all that can go wrong with it, and has told the user in a line of its own. */
async function explainFailure(target: Target, more = ''): Promise<void> {
  const { formatRemote } = await import('./remote.ts')
  process.stderr.write(
    `fairlead: ssh could not reach or log in to ${formatRemote(target)}, or the connection broke (exit status 255). ${target.origin}.\n${more}`,
  )
}

async function answerShell(words: readonly string[]): Promise<number> {
  const { complete } = await import('./completion.ts')
  const { findTarget } = await import('./target.ts')
  const { capture } = await import('./ssh.ts')
  const names = async () => {
    const target = await findTarget(null, process.env, process.cwd())
    const parcel = { command: 'help --names', preamble: null }
    const { status, output } = await capture(target, parcel, process.env, { quiet: true })
    return status === 0 ? output : ''
  }
  return print((await complete(words, names)).map(answer => `${answer}\n`).join(''))
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
