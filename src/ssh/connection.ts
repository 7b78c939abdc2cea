// One connection after its first line: login, channels, and how it ends.
import type { Socket } from 'node:net'
import type { Connection } from 'ssh2'
import type { Log } from '../domain/log.ts'
import type { Actor } from '../domain/member.ts'
import type { Problem } from '../domain/problem.ts'
import { type Authenticate, attendLogin } from './authenticate.ts'
import { type AttendedChannel, attendChannel } from './command-run.ts'
import type { FrontDoorLimits } from './limits.ts'
import type { Serve } from './session.ts'
import { acceptableOffer, useKeyObjects } from './ssh2-internals.ts'

export interface ConnectionOptions {
  readonly address: string
  readonly limits: FrontDoorLimits
  readonly authenticate: Authenticate
  readonly serve: Serve
  readonly log: Log
  readonly loggedIn: () => void
  readonly started: (abort: (reason: Problem) => void, ended: Promise<void>) => void
}

/** Milliseconds a client has to take the goodbye. */
const GOODBYE = 2000

export function attendConnection(client: Connection, socket: Socket, options: ConnectionOptions): void {
  const { address, limits, log } = options
  const channels = new Set<AttendedChannel>()
  let actor: Actor | null = null
  // Each open channel may wait for the socket and for a key exchange at the same time.
  client.setMaxListeners(limits.channels * 2 + 20)
  socket.setMaxListeners(limits.channels * 2 + 20)

  const sever = () => {
    for (const channel of channels) channel.sever()
    channels.clear()
  }
  const cut = (why: string) => {
    log.warn({ address, member: actor?.member.name, why }, 'connection cut')
    sever()
    socket.destroy()
  }

  client.on('error', (err: Error) => {
    // After an error ssh2 has freed its ciphers but only half closed the socket: its next keepalive would throw.
    log.info({ address, member: actor?.member.name, reason: err.message }, 'connection failed')
    sever()
    socket.destroy()
  })
  client.on('ready', () => useKeyObjects(client))
  client.on('rekey', () => useKeyObjects(client))
  client.on('end', sever)
  client.on('close', sever)
  socket.on('data', () => {
    if (socket.writableLength > limits.unread) cut('it asks and does not read the answers')
  })

  attendLogin(client, {
    address,
    tries: limits.authTries,
    authenticate: options.authenticate,
    log,
    loggedIn: someone => {
      actor = someone
      options.loggedIn()
      log.info({ address, member: someone.member.name, key: someone.key }, 'logged in')
    },
    hangUp: () => hangUp(client, socket),
  })

  client.on('session', (accept, reject) => {
    if (actor === null || channels.size >= limits.channels) {
      log.warn({ address, member: actor?.member.name }, 'channel refused')
      return void reject()
    }
    const session = accept()
    if (!acceptableOffer(session)) return cut('it offers a channel with unusable sizes')
    const { serve, started } = options
    const closed = () => void channels.delete(channel)
    const channel = attendChannel(session, { client, actor, serve, log, cut, started, closed })
    channels.add(channel)
  })
}

/** Says goodbye, and gives the client a moment to leave: to destroy the socket at once would take the word back. */
export function hangUp(client: Connection, socket: Socket): void {
  client.end()
  const late = setTimeout(() => socket.destroy(), GOODBYE)
  socket.once('close', () => clearTimeout(late))
}
