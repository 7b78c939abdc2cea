// Containers that get no request although the record names them, because they are about to be stopped and may be brought
// back. Only this process knows of them: after a crash the record alone decides again, and what runs by it is routed.
import type { App } from '../domain/app.ts'
import type { Container } from '../domain/container.ts'

export interface Withheld {
  /**
   * In force with the next follow, as is the other. In place of what was withheld of the app before: by then it is gone,
   * or among these.
   */
  withhold(app: App, containers: readonly Container[]): void
  readmit(app: App, containers: readonly Container[]): void
  /** Leaves those out that are withheld now, also when it is called later. */
  others(app: App): (containers: readonly Container[]) => readonly Container[]
}

export function createWithheld(): Withheld {
  const byApp = new Map<number, readonly Container[]>()
  const without = (containers: readonly Container[], some: readonly Container[]) =>
    containers.filter(({ id }) => !some.some(each => each.id === id))
  return {
    withhold: (app, containers) => void byApp.set(app.id, containers),
    readmit: (app, containers) => void byApp.set(app.id, without(byApp.get(app.id) ?? [], containers)),
    others(app) {
      const withheld = byApp.get(app.id) ?? []
      return containers => without(containers, withheld)
    },
  }
}
