// Taking a push: git receive-pack does the work, the hook asks us, `onPush` decides while the pusher watches.
import { constants } from 'node:fs'
import { access, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { Problem, problemLines } from '../domain/problem.ts'
import { pourIn, pourOut } from './client.ts'
import { endGroup, type GitProcess, quarantineEnvironment, runGit, startGit } from './git.ts'
import { giveVerdict, type Push, readPush, sayThrough } from './hook.ts'
import { protocolEnvironment } from './protocol.ts'
import { PushGuard } from './push-guard.ts'

export type { Push, RefUpdate } from './hook.ts'

export interface ReceivePackOptions {
  /** Absolute path of the bare repository. */
  readonly repository: string
  /** Absolute path of the directory that holds `pre-receive`. */
  readonly hooks: string
  readonly stdin: Readable
  /** Neither stream is ended: the exit status comes after them. */
  readonly stdout: Writable
  readonly stderr: Writable
  /** The client's GIT_PROTOCOL. */
  readonly protocol: string | null
  /** Most bytes of pack data. */
  readonly maxBytes: number
  /** Aborted when the client leaves. `onPush` has to watch it too: git is not killed while it runs. */
  readonly signal: AbortSignal
  /** Milliseconds that git has, once the client has left and the verdict is given, before it is killed. */
  readonly linger?: number
  /**
   * Decides about the push: true lets the refs move. A Problem it throws is shown to the pusher; anything else it
   * throws refuses the push and comes out of `receivePack`. `say` shows raw text (`\r` and all) at once.
   */
  onPush(push: Push, say: (text: string) => void): Promise<boolean>
}

type Pipes = [Writable, Readable, Readable, Readable, Writable, Writable]

/**
 * @returns git's exit status: 0 also for a refused push, which git reports to the client by itself
 * @throws what `onPush` threw, after git has ended and cleaned up; Error when the hook is missing or git does not start
 */
export async function receivePack(options: ReceivePackOptions): Promise<number> {
  // git takes a hook that is missing or not executable for one that agrees.
  await access(join(options.hooks, 'pre-receive'), constants.X_OK)
  const guard = new PushGuard(options.maxBytes)
  const git = startGit(receivePackArguments(options), {
    env: protocolEnvironment(options.protocol),
    pipes: 3,
    errors: 'hand over',
    ownGroup: true,
  })
  const [stdin, stdout, stderr, fromHook, text, verdict] = git.child.stdio as unknown as Pipes
  pourIn(options.stdin, guard, options.signal)
  guard.pipe(stdin)
  pourOut(stdout, options.stdout)
  pourOut(stderr, options.stderr)

  const conversation = (async () => {
    let accept = false
    try {
      const push = await readPush(fromHook)
      if (push === null) return null
      accept = await decide(push, guard, sayThrough(text), options)
      return push.quarantine
    } finally {
      giveVerdict(accept, { text, verdict })
    }
  })()
  const [code, outcome] = await Promise.all([
    endOrKill(git, conversation, options),
    conversation.then(
      () => null,
      (error: unknown) => ({ error }),
    ),
  ])
  guard.destroy()
  if (guard.refusal !== null && !options.signal.aborted) {
    options.stderr.write(`${problemLines(guard.refusal).join('\n')}\n`)
  }
  if (outcome !== null) throw outcome.error
  return code
}

function receivePackArguments({ hooks, maxBytes, repository }: ReceivePackOptions): string[] {
  const settings = {
    'core.hooksPath': hooks,
    'receive.advertisePushOptions': 'true',
    'receive.maxInputSize': String(maxBytes),
    // gc would hold up the pusher; `Repositories.tidy` does it afterwards.
    'receive.autogc': 'false',
  }
  return [
    ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    'receive-pack',
    repository,
  ]
}

async function decide(
  push: Push,
  guard: PushGuard,
  say: (text: string) => void,
  { onPush, repository, signal }: ReceivePackOptions,
): Promise<boolean> {
  if (guard.refusal !== null || signal.aborted) return false
  try {
    await checkQuarantine(push, repository)
    if (guard.shallow > 0) await refuseCutHistory(push, repository, guard.shallow, signal)
    return await onPush(push, say)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    say(`${problemLines(error).join('\n')}\n`)
    return false
  }
}

/** What the hook says is believed only where it must be true: the quarantine lies in this repository. */
async function checkQuarantine({ quarantine }: Push, repository: string): Promise<void> {
  if (quarantine === null) return
  const [found, expected] = await Promise.all([
    realpath(dirname(quarantine)),
    realpath(join(repository, 'objects')),
  ])
  if (found !== expected || !/^(?:tmp_objdir-)?incoming-\w+$/.test(basename(quarantine))) {
    throw new Error(`the hook named the quarantine ${JSON.stringify(quarantine)}`)
  }
}

/**
 * A shallow clone may push what sits on history that we have. Where we lack it git refuses the refs, but runs the
 * hook all the same: nothing must be deployed for it.
 */
async function refuseCutHistory(
  push: Push,
  repository: string,
  cuts: number,
  signal: AbortSignal,
): Promise<void> {
  const tips = push.updates.flatMap(update => (update.new === null ? [] : [update.new]))
  if (tips.length === 0) return
  const walk = await runGit(['--git-dir', repository, 'rev-list', '--quiet', '--stdin', '--not', '--all'], {
    env: quarantineEnvironment(push.quarantine),
    input: `${tips.join('\n')}\n`,
    signal,
  })
  if (walk.code === 0) return
  throw new Problem('push-shallow', {
    headline: 'The push comes from a shallow clone, and the gateway lacks the history before it',
    saw: `The clone's history is cut off at ${cuts} commit${cuts === 1 ? '' : 's'}.`,
    hint: 'Run `git fetch --unshallow` (in CI: check out with depth 0), then push again.',
  })
}

/**
 * Waits for git. When the client has left, end-of-file on its input and the hook's verdict end it, and it removes its
 * quarantine; a signal would leave that behind. So it is killed only if it outlives both.
 */
async function endOrKill(
  git: GitProcess,
  conversation: Promise<string | null>,
  { signal, linger = 10_000 }: ReceivePackOptions,
): Promise<number> {
  let timer: NodeJS.Timeout | undefined
  let killed = false
  const kill = () => {
    killed = true
    endGroup(git.child, 'SIGKILL')
  }
  const watch = () => {
    const lingering = () => {
      timer = setTimeout(kill, linger)
    }
    void conversation.then(lingering, lingering)
  }
  if (signal.aborted) watch()
  else signal.addEventListener('abort', watch, { once: true })
  try {
    return await git.ended
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', watch)
    const quarantine = killed ? await conversation.catch(() => null) : null
    if (quarantine !== null) await rm(quarantine, { recursive: true, force: true })
  }
}
