// Serving a clone or fetch. It only reads, so a git whose client has left may simply be ended.
import type { Readable, Writable } from 'node:stream'
import { pourIn, pourOut } from './client.ts'
import { startGit } from './git.ts'
import { protocolEnvironment } from './protocol.ts'

export interface UploadPackOptions {
  /** Absolute path of the bare repository. */
  readonly repository: string
  readonly stdin: Readable
  /** Neither stream is ended: the exit status comes after them. */
  readonly stdout: Writable
  readonly stderr: Writable
  /** The client's GIT_PROTOCOL. */
  readonly protocol: string | null
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
}

/** @returns git's exit status */
export async function uploadPack(options: UploadPackOptions): Promise<number> {
  const git = startGit(['-c', 'uploadpack.allowFilter=true', 'upload-pack', options.repository], {
    env: protocolEnvironment(options.protocol),
    errors: 'hand over',
  })
  const { stdin, stdout, stderr } = git.child
  if (!stdin || !stdout || !stderr) throw new Error('git upload-pack has no pipes')
  const stop = () => git.child.kill('SIGTERM')
  options.signal.addEventListener('abort', stop, { once: true })
  if (options.signal.aborted) stop()
  try {
    pourIn(options.stdin, stdin, options.signal)
    pourOut(stdout, options.stdout)
    pourOut(stderr, options.stderr)
    return await git.ended
  } finally {
    options.signal.removeEventListener('abort', stop)
  }
}
