// A generator: an image that, given its own configuration, writes credentials for a registry. For registries whose
// passwords end after some hours.
import type { Config } from './config.ts'

export interface Generator {
  /** Changes with every change of the generator: what an earlier one gave is not the later one's. */
  readonly id: number
  /** A handle, unique in its app. */
  readonly name: string
  /** Name of the image, as it was given. */
  readonly image: string
  /** The environment of its container, and nothing else gets to see it. */
  readonly env: Config
  /** Seconds for which what it wrote is kept in memory; 0: for one deploy. */
  readonly ttl: number
  /** Seconds after which a run that has not ended is given up. */
  readonly timeout: number
  /** The only host it is run for, and of which it is believed; null: any. */
  readonly host: string | null
  /** The engine's socket is put into its container. Granted by an operator only. */
  readonly addDocker: boolean
}
