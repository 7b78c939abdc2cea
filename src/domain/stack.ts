// Where containers run. One YAML file in `stacks/` describes one Stack; `src/stacks` reads it.

export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tls'
      readonly host: string
      readonly port: number
      /** Absolute paths of PEM files. */
      readonly ca: string
      readonly cert: string
      readonly key: string
    }

export interface Limits {
  /** Bytes. */
  readonly memory: number
  /** Whole and part cores, e.g. 0.5. */
  readonly cpus: number
  readonly pids: number
}

export interface Stack {
  /** File name without `.yml`. */
  readonly name: string
  /** Version 1 stacks may not use private registries. */
  readonly version: 1 | 2
  readonly engine: EngineAddress
  readonly limits: Limits
  readonly network: {
    /** IPv4 range out of which every environment gets a subnet, e.g. `10.210.0.0/16`. */
    readonly pool: string
    /** Prefix length of one environment's subnet, e.g. 26. */
    readonly size: number
  }
  readonly build: {
    readonly builder: 'auto' | 'buildkit' | 'classic'
    /** Seconds. */
    readonly timeout: number
    /** Bytes that have to be free on the engine's disk before a build, 0 for no such check. */
    readonly floor: number
    /** Bytes of the engine's build cache that a build may leave, null where the gateway does not touch it. */
    readonly cache: number | null
  }
  /** Seconds a container without a listening port has to stay up before it counts as started. */
  readonly settle: number
  /** Seconds that a container whose health is told may take to become healthy. */
  readonly healthy: number
  /** Seconds that requests which are under way to what is retired get to end by themselves. */
  readonly drain: number
  /** Seconds between SIGTERM and SIGKILL. */
  readonly grace: number
}
