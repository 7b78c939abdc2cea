// One channel: what the client sets up, the one command it may run, and the command's exit status.
import type { Connection, ServerChannel, Session as Ssh2Session } from 'ssh2'
import type { Log } from '../domain/log.ts'
import type { Actor } from '../domain/member.ts'
import { Problem, problemLines } from '../domain/problem.ts'
import { ended, openStreams } from './channel-streams.ts'
import { splitCommandLine } from './command-line.ts'
import type { Serve } from './session.ts'
import { closeUnused, guardWindow, refuseRequest, severChannel } from './ssh2-internals.ts'
import { ClientTerminal, INTERRUPT, readSize, readTerm, returningCarriage } from './terminal.ts'

export interface ChannelHost {
  readonly client: Connection
  readonly actor: Actor
  readonly serve: Serve
  readonly log: Log
  /** Ends the connection at once: the client broke the protocol. */
  readonly cut: (why: string) => void
  /** Told of every command that starts: how to abort it, and when it has ended. Returns false when none may start. */
  readonly started: (abort: (reason: Problem) => void, ended: Promise<void>) => void
  /** Told when the client has closed the channel. */
  readonly closed: () => void
}

export interface AttendedChannel {
  /** The connection is dead. */
  sever(): void
}

/** Answers the requests on one channel. Port forwarding, X11, agents and subsystems have no listener: ssh2 refuses. */
export function attendChannel(session: Ssh2Session, host: ChannelHost): AttendedChannel {
  const env = new Map<string, string>()
  let terminal: ClientTerminal | null = null
  let running: { channel: ServerChannel; leave: () => void } | null = null

  const start = (
    accept: () => ServerChannel | undefined,
    reject: (() => unknown) | undefined,
    command: string,
  ) => {
    const channel = running === null ? accept() : undefined
    if (channel === undefined) {
      if (reject !== undefined) refuseRequest(host.client, session)
      return
    }
    guardWindow(channel, () => host.cut('it sent more than its window allows'))
    running = { channel, leave: run(channel, command, new Map(env), terminal, host) }
  }

  session.on('env', (accept, reject, { key, val }) => {
    const allowed = key === 'GIT_PROTOCOL' && /^version=[012]$/.test(val)
    if (allowed) env.set(key, val)
    // Both are undefined when the client wants no answer, whatever the types say.
    if (allowed) accept?.()
    else reject?.()
  })
  session.on('pty', (accept, reject, asked) => {
    const [size, term] = [readSize(asked), readTerm(asked.term)]
    if (size === null || term === null || terminal !== null || running !== null) return void reject?.()
    terminal = new ClientTerminal(term, size)
    accept?.()
  })
  session.on('window-change', (accept, reject, asked) => {
    const size = readSize(asked)
    if (size === null || terminal === null) return void reject?.()
    terminal.resize(size)
    accept?.()
  })
  session.on('shell', (accept, reject) => start(accept, reject, ''))
  session.on('exec', (accept, reject, { command }) => start(accept, reject, command))
  session.on('close', () => {
    running?.leave()
    closeUnused(host.client, session)
    host.closed()
  })

  return {
    sever() {
      if (running === null) return
      severChannel(running.channel)
      running.leave()
    },
  }
}

/** 128 + SIGINT: what a shell says of a command that Ctrl-C ended. */
const INTERRUPTED = 130

/** Starts the command. Returns what is to be called when the client has left: it aborts before stdin ends. */
function run(
  channel: ServerChannel,
  command: string,
  env: Map<string, string>,
  terminal: ClientTerminal | null,
  host: ChannelHost,
): () => void {
  const streams = openStreams(host.client, channel)
  const { stdin } = streams
  const stdout = terminal === null ? streams.stdout : returningCarriage(streams.stdout)
  const stderr = terminal === null ? streams.stderr : returningCarriage(streams.stderr)
  const abort = new AbortController()
  let finished = false
  let interrupted = false
  let gone = false

  const attempt = async (): Promise<number> => {
    try {
      const words = splitCommandLine(command)
      const status = await host.serve({
        actor: host.actor,
        words,
        stdin,
        stdout,
        stderr,
        terminal: terminal?.forCommand(streams.stdout) ?? null,
        env,
        signal: abort.signal,
      })
      return Number.isInteger(status) && status >= 0 && status <= 255 ? status : 1
    } catch (fault) {
      stderr.write(`${explain(fault, host).join('\n')}\n`)
      return 1
    }
  }
  const finish = async () => {
    const status = await attempt()
    finished = true
    await Promise.all([ended(stdout), ended(stderr)])
    await streams.flush()
    if (gone) return
    channel.exit(interrupted ? INTERRUPTED : status)
    channel.end()
  }
  const over = finish().catch(err =>
    host.log.error({ err, member: host.actor.member.name }, 'channel not closed'),
  )
  host.started(reason => abort.abort(reason), over)
  channel.on('data', (chunk: Buffer) => {
    if (terminal === null || terminal.taken || finished || !chunk.includes(INTERRUPT)) return
    interrupted = true
    abort.abort(interruptedByKey())
  })

  return () => {
    gone = true
    if (!finished) abort.abort(clientLeft())
    streams.leave()
  }
}

function explain(fault: unknown, host: ChannelHost): string[] {
  if (fault instanceof Problem) return problemLines(fault)
  host.log.error(
    { err: fault, member: host.actor.member.name, address: host.actor.address },
    'command failed by a fault',
  )
  return ['internal fault, see the log']
}

function interruptedByKey(): Problem {
  return new Problem('cancelled', {
    headline: 'Ctrl-C was pressed before the command had ended',
    hint: 'Run the command again when you want it to end by itself.',
  })
}

function clientLeft(): Problem {
  return new Problem('cancelled', {
    headline: 'The client left before the command had ended',
    hint: 'Run the command again, and stay connected until it ends.',
  })
}
