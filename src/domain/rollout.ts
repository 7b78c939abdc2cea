// The planner: from what runs to a Release. Pure, so that a plan can be printed, compared and tested; the
// executor in `deploy/roll-out.ts` only does what stands here.
import type { Container } from './engine.ts'
import type { Process, Release } from './release.ts'

/** A container to be started for a Release: it does not serve yet. */
export interface Candidate {
  readonly process: Process
  /** Counts from 1 within the process. */
  readonly index: number
}

export interface Rollout {
  readonly start: readonly Candidate[]
  /** What ran before, and left-overs of earlier tries: stopped and removed once the Release is live. */
  readonly retire: readonly Container[]
}

/** @param present every container of the app, in whatever state */
export function planRollout(
  present: readonly Container[],
  release: Pick<Release, 'number' | 'processes'>,
): Rollout {
  return {
    start: release.processes.map(process => ({ process, index: 1 })),
    retire: present.filter(({ labels }) => labels.oneOff || labels.release !== release.number),
  }
}

/** `web.1` */
export function candidateLabel(candidate: Candidate): string {
  return `${candidate.process.name}.${candidate.index}`
}

/** Whether the containers of the release are all there and running, so that there is nothing to do. */
export function isServing(
  present: readonly Container[],
  release: Pick<Release, 'number' | 'processes'>,
): boolean {
  return release.processes.every(process =>
    present.some(
      ({ labels, state }) =>
        labels.release === release.number &&
        labels.process === process.name &&
        !labels.oneOff &&
        state === 'running',
    ),
  )
}
