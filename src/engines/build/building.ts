// What both builders are given and read alike.
import type { BuildRequest } from '../../domain/engine.ts'

/** The surroundings of one build. */
export interface Building {
  readonly labels: Readonly<Record<string, string>>
  /** Aborted by the caller, by the deadline, and when the build is over: nothing that listens outlives the build. */
  readonly signal: AbortSignal
  /** The context broke off by itself: ends the build with that error. */
  readonly contextFailed: (error: Error) => void
}

/** A line of the engine's answer. */
export interface BuildLine {
  readonly error?: string
  /** BuildKit: what kind of `aux` it is. Classic: the layer that a `status` is about. */
  readonly id?: string
  readonly aux?: string | { readonly ID?: string }
  readonly stream?: string
  readonly status?: string
  readonly progressDetail?: { readonly current?: number; readonly total?: number }
}

/**
 * Parameters of /build. `pull` makes the engine ask the registry for every base again, with this build's
 * credentials: without it, an app could build on any private image that another app left on the engine. It is not
 * enough alone: an engine does not ask for a base that it has when FROM pins the digest, and BuildKit makes one
 * question of the same question asked by two builds at once. Who calls us has asked every registry itself before.
 * No value of an app is ever a build argument: those stay readable in the image's history.
 */
export function commonQuery(
  request: BuildRequest,
  labels: Readonly<Record<string, string>>,
): Record<string, string> {
  return { t: request.tag, pull: '1', rm: '1', forcerm: '1', labels: JSON.stringify(labels) }
}
