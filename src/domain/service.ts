// A Service: a process as it exists on a stack, with its count and the size of its containers. It belongs to the app,
// not to a release: a deploy keeps it.
//
// WHICH CONTAINERS SERVE. A container is of the live release's service when the record names it: its release is the
// live one, its index is at most the service's count, and it was started by the operation that the record has for that
// index (0: by the deploy that made the release). Scaling and restarting start theirs beside these, under their own
// operation's number, which is never given twice, and then write the record in one transaction: before it the old set
// serves, after it the new one, and every other container of the app is a left-over, at whatever step a crash came.
import type { ContainerLabels } from './container.ts'
import type { Release } from './release.ts'
import type { Limits } from './stack.ts'

export const MOST_CONTAINERS = 50

/** What comes first where containers are replaced: the start of the new ones, or the end of the old ones. */
export type RolloutWay = 'start-first' | 'stop-first'

export interface Service {
  /** Name of its process. */
  readonly process: string
  /** 0 to MOST_CONTAINERS. */
  readonly count: number
  /** Bytes; null is what the stack allows at most. */
  readonly memory: number | null
  /** Cores; null is what the stack allows at most. */
  readonly cpus: number | null
  /**
   * For each index from 1, the number of the operation whose container serves. 0, and what the list does not reach,
   * is the container that the live release came to life with.
   */
  readonly startedBy: readonly number[]
  /** Null: by whether it has an endpoint. */
  readonly rollout: RolloutWay | null
}

/** By process. One that is not in it was never scaled nor restarted. */
export type Services = ReadonlyMap<string, Service>

export function serviceOf(services: Services, process: string): Service {
  return (
    services.get(process) ?? { process, count: 1, memory: null, cpus: null, startedBy: [], rollout: null }
  )
}

/**
 * Behind an endpoint somebody has to answer at every moment. Nobody waits for anything else, and two versions of a worker
 * might take each other's work.
 * @param routed names of the services that have an endpoint
 */
export function rolloutOf({ process, rollout }: Service, routed: ReadonlySet<string>): RolloutWay {
  return rollout ?? (routed.has(process) ? 'start-first' : 'stop-first')
}

/** Whether the record names the container of these labels, as the rule above has it. */
export function serves(
  labels: ContainerLabels,
  release: Pick<Release, 'number' | 'processes'> | null,
  services: Services,
): boolean {
  if (release === null || labels.oneOff || labels.release !== release.number) return false
  if (!release.processes.some(({ name }) => name === labels.process)) return false
  const { count, startedBy } = serviceOf(services, labels.process)
  const { index } = labels
  return index >= 1 && index <= count && (startedBy[index - 1] ?? 0) === (labels.startedBy ?? 0)
}

/** What its containers may use. A stack that allows less than it did is obeyed from the next container on. */
export function sizeOf({ memory, cpus }: Service, limits: Limits): Limits {
  return {
    memory: Math.min(memory ?? limits.memory, limits.memory),
    cpus: Math.min(cpus ?? limits.cpus, limits.cpus),
    pids: limits.pids,
  }
}

/** 1 to `count`. */
export function indexes(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}
