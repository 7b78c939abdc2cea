// The planner: from what runs to a Release, and from one shape of the live Release to another. Pure, so that a plan
// can be printed, compared and tested; the executors in `deploy/` only do what stands here. Which containers serve is
// said in `service.ts`.
import type { Container, ContainerState } from './container.ts'
import type { Process, Release } from './release.ts'
import { indexes, rolloutOf, type Service, type Services, serves, serviceOf } from './service.ts'

/** A container to be started that does not serve yet. */
export interface Candidate {
  readonly process: Process
  /** Counts from 1 within the process. */
  readonly index: number
  /** Of the process, as it will be once the candidate serves. */
  readonly service: Service
}

export interface Rollout {
  /** Started beside what runs. */
  readonly start: readonly Candidate[]
  /** Started when those have settled and all of `stop` have ended. */
  readonly startAfter: readonly Candidate[]
  /** What runs of the services that are replaced stop-first, a part of `retire`. Until the candidates serve it may be wanted again. */
  readonly stop: readonly Container[]
  /** What ran before, and left-overs of earlier tries: stopped and removed once the candidates serve. */
  readonly retire: readonly Container[]
}

/** A Rollout within the live release: what makes it serve is that `services` are written. */
export interface Reshape extends Rollout {
  /** Those that are not as they were. */
  readonly services: readonly Service[]
}

type Planned = Pick<Release, 'number' | 'processes'>

/**
 * @param present every container of the app, in whatever state
 * @param routed names of the services that have an endpoint
 */
export function planRollout(
  present: readonly Container[],
  release: Planned,
  services: Services,
  routed: ReadonlySet<string>,
): Rollout {
  const fresh = new Map(
    [...services].map(([name, service]) => [name, { ...service, startedBy: [] }] as const),
  )
  const start = release.processes.flatMap(process => {
    const service = serviceOf(fresh, process.name)
    return indexes(service.count).map(index => ({ process, index, service }))
  })
  return inTurn(
    start,
    present.filter(({ labels }) => !serves(labels, release, fresh)),
    routed,
  )
}

/** A service of which nothing runs has nothing to stop first. */
function inTurn(
  candidates: readonly Candidate[],
  retire: readonly Container[],
  routed: ReadonlySet<string>,
): Rollout {
  const running = retire.filter(({ labels, state }) => !labels.oneOff && RUNNING.has(state))
  const waits = ({ service }: Candidate) =>
    rolloutOf(service, routed) === 'stop-first' &&
    running.some(({ labels }) => labels.process === service.process)
  const startAfter = candidates.filter(waits)
  const replaced = new Set(startAfter.map(({ process }) => process.name))
  return {
    start: candidates.filter(candidate => !waits(candidate)),
    startAfter,
    stop: running.filter(({ labels }) => replaced.has(labels.process)),
    retire,
  }
}

/** Or about to: the engine starts again what it keeps running. */
const RUNNING: ReadonlySet<ContainerState> = new Set(['running', 'restarting', 'paused'])

/** What a service is to become. */
export interface Wanted extends Omit<Service, 'startedBy' | 'rollout'> {
  /** Whether every container is replaced. One whose size changes is replaced in any case. */
  readonly anew: boolean
}

/**
 * Starts what is missing: what is new to a count, all of a service that is replaced, and what somebody took off the
 * engine. One-offs, and services that are not wanted otherwise, are left alone.
 * @param routed names of the services that have an endpoint
 * @param operation number of the operation that does it
 */
export function planReshape(
  present: readonly Container[],
  release: Planned,
  before: Services,
  wanted: readonly Wanted[],
  routed: ReadonlySet<string>,
  operation: number,
): Reshape {
  const planned = wanted.map(({ anew, ...wish }) => {
    const was = serviceOf(before, wish.process)
    const all = anew || was.memory !== wish.memory || was.cpus !== wish.cpus
    const there = (index: number) =>
      present.some(
        ({ labels }) =>
          labels.process === wish.process && labels.index === index && serves(labels, release, before),
      )
    const started = indexes(wish.count).filter(index => all || !there(index))
    const startedBy = indexes(wish.count).map(index =>
      started.includes(index) ? operation : (was.startedBy[index - 1] ?? 0),
    )
    const changed = started.length > 0 || all || was.count !== wish.count
    return { service: { ...wish, startedBy, rollout: was.rollout }, started, changed }
  })

  const services = planned.filter(({ changed }) => changed).map(({ service }) => service)
  const after = new Map([...before, ...services.map(service => [service.process, service] as const)])
  const touched = new Set(services.map(({ process }) => process))
  const start = release.processes.flatMap(process =>
    planned
      .filter(({ service }) => service.process === process.name)
      .flatMap(({ service, started }) => started.map(index => ({ process, index, service }))),
  )
  const retire = present.filter(
    ({ labels }) =>
      labels.release === release.number &&
      !labels.oneOff &&
      touched.has(labels.process) &&
      !serves(labels, release, after),
  )
  return { services, ...inTurn(start, retire, routed) }
}

/** `web.1` */
export function candidateLabel(candidate: Candidate): string {
  return `${candidate.process.name}.${candidate.index}`
}

/** `web.1` */
export function containerLabel({ labels }: Pick<Container, 'labels'>): string {
  return `${labels.process}.${labels.index}`
}

/** Whether the containers of the release are all there and running, so that there is nothing to do. */
export function isServing(present: readonly Container[], release: Planned, services: Services): boolean {
  const running = present.filter(
    ({ labels, state }) => state === 'running' && serves(labels, release, services),
  )
  return release.processes.every(({ name }) =>
    indexes(serviceOf(services, name).count).every(index =>
      running.some(({ labels }) => labels.process === name && labels.index === index),
    ),
  )
}
