// The output of one build step, made into lines that are safe to show: a step may print anything, in any pieces.
import { StringDecoder } from 'node:string_decoder'
import { plainLine } from '../../domain/printable.ts'

/** How many lines are kept for the Problem, should the step fail. */
const KEPT = 20
/** Characters; what is longer is shown in several lines. */
const LONGEST = 1000

export class StepOutput {
  /** The newest lines, oldest first. */
  readonly last: string[] = []
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  /** Takes a piece of the output, hands back the lines that it completes. */
  write(piece: Buffer | string): string[] {
    const lines = (this.#rest + this.#decoder.write(piece as Buffer)).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > LONGEST) {
      lines.push(this.#rest)
      this.#rest = ''
    }
    return this.#keep(lines)
  }

  /** The line that was begun and never ended. */
  end(): string[] {
    const rest = plainLine(this.#rest + this.#decoder.end())
    this.#rest = ''
    return this.#keep(rest === '' ? [] : [rest])
  }

  #keep(lines: string[]): string[] {
    const shown = lines.flatMap(line => plainLine(line).match(/.{1,1000}/gsu) ?? [''])
    this.last.push(...shown.slice(-KEPT))
    this.last.splice(0, Math.max(0, this.last.length - KEPT))
    return shown
  }
}
