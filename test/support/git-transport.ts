// Real git clients against code that serves git, without an ssh server: git's "ssh" is a small program that connects
// to a unix socket, where `serve` gets what an ssh session would give it.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Readable, Writable } from 'node:stream'

export interface GitChannel {
  /** `git-receive-pack '/path'` as git sent it. */
  readonly command: string
  readonly protocol: string | null
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly signal: AbortSignal
}

export interface GitTransport {
  /** Environment for a git client, to be used with URLs like `ssh://git@test/path`. */
  readonly env: Record<string, string>
  close(): Promise<void>
}

export async function listenForGit(serve: (channel: GitChannel) => Promise<number>): Promise<GitTransport> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-transport-'))
  const path = join(directory, 'socket')
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void answer(socket, serve)
  })
  await new Promise<void>(resolve => server.listen(path, resolve))
  const client = join(import.meta.dirname, 'git-transport-client.ts')
  return {
    env: { GIT_SSH_COMMAND: `'${process.execPath}' '${client}' '${path}'`, GIT_SSH_VARIANT: 'ssh' },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function answer(socket: Socket, serve: (channel: GitChannel) => Promise<number>): Promise<void> {
  const left = new AbortController()
  socket.on('error', () => {})
  socket.once('close', () => left.abort(new Error('the client left')))
  const hello = JSON.parse(await firstLine(socket)) as { command: string; protocol: string | null }
  const stream = (kind: number) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => void socket.write(frame(kind, chunk), () => done()),
    })
  const [stdout, stderr] = [stream(1), stream(2)]
  let code = 1
  try {
    code = await serve({ ...hello, stdin: socket, stdout, stderr, signal: left.signal })
  } finally {
    stdout.end(() => stderr.end(() => socket.end(frame(3, Buffer.from([code])))))
  }
}

function frame(kind: number, data: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(kind, 0)
  head.writeUInt32BE(data.length, 1)
  return Buffer.concat([head, data])
}

function firstLine(socket: Socket): Promise<string> {
  return new Promise(resolve => {
    let held = Buffer.alloc(0)
    const read = () => {
      held = Buffer.concat([held, socket.read() ?? Buffer.alloc(0)])
      const end = held.indexOf(10)
      if (end === -1) return
      socket.off('readable', read)
      socket.unshift(held.subarray(end + 1))
      resolve(held.toString('utf8', 0, end))
    }
    socket.on('readable', read)
  })
}

export interface GitRun {
  /** SIGKILL to git and everything below it, as when the machine goes down. */
  kill(): void
  /** Standard output and error together, as they come. */
  seen(): string
  /** Resolves when the output holds that text. */
  shows(text: string): Promise<void>
  readonly done: Promise<{ code: number | null; output: string }>
}

const CLEAN = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
  GIT_TERMINAL_PROMPT: '0',
}

/** Starts a real git client. */
export function startGitClient(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): GitRun {
  const child = spawn('git', args, {
    cwd,
    env: { ...CLEAN, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  const waiting = new Set<() => void>()
  const collect = (text: string) => {
    output += text
    for (const look of waiting) look()
  }
  child.stdout?.setEncoding('utf8').on('data', collect)
  child.stderr?.setEncoding('utf8').on('data', collect)
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL')
  }
  const done = new Promise<{ code: number | null; output: string }>(resolve => {
    child.once('close', code => resolve({ code, output }))
  })
  const shows = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!output.includes(text)) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      void done.then(() => reject(new Error(`git ended without showing ${JSON.stringify(text)}:\n${output}`)))
    })
  return { kill, seen: () => output, shows, done }
}

/** Runs a git client that is expected to succeed. @returns its output, trimmed */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const { code, output } = await startGitClient(cwd, args).done
  if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}:\n${output}`)
  return output.trim()
}
