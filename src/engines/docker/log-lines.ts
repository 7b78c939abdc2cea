// Takes the engine's log stream apart: frames of an 8-byte header (channel, three zeros, length as 32-bit
// big-endian) around the output of a container without a terminal, each beginning with the time it was printed. A long
// line lies in several frames, with a time in each. Pure: chunks in, whole lines out.
import { StringDecoder } from 'node:string_decoder'
import { EPOCH, type Instant, parseInstant } from '../../domain/instant.ts'

/** Characters. A longer line is handed over in pieces, so that no output can fill our memory. */
const LONGEST_LINE = 64 * 1024
const HEADER = 8
/** Bytes; `2026-01-02T15:04:05.000000000+00:00` and the blank behind it. */
const LONGEST_STAMP = 36
const BLANK = 0x20
const NOTHING: Buffer = Buffer.alloc(0)

export interface LogLine {
  /** When it began to be printed. */
  readonly at: Instant
  readonly text: string
}

export interface LogLines {
  /** @returns the lines that the chunk completes, in the order in which their ends came */
  read(chunk: Buffer): LogLine[]
  /** @returns what is left: lines without an end */
  end(): LogLine[]
}

export function logLines(): LogLines {
  const channels = new Map<number, Channel>()
  let channel = channelOf(0)
  /** The part of a header that has come. */
  let header = NOTHING
  /** Bytes of the frame still to come; infinite once the stream turned out to have no frames. */
  let remaining = 0
  /** The beginning of a frame, as long as its time has not come whole. */
  let stamp: Buffer | null = null
  let at = EPOCH

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
      stamp = NOTHING
      return bytes.subarray(HEADER)
    }
    // No frame begins so: the container has a terminal, and all that follows is plain output.
    remaining = Number.POSITIVE_INFINITY
    channel.stampsInText = true
    return bytes
  }

  /** Takes the time off the beginning of a frame; null as long as more of it has to come. */
  function afterStamp(begun: Buffer): Buffer | null {
    const blank = begun.subarray(0, LONGEST_STAMP).indexOf(BLANK)
    if (blank === -1 && begun.length < LONGEST_STAMP && remaining > 0) return null
    const found = blank === -1 ? null : parseInstant(begun.toString('latin1', 0, blank))
    if (found === null) return begun
    at = found
    return begun.subarray(blank + 1)
  }

  return {
    read(chunk) {
      const lines: LogLine[] = []
      let rest: Buffer = Buffer.concat([header, chunk])
      header = NOTHING
      while (rest.length > 0) {
        if (remaining === 0) {
          rest = openFrame(rest)
          continue
        }
        let part = rest.subarray(0, Math.min(remaining, rest.length))
        remaining -= part.length
        rest = rest.subarray(part.length)
        if (stamp !== null) {
          stamp = Buffer.concat([stamp, part])
          const content = afterStamp(stamp)
          if (content === null) continue
          stamp = null
          part = content
        }
        for (const line of channel.read(part, at)) lines.push(line)
      }
      return lines
    },
    end() {
      const cutOff = channel.read(Buffer.concat([stamp ?? NOTHING, header]), at)
      return [...cutOff, ...[...channels.values()].flatMap(known => known.end())]
    },
  }
}

class Channel {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #began = EPOCH
  /** The output of a terminal has the time at the beginning of each line. */
  stampsInText = false

  read(bytes: Buffer, at: Instant): LogLine[] {
    if (this.#rest === '') this.#began = at
    const texts = (this.#rest + this.#decoder.write(bytes)).split('\n')
    this.#rest = texts.pop() ?? ''
    const lines = texts.flatMap((text, i) =>
      this.#pieces(text.replace(/\r$/, ''), i === 0 ? this.#began : at),
    )
    if (texts.length > 0) this.#began = at
    if (this.#rest.length <= LONGEST_LINE) return lines
    const long = this.#pieces(this.#rest, this.#began)
    this.#rest = long.pop()?.text ?? ''
    return [...lines, ...long]
  }

  end(): LogLine[] {
    const last = this.#rest + this.#decoder.end()
    this.#rest = ''
    return last === '' ? [] : this.#pieces(last, this.#began)
  }

  #pieces(line: string, began: Instant): LogLine[] {
    const { at, text } = (this.stampsInText ? stampedText(line) : null) ?? { at: began, text: line }
    if (text.length <= LONGEST_LINE) return [{ at, text }]
    const count = Math.ceil(text.length / LONGEST_LINE)
    return Array.from({ length: count }, (_, i) => ({
      at,
      text: text.slice(i * LONGEST_LINE, (i + 1) * LONGEST_LINE),
    }))
  }
}

function stampedText(line: string): LogLine | null {
  const blank = line.indexOf(' ')
  const at = blank === -1 ? null : parseInstant(line.slice(0, Math.min(blank, LONGEST_STAMP)))
  return at === null ? null : { at, text: line.slice(blank + 1) }
}
