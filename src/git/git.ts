// Starting git: always with a list of arguments, always in an environment that holds nothing of the machine's.
import { type ChildProcess, spawn } from 'node:child_process'
import { dirname } from 'node:path'

export interface GitProcess {
  readonly child: ChildProcess
  /** Exit code once every pipe is closed; 128 + 15 and the like never: a signal counts as 1. Rejects if git did not start. */
  readonly ended: Promise<number>
  /** The last 4 KiB of standard error, when it is kept. */
  stderr(): string
}

export interface GitOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Pipes beyond standard error: fds 3, 4, … */
  readonly pipes?: number
  /** 'keep' collects standard error for `stderr()`; 'hand over' leaves `child.stderr` to the caller. */
  readonly errors?: 'keep' | 'hand over'
  /** In a process group of its own, out of reach of a Ctrl-C meant for the gateway. */
  readonly ownGroup?: boolean
}

const ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  // A ref under refs/replace/ would make a commit that was pushed hold other files than its id says.
  GIT_NO_REPLACE_OBJECTS: '1',
}

const KEPT = 4096

export function startGit(args: readonly string[], options: GitOptions = {}): GitProcess {
  const child = spawn('git', args, {
    env: { ...ENVIRONMENT, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe', ...Array<'pipe'>(options.pipes ?? 0).fill('pipe')],
    detached: options.ownGroup ?? false,
  })
  let kept = ''
  if (options.errors !== 'hand over') {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      kept = (kept + text).slice(-KEPT)
    })
  }
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve(code ?? 1))
  })
  ended.catch(() => {}) // whoever needs the outcome awaits it; who only reads a pipe need not
  child.stdin?.on('error', () => {}) // git may end before it has read everything
  return { child, ended, stderr: () => kept.trim() }
}

/**
 * Runs git to its end and collects what it prints. An abort ends what git has started, too: `git gc` would leave that
 * behind. @throws `signal.reason` when aborted
 */
export async function runGit(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; input?: string; signal?: AbortSignal } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  options.signal?.throwIfAborted()
  const git = startGit(args, { ...(options.env && { env: options.env }), ownGroup: true })
  const stop = () => endGroup(git.child, 'SIGTERM')
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    let stdout = ''
    git.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    git.child.stdin?.end(options.input ?? '')
    const code = await git.ended
    options.signal?.throwIfAborted()
    return { code, stdout, stderr: git.stderr() }
  } finally {
    options.signal?.removeEventListener('abort', stop)
  }
}

/** Ends a git that is `ownGroup`, and all that it has started. */
export function endGroup({ pid }: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // The group has just ended by itself.
  }
}

/**
 * What lets git see the objects of a push that is not accepted yet.
 * @param quarantine absolute path of the directory that the hook named; null outside a push
 */
export function quarantineEnvironment(quarantine: string | null): Record<string, string> {
  if (quarantine === null) return {}
  return {
    GIT_OBJECT_DIRECTORY: quarantine,
    // Quoted, since a bare ':' would end the path.
    GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(dirname(quarantine)),
  }
}
