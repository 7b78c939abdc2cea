// Takes what an attached container says apart: frames of an 8-byte header (channel, three zeros, length as 32-bit
// big-endian). Pure, and without a copy of what is in the frames.

export type Channel = 'stdout' | 'stderr'

export interface Piece {
  readonly channel: Channel
  readonly bytes: Buffer
}

const HEADER = 8
const NOTHING: Buffer = Buffer.alloc(0)

/** Not what the engine's protocol says: bytes must not be taken for something they are not. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

/** @returns a reader of chunks, cut anywhere; it throws BadFrame */
export function frameReader(): (chunk: Buffer) => Piece[] {
  let header = NOTHING
  let channel: Channel = 'stdout'
  /** Bytes of the frame still to come. */
  let remaining = 0

  return chunk => {
    const pieces: Piece[] = []
    let rest = chunk
    while (rest.length > 0) {
      if (remaining > 0) {
        pieces.push({ channel, bytes: rest.subarray(0, remaining) })
        const taken = Math.min(remaining, rest.length)
        remaining -= taken
        rest = rest.subarray(taken)
        continue
      }
      const missing = HEADER - header.length
      header = Buffer.concat([header, rest.subarray(0, missing)])
      rest = rest.subarray(missing)
      if (header.length < HEADER) break
      channel = channelOf(header)
      remaining = header.readUInt32BE(4)
      header = NOTHING
    }
    return pieces
  }
}

function channelOf(header: Buffer): Channel {
  const [number] = header
  if ((number !== 1 && number !== 2) || header.readUIntBE(1, 3) !== 0) {
    throw new BadFrame(`a frame begins with ${header.toString('hex')}`)
  }
  return number === 1 ? 'stdout' : 'stderr'
}
