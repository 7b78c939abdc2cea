// The containers of an app as people name them: `web`, or `web.1`.
import type { Container } from '../domain/container.ts'
import { containerLabel } from '../domain/rollout.ts'

/** Whether a container is meant by `web` or `web.1`; nothing named means all. */
export function isMeant(container: Container, wanted: string | undefined): boolean {
  return wanted === undefined || container.labels.process === wanted || containerLabel(container) === wanted
}

/** For sort: by process, index and release. */
export function byLabel(a: Container, b: Container): number {
  return (
    a.labels.process.localeCompare(b.labels.process) ||
    a.labels.index - b.labels.index ||
    a.labels.release - b.labels.release
  )
}
