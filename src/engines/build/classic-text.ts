// The classic builder's text as steps. It was made for terminals: a step's output and the builder's own remarks
// come through the same stream, so that what a RUN prints must never be taken for the builder's word.
import type { BuildLine } from './building.ts'
import type { FailedStep } from './failure.ts'
import type { Step, Steps } from './steps.ts'

const STEP = /^Step (\d+)\/(\d+) : (.*)$/s
const RUNNING = /^ ---> Running in ([0-9a-f]+)\n$/
const BUILT = /^Successfully built ([0-9a-f]+)\n$/

export class ClassicText {
  readonly #steps: Steps
  readonly #added: number
  #step: Step | null = null
  #startedAt = 0
  /** Id of the container that runs the step: while there is one, text is its output. */
  #container: string | null = null
  #lastImage = ''
  #built = false

  /** @param added steps that the builder adds at the end: one for labels. They are not shown, nor counted. */
  constructor(steps: Steps, added: number) {
    this.#steps = steps
    this.#added = added
  }

  /** Whether the builder named the image that it made. The id proves that it was not a RUN that said so. */
  get built(): boolean {
    return this.#built
  }

  failed(): FailedStep | null {
    return this.#step === null ? null : this.#steps.failed(this.#step)
  }

  read({ stream, status, id, progressDetail, aux }: BuildLine): void {
    if (stream !== undefined) this.#text(stream)
    if (status !== undefined && id !== undefined) this.#layer(id, status, progressDetail)
    if (typeof aux === 'object' && aux.ID !== undefined) this.#lastImage = aux.ID
  }

  #text(text: string): void {
    if (this.#container !== null && this.#step !== null) {
      if (text === `Removing intermediate container ${this.#container}\n`) this.#container = null
      else this.#steps.output(this.#step, text)
    } else {
      this.#remark(text)
    }
  }

  #remark(text: string): void {
    const step = STEP.exec(text)
    const built = BUILT.exec(text)?.[1]
    if (step !== null) {
      this.#begin(Number(step[1]), Number(step[2]) - this.#added, step[3] ?? '')
    } else if (text === ' ---> Using cache\n' && this.#step !== null) {
      this.#steps.cached(this.#step)
    } else if (built !== undefined) {
      this.#end()
      this.#built = this.#lastImage.startsWith(`sha256:${built}`)
    } else {
      this.#container = RUNNING.exec(text)?.[1] ?? null
    }
  }

  #begin(number: number, count: number, text: string): void {
    this.#end()
    if (number > count) return
    this.#step = this.#steps.add(`[${number}/${count}] ${text}`)
    this.#startedAt = performance.now()
    this.#steps.start(this.#step)
  }

  #end(): void {
    if (this.#step !== null) this.#steps.done(this.#step, (performance.now() - this.#startedAt) / 1000)
    this.#step = null
  }

  #layer(id: string, status: string, detail: BuildLine['progressDetail']): void {
    if (status === 'Downloading') this.#steps.download(id, detail?.current ?? 0, detail?.total ?? 0)
    if (status === 'Download complete') this.#steps.download(id, null, 0)
  }
}
