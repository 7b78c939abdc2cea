// How many containers the app's services have, and of which size. On an app that runs this takes no release: what is
// missing is started, and what is too much is retired. On one that does not, it is stored for the first.
import type { App } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'
import { exactSize } from '../domain/quantity.ts'
import type { Wanted } from '../domain/rollout.ts'
import { MOST_CONTAINERS, type Services, serviceOf } from '../domain/service.ts'
import type { Limits, Stack } from '../domain/stack.ts'
import type { Ground } from './ground.ts'
import { runHooksAfter } from './hooks.ts'
import { knownProcess } from './known-process.ts'
import type { Run } from './operations.ts'
import { reshape } from './reshape.ts'
import { readHooks } from './source.ts'

export interface ScaleWish {
  /** By process. */
  readonly counts: ReadonlyMap<string, number>
  /** For all of these; what is left out stays as it is. */
  readonly size: Partial<Pick<Limits, 'memory' | 'cpus'>>
}

export interface Scaled {
  readonly changed: boolean
  /** Number of the live release, null when the app was never deployed. */
  readonly release: number | null
}

/** @throws Problem `not-found` for a process, `scale-refused`, or of the start: then the count is as before */
export async function scale(ground: Ground, app: App, wish: ScaleWish, run: Run): Promise<Scaled> {
  const { store } = ground
  const { stack } = ground.stack(app.stack)
  checkWish(wish, stack)
  const live = store.releases.live(app.id)
  const before = store.services.of(app.id)
  const wanted = wantedServices(before, wish, stack.limits)
  if (live === null) {
    const changed = wanted.filter(service => differs(before, service))
    const rows = changed.map(({ anew: _, ...service }) => ({ ...service, startedBy: [] }))
    store.services.write(app.id, rows, run.operation.number)
    return { changed: changed.length > 0, release: null }
  }
  for (const name of wish.counts.keys()) knownProcess(live, name)
  const deployed = ground.repositories.commit(app.name, live.commit)
  runHooksAfter(ground, app, 'scale', await readHooks(deployed, run.transcript), run)
  return { changed: await reshape(ground, app, live, wanted, run), release: live.number }
}

/** What the stack allows at most is no size of the service's own: it follows the stack. */
function wantedServices(before: Services, { counts, size }: ScaleWish, limits: Limits): Wanted[] {
  const own = (asked: number | undefined, was: number | null, most: number) =>
    asked === undefined ? was : asked === most ? null : asked
  return [...counts].map(([process, count]) => {
    const was = serviceOf(before, process)
    const memory = own(size.memory, was.memory, limits.memory)
    const cpus = own(size.cpus, was.cpus, limits.cpus)
    return { process, count, memory, cpus, anew: false }
  })
}

function differs(before: Services, { process, count, memory, cpus }: Wanted): boolean {
  const was = serviceOf(before, process)
  return was.count !== count || was.memory !== memory || was.cpus !== cpus
}

function checkWish({ counts, size }: ScaleWish, { name, limits }: Stack): void {
  const tooMany = [...counts].find(([, count]) => count > MOST_CONTAINERS)
  if (tooMany !== undefined) {
    throw refused(
      `${tooMany[0]} cannot have ${tooMany[1]} containers`,
      `Ask for 0 to ${MOST_CONTAINERS} containers.`,
    )
  }
  if (size.memory !== undefined && size.memory > limits.memory) {
    throw refused(
      `A container cannot have ${exactSize(size.memory)} of memory on the stack ${name}`,
      `Ask for at most ${exactSize(limits.memory)}, or have an operator raise limits.memory in the stack file.`,
    )
  }
  if (size.cpus !== undefined && size.cpus > limits.cpus) {
    throw refused(
      `A container cannot have ${size.cpus} cpus on the stack ${name}`,
      `Ask for at most ${limits.cpus}, or have an operator raise limits.cpus in the stack file.`,
    )
  }
}

const refused = (headline: string, hint: string) => new Problem('scale-refused', { headline, hint })
