// The seam between the deploy and what containers run on. One implementation talks to Docker, one is a fake for
// tests; both pass the same conformance suite. Every call may throw Problem `engine-unreachable`,
// `engine-disk-full` or `engine-failed`, and `signal.reason` when its signal is aborted.
import type { Readable, Writable } from 'node:stream'
import type { Condition, Container, ContainerLabels, ContainerSpec, Listener, Usage } from './container.ts'
import type { ImageReference } from './image-reference.ts'
import type { Instant } from './instant.ts'
import type { RegistryAuth } from './registry-auth.ts'
import type { Limits } from './stack.ts'
import type { TerminalSize } from './terminal.ts'
import type { Transcript } from './transcript.ts'

export interface Platform {
  /** `linux` */
  readonly os: string
  /** In the registry's spelling: `amd64`, `arm64`. */
  readonly architecture: string
}

export interface EngineFacts {
  readonly version: string
  readonly apiVersion: string
  readonly platform: Platform
  readonly builder: 'buildkit' | 'classic'
}

/** Room on the disk where an engine keeps images and containers. */
export interface DiskSpace {
  /** Absolute path on the engine's machine. */
  readonly directory: string
  /** Bytes that can still be written. */
  readonly free: number
}

/** An image that lies on the engine. */
export interface Image {
  readonly id: string
  readonly platform: Platform
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  /** The image's own ENV. */
  readonly env: ReadonlyMap<string, string>
  /** TCP ports of EXPOSE, ascending. */
  readonly exposedPorts: readonly number[]
}

/** A name that an image bears on the engine for as long as it is pulled or pushed. */
interface Passing {
  /** Called before the image may bear it, and when it is gone again for sure. Without the second it may be left. */
  readonly named?: () => void
  readonly unnamed?: () => void
}

/** The passing name is `host/repository@digest`; where the engine has that already, it stays and nobody is called. */
export interface PullRequest extends Passing {
  readonly reference: ImageReference
  /** `sha256:…` that the registry named for the reference: what is pulled. */
  readonly digest: string
  readonly auth: RegistryAuth | null
  /** Our own tag for it. */
  readonly tag: string
}

/** The passing name is `reference`. */
export interface PushRequest extends Passing {
  /** Our own tag for the image that lies on the engine. */
  readonly tag: string
  /** Where it goes, with a tag and without a digest. */
  readonly reference: ImageReference
  readonly auth: RegistryAuth | null
}

export interface BuildRequest {
  /** An uncompressed tar with `Dockerfile` at its root. The engine ends it when it stops reading. */
  readonly context: () => Readable
  /** Tag for the result, e.g. `fairlead-3f2a/my-env/my-app:v3`. */
  readonly tag: string
  /** Credentials by registry host, and only for the hosts that the Dockerfile names. Nothing is sent to another. */
  readonly auths: ReadonlyMap<string, RegistryAuth>
  readonly builder: 'buildkit' | 'classic'
  readonly limits: Limits
}

/** A network of ours. */
export interface Network {
  readonly name: string
  /** Handle of the environment that it was made for. */
  readonly environment: string
  /** CIDR */
  readonly subnet: string
}

/** What a container's program is talked to through. None of the streams is ended. */
export interface Talk {
  /** Its end is the end of the program's standard input; for a program with a terminal it is that of a Ctrl-D. */
  readonly stdin: Readable
  readonly stdout: Writable
  /** Nothing comes here from a program with a terminal. */
  readonly stderr: Writable
}

export interface Attached {
  /**
   * Resolves when the container has stopped and all it said was handed over; whoever is slow to take it is waited for.
   * Rejects when the engine breaks off, and with `signal.reason`: the container is not stopped by either.
   */
  readonly ended: Promise<void>
}

export interface LogOptions {
  readonly follow: boolean
  /** Lines from the end, or 'all'. */
  readonly lines: number | 'all'
  /** Only lines of this instant (of the engine's clock) and later. */
  readonly since?: Instant
}

export interface Engine {
  facts(signal: AbortSignal): Promise<EngineFacts>
  /** Null where it cannot be known: the engine is on another machine, or the gateway may not look at its directory. */
  diskSpace(signal: AbortSignal): Promise<DiskSpace | null>
  /**
   * Lets go of what builds have left on the engine to be used again, the least used of it first, until that is no
   * more than `keep` bytes. What images share with it stays. May break builds that are under way, and take minutes.
   */
  trimBuildCache(keep: number, signal: AbortSignal): Promise<void>
  /** What the engine's own clock says, by which it dates what containers print. */
  now(signal: AbortSignal): Promise<Instant>

  /** The image of that id, tag or `repository@digest`, null when the engine does not have it. */
  findImage(name: string, signal: AbortSignal): Promise<Image | null>
  /**
   * Pulls by digest, with a live percentage, and tags. The tag is all that is left to hold the image, unless it lay
   * on the engine before: then a pull fetches nothing.
   */
  pull(request: PullRequest, transcript: Transcript, signal: AbortSignal): Promise<Image>
  /**
   * Builds and tags. Every base is asked for at its registry again, whatever lies on the engine.
   * @throws Problem `build-failed` with the last lines of the step that failed
   */
  build(request: BuildRequest, transcript: Transcript, signal: AbortSignal): Promise<Image>
  /**
   * Pushes an image to its registry, with live progress. Nothing but the tag that was there before is left of it on
   * the engine.
   * @returns the digest that the registry now knows it by
   * @throws Problem `registry-login-required`, `registry-login-failed`, `registry-denied` and the registry's others
   */
  push(request: PushRequest, transcript: Transcript, signal: AbortSignal): Promise<string>
  /**
   * Takes the name away that a pull (a reference with digest) or a push that was broken off has left; that of a push
   * only if an image that we built bears it. Missing is success.
   */
  removeLeftName(reference: ImageReference, signal: AbortSignal): Promise<void>
  /** Removes a tag; the image goes with its last tag. Missing is success; so is "in use". */
  removeTag(tag: string, signal: AbortSignal): Promise<void>
  /** Tags of ours that begin with the given repository, e.g. `fairlead-3f2a/my-env/my-app`; null: all of this gateway. */
  tags(repository: string | null, signal: AbortSignal): Promise<string[]>

  /**
   * Makes sure that a bridge network of that name exists, on the first of the subnets (CIDR) that is free.
   * @returns the subnet in use
   * @throws Problem `network-pool-exhausted`
   */
  ensureNetwork(
    name: string,
    environment: string,
    subnets: Iterable<string>,
    signal: AbortSignal,
  ): Promise<string>
  /** All of this gateway. */
  networks(signal: AbortSignal): Promise<Network[]>
  /** Missing is success. */
  removeNetwork(name: string, signal: AbortSignal): Promise<void>

  /** @returns the container's id. A left-over of ours with the same name is replaced. */
  create(spec: ContainerSpec, signal: AbortSignal): Promise<string>
  /** @throws Problem `container-not-started` with the engine's words (e.g. executable not found) */
  start(id: string, signal: AbortSignal): Promise<void>
  /** From now on the engine starts it again whenever it stops by itself, and after its own restart. Not before: a
   * candidate that fails runs once. */
  keepRunning(id: string, signal: AbortSignal): Promise<void>
  /** Resolves with the exit code when the container next stops; ask before `start` to miss nothing. */
  nextExit(id: string, signal: AbortSignal): Promise<number>
  /**
   * Talks to an interactive container. Resolves when the engine has taken the streams; ask before `start` to lose
   * nothing.
   */
  attach(id: string, talk: Talk, signal: AbortSignal): Promise<Attached>
  /** Tells the container's terminal its size. Not running, or gone, is success: there is nobody to tell. */
  resize(id: string, size: TerminalSize, signal: AbortSignal): Promise<void>
  /** Null when there is none of that id. */
  inspect(id: string, signal: AbortSignal): Promise<Container | null>
  /** Null when there is none of that id. */
  condition(id: string, signal: AbortSignal): Promise<Condition | null>
  /** Null where it cannot be known: it does not run, or its engine is on another machine or counts processes apart. */
  listening(id: string, signal: AbortSignal): Promise<readonly Listener[] | null>
  /** One sample, which takes an engine a second or two; null when the container does not run. */
  usage(id: string, signal: AbortSignal): Promise<Usage | null>
  /**
   * What a file in the container holds, running or not; null when there is none, or no plain file.
   * @throws TooLarge when it has more than `maxBytes`
   */
  readFile(id: string, path: string, maxBytes: number, signal: AbortSignal): Promise<Buffer | null>
  /** SIGTERM, grace, SIGKILL. Already stopped or gone is success. */
  stop(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>
  /** By force, with its anonymous volumes. Missing is success. */
  remove(id: string, signal: AbortSignal): Promise<void>
  /** Containers of this gateway, of one app or all; those of other gateways on the same engine are never shown. */
  list(filter: { environment?: string; app?: string }, signal: AbortSignal): Promise<Container[]>
  /**
   * Tells of the containers of this gateway that were started, stopped, paused or removed, or whose health changed.
   * Tells null once the engine watches: what was before is not told, what comes from then on is not missed. Resolves
   * when the engine ends it.
   */
  watch(seen: (labels: ContainerLabels | null) => void, signal: AbortSignal): Promise<void>
  /**
   * Hands over whole lines, standard output and error together, in order. Resolves at the end of the log.
   * @param line is told the text and when the container began to print it; where it returns a promise, that is waited
   *   for before the next line
   */
  logs(
    id: string,
    options: LogOptions,
    line: (text: string, at: Instant) => unknown,
    signal: AbortSignal,
  ): Promise<void>
}
