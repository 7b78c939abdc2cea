// Who has a one-off container under way in this gateway: how many an app has at once, and which containers are not to
// be taken for left-overs of an earlier one.
import { type App, formatAppName } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'

/** At once, of one app: each may take as much as the stack's limits allow. */
const MOST_PER_APP = 10

export interface OneOffs {
  /**
   * @param container its name
   * @returns gives the place up
   * @throws Problem `too-many-runs`
   */
  enter(app: App, container: string): () => void
  /** Whether the container of that name belongs to somebody who is still there. */
  has(container: string): boolean
  /** The names of all of those. */
  names(): ReadonlySet<string>
}

export function createOneOffs(most = MOST_PER_APP): OneOffs {
  const apps = new Map<string, number>()
  return {
    enter(app, container) {
      const taken = [...apps.values()].filter(id => id === app.id).length
      if (taken >= most) throw tooMany(app, most)
      apps.set(container, app.id)
      return () => void apps.delete(container)
    },
    has: container => apps.has(container),
    names: () => new Set(apps.keys()),
  }
}

function tooMany(app: App, most: number): Problem {
  return new Problem('too-many-runs', {
    headline: `${formatAppName(app.name)} has ${most} one-off containers already, the most that there may be at once`,
    hint: '`fairlead operations` says whose they are. Wait until one ends, or end one: `fairlead operation:cancel NUMBER`.',
  })
}
