// What the pusher sees of a build, whichever builder does it: a line when a step starts, its output below it,
// a line when it is done, unless that took next to no time.
import { printable } from '../../domain/printable.ts'
import type { Transcript } from '../../domain/transcript.ts'
import { Downloads } from './downloads.ts'
import type { FailedStep } from './failure.ts'
import { StepOutput } from './output.ts'

/** Seconds. What is quicker gets no line of its own for being done. */
const WORTH_TELLING = 0.1
const INDENT = ' '.repeat(7)

export interface Step {
  /** `[build 2/3] RUN make`. */
  readonly name: string
  readonly output: StepOutput
  announced: boolean
  /** Seconds that were told last; a base image is "done" twice, once looked up and once downloaded. */
  told: number
}

export class Steps {
  readonly #transcript: Transcript
  readonly #downloads = new Downloads()
  /** The step that the last line was about: steps of several stages run at once. */
  #shown: Step | null = null

  constructor(transcript: Transcript) {
    this.#transcript = transcript
  }

  add(name: string): Step {
    const oneLine = name.replace(/\s+/g, ' ').replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+/g, '$1')
    return { name: printable(oneLine, 200), output: new StepOutput(), announced: false, told: 0 }
  }

  start(step: Step): void {
    if (!step.announced) this.#line(step, step.name)
    step.announced = true
  }

  cached(step: Step): void {
    this.#line(step, `${step.announced ? tag(step) : step.name}  CACHED`)
    step.announced = true
  }

  output(step: Step, piece: Buffer | string): void {
    for (const line of step.output.write(piece)) this.#outputLine(step, line)
  }

  /** @param seconds how long it took */
  done(step: Step, seconds: number): void {
    this.start(step)
    this.#flush(step)
    if (seconds < WORTH_TELLING || seconds <= step.told) return
    step.told = seconds
    this.#line(step, `${tag(step)} done in ${seconds.toFixed(1)} s`)
  }

  /** The step as evidence. */
  failed(step: Step): FailedStep {
    this.start(step)
    this.#flush(step)
    return { name: step.name, output: step.output.last }
  }

  /** @param current bytes; null when the layer is complete */
  download(layer: string, current: number | null, total: number): void {
    if (current === null) this.#downloads.complete(layer)
    else this.#downloads.note(layer, current, total)
    const text = this.#downloads.text()
    if (text !== null) this.#transcript.progress(`${INDENT}${text}`)
  }

  #flush(step: Step): void {
    for (const line of step.output.end()) this.#outputLine(step, line)
  }

  #outputLine(step: Step, line: string): void {
    if (this.#shown !== step) this.#line(step, `${tag(step)} …`)
    this.#transcript.line(`${INDENT}  ${line}`)
  }

  #line(step: Step, text: string): void {
    this.#shown = step
    this.#transcript.line(`${INDENT}${text}`)
  }
}

/** `[build 2/3] RUN make` → `[build 2/3]`. */
function tag(step: Step): string {
  return /^\[[^\]]*\]/.exec(step.name)?.[0] ?? step.name
}
