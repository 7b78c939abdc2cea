// Takes the engine's log stream apart: frames of an 8-byte header (channel, three zeros, length as 32-bit
// big-endian) around the output of a container without a terminal. Pure: chunks in, whole lines out.
import { StringDecoder } from 'node:string_decoder'

/** Characters. A longer line is handed over in pieces, so that no output can fill our memory. */
const LONGEST_LINE = 64 * 1024
const HEADER = 8
const NOTHING: Buffer = Buffer.alloc(0)

export interface LogLines {
  /** @returns the lines that the chunk completes, in the order in which their ends came */
  read(chunk: Buffer): string[]
  /** @returns what is left: lines without an end */
  end(): string[]
}

export function logLines(): LogLines {
  const channels = new Map<number, Channel>()
  let channel = channelOf(0)
  /** The part of a header that has come. */
  let header = NOTHING
  /** Bytes of the frame still to come; infinite once the stream turned out to have no frames. */
  let remaining = 0

  /** Standard output and error keep a line each, since parts of both can alternate. */
  function channelOf(number: number): Channel {
    const known = channels.get(number) ?? new Channel()
    channels.set(number, known)
    return known
  }

  function openFrame(bytes: Buffer): Buffer {
    if (bytes.length < HEADER) {
      header = bytes
      return NOTHING
    }
    if (bytes.readUInt8(0) <= 3 && bytes.readUIntBE(1, 3) === 0) {
      channel = channelOf(bytes.readUInt8(0))
      remaining = bytes.readUInt32BE(4)
      return bytes.subarray(HEADER)
    }
    // No frame begins so: the container has a terminal, and all that follows is plain output.
    remaining = Number.POSITIVE_INFINITY
    return bytes
  }

  return {
    read(chunk) {
      const lines: string[] = []
      let rest: Buffer = Buffer.concat([header, chunk])
      header = NOTHING
      while (rest.length > 0) {
        if (remaining === 0) {
          rest = openFrame(rest)
          continue
        }
        const part = rest.subarray(0, Math.min(remaining, rest.length))
        for (const line of channel.read(part)) lines.push(line)
        remaining -= part.length
        rest = rest.subarray(part.length)
      }
      return lines
    },
    end() {
      const cutOff = channel.read(header)
      return [...cutOff, ...[...channels.values()].flatMap(known => known.end())]
    },
  }
}

class Channel {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  read(bytes: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n')
    this.#rest = lines.pop() ?? ''
    const whole = lines.flatMap(line => pieces(line.replace(/\r$/, '')))
    if (this.#rest.length <= LONGEST_LINE) return whole
    const long = pieces(this.#rest)
    this.#rest = long.pop() ?? ''
    return [...whole, ...long]
  }

  end(): string[] {
    const last = this.#rest + this.#decoder.end()
    this.#rest = ''
    return last === '' ? [] : [last]
  }
}

function pieces(line: string): string[] {
  if (line.length <= LONGEST_LINE) return [line]
  const count = Math.ceil(line.length / LONGEST_LINE)
  return Array.from({ length: count }, (_, i) => line.slice(i * LONGEST_LINE, (i + 1) * LONGEST_LINE))
}
