// The terminal that a client asks for: checked, followed as its size changes, and the end of lines on it.
import { Writable } from 'node:stream'
import type { TerminalSize } from '../domain/terminal.ts'

/** What a command gets when the client asked for a terminal. */
export interface Terminal extends TerminalSize {
  /** Kind of the terminal: letters, digits and `+-._`, `dumb` where the client has none. */
  readonly term: string
  /** Called with every new size. */
  onResize(listener: (size: TerminalSize) => void): void
  /**
   * For a command that has a terminal of its own to show: Ctrl-C arrives as a byte like every other key from now on,
   * and what is written to the result reaches the client unchanged. Whoever does not call it gets what a terminal would
   * do: line ends return the carriage, and Ctrl-C ends the command.
   */
  takeOver(): Writable
}

/** As ssh2 hands it over: whatever the client sent. */
export interface Asked {
  readonly cols: number
  readonly rows: number
  readonly term?: string | undefined
}

const TERM = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/
/** Most that a terminal of Linux can be told. */
const LARGEST = 65_535
/** A client that does not know sends 0. */
const USUAL: TerminalSize = { columns: 80, rows: 24 }

/** Null for a size that no terminal has. */
export function readSize({ cols, rows }: Asked): TerminalSize | null {
  if (![cols, rows].every(each => Number.isInteger(each) && each >= 0 && each <= LARGEST)) return null
  return { columns: cols || USUAL.columns, rows: rows || USUAL.rows }
}

/** Null for a name that no terminal has. */
export function readTerm(term: string | undefined): string | null {
  if (term === undefined || term === '') return 'dumb'
  return TERM.test(term) ? term : null
}

/** One channel's terminal. */
export class ClientTerminal {
  readonly term: string
  #size: TerminalSize
  #taken = false
  readonly #listeners: ((size: TerminalSize) => void)[] = []

  constructor(term: string, size: TerminalSize) {
    this.term = term
    this.#size = size
  }

  /** The command does what its terminal's keys ask for. */
  get taken(): boolean {
    return this.#taken
  }

  resize(size: TerminalSize): void {
    this.#size = size
    for (const listener of this.#listeners) listener(size)
  }

  forCommand(output: Writable): Terminal {
    const current = () => this.#size
    return {
      term: this.term,
      get columns() {
        return current().columns
      },
      get rows() {
        return current().rows
      },
      onResize: listener => void this.#listeners.push(listener),
      takeOver: () => {
        this.#taken = true
        return output
      },
    }
  }
}

const RETURN = 0x0d
const NEWLINE = 0x0a
/** What the key Ctrl-C sends. */
export const INTERRUPT = 0x03

/**
 * Writes to `target` with a carriage return before every line end that has none: the client's own terminal translates
 * nothing meanwhile. Does not end `target`.
 */
export function returningCarriage(target: Writable): Writable {
  let last = 0
  return new Writable({
    highWaterMark: target.writableHighWaterMark,
    write(chunk: Buffer, _encoding, done) {
      const out = Buffer.allocUnsafe(chunk.length * 2)
      let length = 0
      for (const byte of chunk) {
        if (byte === NEWLINE && last !== RETURN) out[length++] = RETURN
        out[length++] = byte
        last = byte
      }
      target.write(out.subarray(0, length), () => done())
    },
  })
}
