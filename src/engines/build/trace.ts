// BuildKit's trace as steps. BuildKit repeats a vertex with every change, tells of much that is its own business
// (contexts, metadata, exports), and of the bytes of every layer many times a second.

import type { FailedStep } from './failure.ts'
import { decodeStatus, type Status, type Vertex } from './status.ts'
import type { Step, Steps } from './steps.ts'

/** Steps of the Dockerfile, the images it copies from, and a frontend that a `# syntax=` line asks for. */
const OURS = /^(?:\[(?!internal\]|auth\])|FROM |docker-image:\/\/)/
/** What BuildKit says of steps that it stops because another one failed. */
const STOPPED = /context canceled$/

export class Trace {
  readonly #steps: Steps
  readonly #byDigest = new Map<string, Step>()
  #failed: FailedStep | null = null

  constructor(steps: Steps) {
    this.#steps = steps
  }

  /** The step that failed, one of BuildKit's own included. */
  get failed(): FailedStep | null {
    return this.#failed
  }

  /** @param aux base64 of a StatusResponse, as it stands in the engine's answer */
  read(aux: string): void {
    this.show(decodeStatus(Buffer.from(aux, 'base64')))
  }

  show({ vertices, statuses, logs }: Status): void {
    // Within one message, what a step printed comes before its end.
    for (const vertex of vertices) if (OURS.test(vertex.name)) this.#begin(vertex)
    for (const { vertex, message } of logs) {
      const step = this.#byDigest.get(vertex)
      if (step !== undefined) this.#steps.output(step, message)
    }
    for (const { vertex, id, name, current, total } of statuses) {
      if (this.#byDigest.has(vertex)) this.#steps.download(id, name === 'done' ? null : current, total)
    }
    for (const vertex of vertices) this.#end(vertex)
  }

  #begin(vertex: Vertex): void {
    let step = this.#byDigest.get(vertex.digest)
    if (step === undefined) {
      step = this.#steps.add(vertex.name)
      this.#byDigest.set(vertex.digest, step)
    }
    // A base is looked up first, and "cached" only when it turns out to lie there: no news then.
    if (vertex.cached && !step.announced) this.#steps.cached(step)
    else if (vertex.started !== null) this.#steps.start(step)
  }

  #end(vertex: Vertex): void {
    const step = this.#byDigest.get(vertex.digest)
    if (vertex.error !== '') {
      if (STOPPED.test(vertex.error)) return
      this.#failed ??= step === undefined ? { name: vertex.name, output: [] } : this.#steps.failed(step)
    } else if (step !== undefined && !vertex.cached && vertex.started !== null && vertex.completed !== null) {
      this.#steps.done(step, vertex.completed - vertex.started)
    }
  }
}
