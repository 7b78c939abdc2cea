// The three streams of a command, on top of an ssh2 channel. A channel is not handed out itself: it is one Duplex for
// two directions (a reader that is done would close both), waits forever when the client has left, and knows nothing
// of the socket's back-pressure.
//
// Once the client has left, stdin ends after what had arrived, and what is written goes nowhere without an error: a
// child that still has to finish its work must not block on words for nobody.
import { Readable, Writable } from 'node:stream'
import type { Connection, ServerChannel } from 'ssh2'
import { forgetChunks, isRekeying, socketOf } from './ssh2-internals.ts'

export interface ChannelStreams {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Ends both outputs; resolves when the client's side of the wire has taken all of it, or the client has left. */
  flush(): Promise<void>
  /** The client has left. */
  leave(): void
}

/** Bytes held in each direction before the writer is made to wait. */
const HELD = 256 * 1024
/** Bytes handed to the wire between two looks at the socket. */
const SLICE = 128 * 1024

export function openStreams(client: Connection, channel: ServerChannel): ChannelStreams {
  const sender = createSender(client, channel)
  const output = (target: Writable) =>
    new Writable({
      highWaterMark: HELD,
      write: (chunk: Buffer, _encoding, done) => sender.send(target, chunk, () => done()),
    })
  const stdin = readFrom(channel)
  const stdout = output(channel)
  const stderr = output(channel.stderr)
  // The commands' own concern, but an error nobody listens to would end the process.
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => {})
  channel.on('error', () => sender.leave())
  channel.stderr.on('error', () => sender.leave())

  return {
    stdin,
    stdout,
    stderr,
    flush: async () => {
      await Promise.all([ended(stdout), ended(stderr)])
    },
    leave: () => sender.leave(),
  }
}

function readFrom(channel: ServerChannel): Readable {
  const stdin = new Readable({ highWaterMark: HELD, read: () => void channel.resume() })
  channel.on('data', (chunk: Buffer) => {
    if (!stdin.push(chunk)) channel.pause()
  })
  const end = () => {
    if (!stdin.readableEnded && !stdin.destroyed) stdin.push(null)
  }
  channel.once('end', end)
  channel.once('error', end)
  return stdin
}

/** Ends it, and waits until all of it was taken. */
export function ended(stream: Writable): Promise<void> {
  return new Promise(resolve => {
    if (stream.closed) return resolve()
    stream.once('close', resolve)
    stream.end()
  })
}

interface Parcel {
  readonly target: Writable
  readonly bytes: Buffer
  readonly done: () => void
}

/**
 * Sends one parcel at a time: ssh2 mixes stdout and stderr up when both wait for window space. Between slices it waits
 * for the socket and for a running key exchange, so that a client which does not read cannot fill our memory.
 */
function createSender(client: Connection, channel: ServerChannel) {
  const socket = socketOf(client)
  const waiting: Parcel[] = []
  let current: Parcel | null = null
  let gone = false

  const next = () => {
    current = waiting.shift() ?? null
    if (current !== null) proceed(current, 0)
  }

  const proceed = (parcel: Parcel, from: number): void => {
    if (gone) return
    if (from >= parcel.bytes.length) {
      parcel.done()
      next()
      return
    }
    if (isRekeying(client)) return void client.once('rekey', () => proceed(parcel, from))
    if (socket.writableNeedDrain) return void socket.once('drain', () => proceed(parcel, from))
    try {
      parcel.target.write(parcel.bytes.subarray(from, from + SLICE), () => {
        forgetChunks(channel)
        proceed(parcel, from + SLICE)
      })
    } catch {
      // ssh2 throws from within when the connection died under it; that it died is told by its events.
      leave()
    }
  }

  const leave = () => {
    if (gone) return
    gone = true
    const unsent = current === null ? [...waiting] : [current, ...waiting]
    waiting.length = 0
    for (const parcel of unsent) parcel.done()
  }

  return {
    send(target: Writable, bytes: Buffer, done: () => void) {
      if (gone) return done()
      waiting.push({ target, bytes, done })
      if (current === null) next()
    },
    leave,
  }
}
