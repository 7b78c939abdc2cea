// Containers as an engine is asked for them and tells of them.
import type { Secret } from './secret.ts'
import type { Limits } from './stack.ts'
import type { TerminalSize } from './terminal.ts'

/** The labels by which our containers are found. */
export interface ContainerLabels {
  readonly environment: string
  readonly app: string
  readonly release: number
  readonly process: string
  /** Counts from 1 within the process. */
  readonly index: number
  /** Number of the operation that started it for a release that was live already; absent: the release's own deploy. */
  readonly startedBy?: number
  /** TCP port for requests whose endpoint names none; left out where it was not known when the container was made. */
  readonly port?: number
  /** True for the container that runs before_release. */
  readonly oneOff: boolean
}

export interface ContainerSpec {
  readonly name: string
  readonly labels: ContainerLabels
  /** Tag or id of an image on the engine. */
  readonly image: string
  /** Undefined: the image's own. An empty list clears the image's ENTRYPOINT. */
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  /** On top of the image's ENV. */
  readonly env: ReadonlyMap<string, Secret>
  readonly network: string
  readonly limits: Limits
  /** Seconds between SIGTERM and SIGKILL, as the container's own default. */
  readonly grace: number
  /** Absolute path of a directory that is made, empty, and may be written by every user of the container. */
  readonly writableDirectory?: string
  /**
   * Set for what somebody talks to through `attach`: its standard input stays open until they end it, and what it says
   * is kept in no log of the engine's. Null: without a terminal.
   */
  readonly interactive?: { readonly terminal: TerminalSize | null }
  /** Hands it the engine's own socket, at /var/run/docker.sock: with it, the engine's machine. */
  readonly engineSocket?: boolean
}

export type ContainerState = 'created' | 'running' | 'restarting' | 'paused' | 'exited' | 'dead'

export interface Container {
  readonly id: string
  readonly name: string
  readonly labels: ContainerLabels
  readonly state: ContainerState
  /** What the engine says of it: `Up 3 hours`, `Exited (1) 5 seconds ago`. */
  readonly status: string
  /** IPv4 address on the environment's network, null when not running. */
  readonly address: string | null
}

/** Where a container takes TCP connections: `0.0.0.0` and `::` are all its addresses. */
export interface Listener {
  readonly address: string
  readonly port: number
}

/** One run of the HEALTHCHECK of an image that is over. */
export interface HealthRun {
  /** Null when it came to none: it took too long or could not be started, and the engine says so in `output`. */
  readonly exitCode: number | null
  /** What it printed, as it printed it and as far as the engine keeps it: whole lines of 4096 bytes, and then `...`. */
  readonly output: string
}

/** What only a look into one container tells. */
export interface Condition {
  /** What the HEALTHCHECK of its image says; null when it has none. */
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null
  /** The last runs of that, oldest first: as many as the engine keeps. None before the first is over. */
  readonly healthRuns: readonly HealthRun[]
  /** How often the engine has started it again because it stopped by itself. */
  readonly restarts: number
  /** Whether the engine starts it again: `keepRunning` was asked for it. */
  readonly kept: boolean
}

export interface Usage {
  /** 1 is one processor, busy all the time. */
  readonly cpus: number
  /** Bytes, without what the kernel only keeps of files. */
  readonly memory: number
}
