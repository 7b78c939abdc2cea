// The system's ssh: its keys, agent, host key checks and configuration, and the variables that git honours too.
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { Problem } from '../domain/problem.ts'
import { splitWords, UnbalancedQuote } from '../domain/words.ts'
import type { Remote } from './remote.ts'
import type { Parcel } from './wire.ts'

export type Variables = Readonly<Record<string, string | undefined>>

/** What OpenSSH exits with when it could not connect or log in. */
export const SSH_FAILED = 255

/** The program and its first arguments: `GIT_SSH_COMMAND` split into words, else `GIT_SSH`, else `ssh`. */
function sshProgram(env: Variables): [string, ...string[]] {
  try {
    const [file, ...rest] = splitWords(env.GIT_SSH_COMMAND ?? '')
    return file === undefined ? [env.GIT_SSH || 'ssh'] : [file, ...rest]
  } catch (error) {
    if (!(error instanceof UnbalancedQuote)) throw error
    throw new Problem('usage', {
      headline: 'GIT_SSH_COMMAND cannot be split into words',
      saw: error.message,
      hint: 'Write it as a program and its arguments, for example GIT_SSH_COMMAND="ssh -i ~/.ssh/id_work".',
      cause: error,
    })
  }
}

/** Without a terminal what comes back stays byte for byte what the gateway wrote. */
function sshArguments(
  remote: Remote,
  command: string,
  options: readonly string[] = [],
  terminal = false,
): string[] {
  const port = remote.port === null ? [] : ['-p', String(remote.port)]
  return [terminal ? '-t' : '-T', ...options, ...port, '--', remote.destination, command]
}

/**
 * Runs the command over there with our own standard output and error. Signals are handed on.
 * @param input the command's standard input, sent after the words; null means ours
 * @param terminal asks for a terminal over there: ours becomes it, keys and all
 * @returns the exit status of the command, 255 when ssh failed, 128 + n when signal n ended it
 */
export async function run(
  remote: Remote,
  parcel: Parcel,
  input: Readable | Buffer | null,
  env: Variables,
  terminal = false,
): Promise<number> {
  const [file, ...first] = sshProgram(env)
  const source = parcel.preamble === null && input === null ? null : (input ?? process.stdin)
  // Listening before there is a child: a signal in between must not end us and leave the child behind.
  let child: ChildProcess | null = null
  let received: NodeJS.Signals | null = null
  const handOn = (signal: NodeJS.Signals) => {
    received = signal
    child?.kill(signal)
  }
  for (const signal of HANDED_ON) process.on(signal, handOn)
  try {
    child = spawn(file, [...first, ...sshArguments(remote, parcel.command, [], terminal)], {
      stdio: [source === null ? 'inherit' : 'pipe', 'inherit', 'inherit'],
    })
    if (source !== null) feed(child, parcel.preamble, source)
    const status = await exitStatus(child, file)
    // ssh says 255 for having been interrupted, too; that is no failure to connect.
    return received !== null && status === SSH_FAILED ? 128 + constants.signals[received] : status
  } finally {
    for (const signal of HANDED_ON) process.off(signal, handOn)
  }
}

/** Characters of an answer that is captured; what is beyond is dropped. */
const MAX_CAPTURED = 64 * 1024

/**
 * What a command prints, and its exit status. Its standard input is empty.
 * @param quiet asks nothing of the user, waits 2 s at most for a connection and shows no error
 */
export async function capture(
  remote: Remote,
  parcel: Parcel,
  env: Variables,
  { quiet }: { quiet: boolean },
): Promise<{ status: number; output: string }> {
  const [file, ...first] = sshProgram(env)
  const options = quiet ? ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=2'] : []
  const child = spawn(file, [...first, ...sshArguments(remote, parcel.command, options)], {
    stdio: [parcel.preamble === null ? 'ignore' : 'pipe', 'pipe', quiet ? 'ignore' : 'inherit'],
  })
  if (parcel.preamble !== null) feed(child, null, Buffer.from(parcel.preamble))
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    if (output.length < MAX_CAPTURED) output += chunk
  })
  return { status: await exitStatus(child, file), output }
}

const HANDED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function feed(child: ChildProcess, preamble: string | null, input: Readable | Buffer): void {
  const { stdin } = child
  if (stdin === null) return
  // The command may end without reading everything; its exit status is what counts.
  stdin.on('error', () => {})
  if (preamble !== null) stdin.write(preamble)
  if (Buffer.isBuffer(input)) stdin.end(input)
  else input.on('error', () => stdin.end()).pipe(stdin)
}

function exitStatus(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']))
    child.on('error', cause =>
      reject(
        new Problem('usage', {
          headline: `${file} could not be started`,
          saw: cause.message,
          hint: 'Install the OpenSSH client, or say with GIT_SSH_COMMAND which program to use.',
          cause,
        }),
      ),
    )
  })
}
