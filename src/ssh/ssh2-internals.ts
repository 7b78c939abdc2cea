// The only place that looks behind ssh2's public face (1.17). Each function says which gap it closes.
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Connection, ServerChannel, Session } from 'ssh2'

interface Wire {
  window: number
  packetSize: number
  state: 'open' | 'eof' | 'closing' | 'closed'
  id: number
}

interface ClientInside {
  readonly _sock: Socket
  readonly _protocol: {
    readonly _kexinit: unknown
    readonly _cipher: { _encKey?: Buffer | KeyObject }
    readonly _decipher: { _decipherKey?: Buffer | KeyObject }
    channelFailure(id: number): void
    channelClose(id: number): void
  }
  readonly _chanMgr: { remove(id: number): void }
}

interface SessionInside {
  readonly _chanInfo: { incoming: Wire; outgoing: Wire }
  readonly _channel: ServerChannel | undefined
}

interface ChannelInside {
  readonly incoming: Wire
  readonly outgoing: Wire
  push: (chunk: Buffer | null) => boolean
  _chunk: unknown
  _chunkcb: unknown
  _chunkErr: unknown
  _chunkcbErr: unknown
}

const clientInside = (client: Connection) => client as unknown as ClientInside
const sessionInside = (session: Session) => session as unknown as SessionInside
const channelInside = (channel: ServerChannel) => channel as unknown as ChannelInside

/** The connection's socket: `end()` of ssh2 is a half close, and only the socket can be destroyed. */
export function socketOf(client: Connection): Socket {
  return clientInside(client)._sock
}

/** While keys are exchanged anew ssh2 queues what we send, without bound and unseen by the socket. */
export function isRekeying(client: Connection): boolean {
  return clientInside(client)._protocol._kexinit !== undefined
}

/**
 * To be called after every key exchange. ssh2 makes a cipher of a bare key for every packet, and since 24.14 or so Node
 * finds out that a Buffer is no KeyObject by throwing and catching, twice: half the time of receiving a large pack.
 */
export function useKeyObjects(client: Connection): void {
  const { _cipher: cipher, _decipher: decipher } = clientInside(client)._protocol
  if (Buffer.isBuffer(cipher._encKey)) cipher._encKey = createSecretKey(cipher._encKey)
  if (Buffer.isBuffer(decipher._decipherKey)) decipher._decipherKey = createSecretKey(decipher._decipherKey)
}

/**
 * Whether the client's offer for the channel can be worked with. ssh2 takes any: with a packet size of 0 its first
 * write never ends and blocks the process, and a missing field becomes NaN. Larger packets than ours are not needed.
 */
export function acceptableOffer(session: Session): boolean {
  const { outgoing } = sessionInside(session)._chanInfo
  if (!Number.isInteger(outgoing.window) || !Number.isInteger(outgoing.packetSize)) return false
  if (outgoing.packetSize < 1024) return false
  outgoing.packetSize = Math.min(outgoing.packetSize, 32 * 1024)
  return true
}

/**
 * Calls `overrun` when the client sends more than its window allows. ssh2 keeps on buffering, except at a window of
 * exactly 0, where it drops bytes in silence; one byte of slack keeps an honest client's window from being 0 here.
 */
export function guardWindow(channel: ServerChannel, overrun: () => void): void {
  const inside = channelInside(channel)
  inside.incoming.window += 1
  const push = inside.push.bind(channel)
  inside.push = chunk => {
    if (chunk === null || inside.incoming.window > 0) return push(chunk)
    overrun()
    return false
  }
}

/**
 * To be called after every finished write. ssh2 keeps the chunk that once waited for window space, and sends it again
 * when the other of stdout and stderr has to wait.
 */
export function forgetChunks(channel: ServerChannel): void {
  const inside = channelInside(channel)
  inside._chunk = inside._chunkcb = inside._chunkErr = inside._chunkcbErr = undefined
}

/**
 * Marks the channel of a dead connection. ssh2 leaves it `open`, so that reading what is still buffered would have it
 * send a window adjustment through a cipher that is freed.
 */
export function severChannel(channel: ServerChannel): void {
  channelInside(channel).outgoing.state = 'closed'
}

/** The answer to a second exec on a channel, which ssh2 leaves without one. */
export function refuseRequest(client: Connection, session: Session): void {
  clientInside(client)._protocol.channelFailure(sessionInside(session)._chanInfo.outgoing.id)
}

/** The answer to the closing of a channel on which nothing ran: ssh2 neither answers nor forgets it. */
export function closeUnused(client: Connection, session: Session): void {
  const { _chanInfo, _channel } = sessionInside(session)
  if (_channel !== undefined) return
  clientInside(client)._protocol.channelClose(_chanInfo.outgoing.id)
  clientInside(client)._chanMgr.remove(_chanInfo.incoming.id)
}
