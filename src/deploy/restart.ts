// New containers of the live release in place of those that run, started first, as in a deploy.
import type { App } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'
import type { Release } from '../domain/release.ts'
import { serviceOf } from '../domain/service.ts'
import type { Ground } from './ground.ts'
import { runHooksAfter } from './hooks.ts'
import { knownProcess } from './known-process.ts'
import type { Run } from './operations.ts'
import { reshape } from './reshape.ts'
import { readHooks } from './source.ts'

export interface Restarted {
  readonly release: number
  /** Names of the services that have new containers; those that are scaled to 0 have none. */
  readonly services: readonly string[]
}

/**
 * @param service its name; null: all of them
 * @throws Problem `not-found`, or of the start: then the containers that ran are left alone
 */
export async function restart(
  ground: Ground,
  app: App,
  service: string | null,
  run: Run,
): Promise<Restarted> {
  const live = ground.store.releases.live(app.id)
  if (live === null) throw nothingLive('restarted')
  const services = ground.store.services.of(app.id)
  const wanted = namesOf(live, service)
    .map(name => serviceOf(services, name))
    .filter(({ count }) => count > 0)
    .map(({ startedBy: _, ...same }) => ({ ...same, anew: true }))
  const deployed = ground.repositories.commit(app.name, live.commit)
  runHooksAfter(ground, app, 'restart', await readHooks(deployed, run.transcript), run)
  await reshape(ground, app, live, wanted, run)
  return { release: live.number, services: wanted.map(({ process }) => process) }
}

function namesOf(live: Release, service: string | null): string[] {
  return service === null ? live.processes.map(({ name }) => name) : [knownProcess(live, service).name]
}

export function nothingLive(done: string): Problem {
  return new Problem('not-found', {
    headline: `The app has no release yet that could be ${done}`,
    hint: 'Deploy it first: `git push aptible master`.',
  })
}
