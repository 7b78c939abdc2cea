// A Release: numbered, immutable, enough to start the app again without a build or a push.

/** A process that a Release runs: a line of the Procfile, or `cmd` with the image's own command. */
export interface Process {
  /** `[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 40: part of a container's name. */
  readonly name: string
  /** The line after `name:`, or null for the image's own command. */
  readonly command: string | null
}

export interface ReleaseImage {
  /** Our own tag on the engine, e.g. `fairlead-3f2a91/my-env/my-app:op7`: what containers are made from. */
  readonly tag: string
  /** `host/repository@sha256:…` for a pulled image, null for a built one. */
  readonly digest: string | null
  /** The engine's id of the image. */
  readonly id: string
  /** What was asked for, to show: the reference, or `Dockerfile`. */
  readonly source: string
}

export interface Release {
  readonly id: number
  readonly appId: number
  /** Counts from 1 within the app. Shown as `v1`. */
  readonly number: number
  readonly image: ReleaseImage
  readonly processes: readonly Process[]
  readonly configVersion: number
  /** Full id of the commit. */
  readonly commit: string
  /** Number of the operation that made it. */
  readonly operation: number
  /** Number of the release that this one brought back; null where it was no rollback that made it. */
  readonly rollbackOf: number | null
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** When it went live; null for a release that never served. */
  readonly promotedAt: string | null
}
