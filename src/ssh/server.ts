// The front door: an SSH server that takes public keys and runs commands. It knows nothing of what they do.
import { createServer, type Server, type Socket } from 'node:net'
import type { Connection } from 'ssh2'
import ssh2 from 'ssh2'
import type { Log } from '../domain/log.ts'
import { Problem } from '../domain/problem.ts'
import { createAdmission } from './admission.ts'
import type { Authenticate } from './authenticate.ts'
import { attendConnection, hangUp } from './connection.ts'
import { sendKexInitAfterTheirs } from './kexinit-after-theirs.ts'
import { DEFAULT_LIMITS, type FrontDoorLimits } from './limits.ts'
import type { Serve } from './session.ts'
import { socketOf } from './ssh2-internals.ts'

export interface FrontDoorOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** OpenSSH PEM. */
  readonly hostKey: string
  readonly authenticate: Authenticate
  readonly serve: Serve
  readonly limits?: Partial<FrontDoorLimits>
  readonly log: Log
}

export interface FrontDoor {
  readonly host: string
  readonly port: number
  /** Whether it takes connections. */
  listens(): boolean
  /** How many are open, logged in or not. */
  connections(): number
  /**
   * Stops accepting, aborts what runs (reason: Problem `interrupted`), gives it time to say its last words, and ends
   * every connection. Called again, it waits for the same end.
   * @param graceSeconds 10 unless told
   */
  close(graceSeconds?: number): Promise<void>
}

/**
 * No compression: ssh2 offers it before login, and a few kilobytes unpack into gigabytes; packs are compressed anyway.
 * AES-GCM only, which OpenSSH has had since 6.2: without its native addon, which is rarely there, ssh2 spends three times
 * as long on chacha20, and every client that knows both would choose chacha20 or AES-CTR. GCM authenticates by itself.
 * No SHA-1. The server-sig-algs that ssh2 announces lacks a comma before `rsa-sha2-512` and cannot be set, so a client
 * that signs with rsa-sha2-512 and nothing else does not find it there; one that also knows rsa-sha2-256 is fine.
 */
const ALGORITHMS: ssh2.Algorithms = {
  compress: ['none'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
  kex: {
    remove: [
      'diffie-hellman-group-exchange-sha256',
      'diffie-hellman-group17-sha512',
      'diffie-hellman-group18-sha512',
    ],
    append: [],
    prepend: [],
  },
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
}

/** Seconds for clients to leave after their last exit status. */
const FAREWELL = 2

/** @throws Problem `settings-invalid` when the address cannot be listened on */
export async function startFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { log, serve, authenticate } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const admission = createAdmission(limits)
  const visitors = new Map<Socket, { client: Connection | null; loggedIn: () => void; address: string }>()
  const running = new Map<Promise<void>, (reason: Problem) => void>()
  let stopping = false

  const started = (abort: (reason: Problem) => void, ended: Promise<void>) => {
    running.set(ended, abort)
    if (stopping) abort(interrupted())
    void ended.then(() => running.delete(ended))
  }

  const protocol = new ssh2.Server({
    hostKeys: [options.hostKey],
    ident: 'fairlead',
    algorithms: ALGORITHMS,
    keepaliveInterval: limits.keepaliveInterval * 1000,
    keepaliveCountMax: limits.keepaliveCount,
  })
  protocol.on('error', (err: Error) => log.error({ err }, 'ssh protocol'))
  protocol.on('connection', client => {
    const socket = socketOf(client)
    const visitor = visitors.get(socket)
    if (visitor === undefined) return void socket.destroy()
    visitor.client = client
    const { address, loggedIn } = visitor
    attendConnection(client, socket, { address, limits, authenticate, serve, log, loggedIn, started })
  })

  // Our own listener in front of ssh2's, which reports a connection only after its first line: the limits and the
  // login grace have to hold for those that send nothing, too.
  const listener = createServer({ noDelay: true }, socket => {
    socket.on('error', () => {})
    const address = socket.remoteAddress
    if (address === undefined || stopping) return void socket.destroy()
    const ticket = admission.admit(address)
    if (typeof ticket === 'string') {
      log.warn({ address, limit: ticket }, 'connection refused')
      socket.end('Too many connections, try again later\r\n')
      return void socket.destroySoon()
    }
    const grace = setTimeout(() => {
      log.info({ address }, 'connection cut: no login in time')
      socket.destroy()
    }, limits.loginGrace * 1000)
    const loggedIn = () => {
      clearTimeout(grace)
      ticket.loggedIn()
    }
    visitors.set(socket, { client: null, loggedIn, address })
    socket.once('close', () => {
      clearTimeout(grace)
      ticket.leave()
      visitors.delete(socket)
    })
    sendKexInitAfterTheirs(socket, limits.kexInitWait)
    protocol.injectSocket(socket)
  })

  await listen(listener, options)
  const bound = listener.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : options.port

  const stop = async (graceSeconds: number) => {
    stopping = true
    const closed = new Promise<void>(resolve => listener.close(() => resolve()))
    for (const abort of running.values()) abort(interrupted())
    const hadWork = running.size > 0
    await within(graceSeconds, Promise.all(running.keys()))
    // A client that reads the goodbye together with its exit status forgets the status: it may leave by itself first.
    const left = [...visitors.keys()].map(socket => new Promise(resolve => socket.once('close', resolve)))
    if (hadWork) await within(Math.min(graceSeconds, FAREWELL), Promise.all(left))
    for (const [socket, { client }] of visitors) {
      if (client === null) socket.destroy()
      else hangUp(client, socket)
    }
    await closed
  }
  let ending: Promise<void> | null = null
  const close = (graceSeconds = 10) => {
    ending ??= stop(graceSeconds)
    return ending
  }
  return {
    host: options.host,
    port,
    listens: () => listener.listening && !stopping,
    connections: () => visitors.size,
    close,
  }
}

function listen(listener: Server, { host, port, log }: FrontDoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(
        new Problem('settings-invalid', {
          headline: `The SSH server cannot listen on ${host}:${port}`,
          saw: cause.message,
          hint: 'Set FAIRLEAD_SSH to an address of this machine and a port that is free.',
          cause,
        }),
      )
    listener.once('error', failed)
    listener.listen(port, host, () => {
      listener.off('error', failed)
      listener.on('error', err => log.error({ err }, 'ssh listener'))
      resolve()
    })
  })
}

async function within(seconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, seconds * 1000)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

function interrupted(): Problem {
  return new Problem('interrupted', {
    headline: 'The gateway stopped while the command ran',
    hint: 'Run the command again when the gateway is back.',
  })
}
