// The end of an app: endpoints, containers, images, network, repository, rows. In an order that can be tried again.
import { setTimeout as delay } from 'node:timers/promises'
import { type App, formatAppName } from '../domain/app.ts'
import { isTimeout } from '../domain/engine-hangs.ts'
import { Problem } from '../domain/problem.ts'
import type { Transcript } from '../domain/transcript.ts'
import type { Ground } from './ground.ts'
import { imageRepository } from './names.ts'
import { leaveNetwork } from './network.ts'
import type { Run } from './operations.ts'
import { removeLeftNames } from './passing-names.ts'
import { retireAll } from './retire.ts'

const DEADLINE_MS = 300_000

/** Once begun it goes on when the one who asked has left. @throws Problem saying that a part may be left */
export async function destroyApp(ground: Ground, app: App, { transcript }: Run): Promise<void> {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  try {
    await destroyAll(ground, app, transcript, deadline)
  } catch (error) {
    const isLate = deadline.aborted || isTimeout(error)
    const problem = isLate && !(error instanceof Problem) ? tookTooLong(app, error) : error
    if (!(problem instanceof Problem)) throw problem
    throw problem.within({
      runs: 'Perhaps a part of it. Run `fairlead apps:destroy` again: it goes on where this ended.',
    })
  }
}

async function destroyAll(
  ground: Ground,
  app: App,
  transcript: Transcript,
  signal: AbortSignal,
): Promise<void> {
  const { store, repositories } = ground
  const { stack, engine } = ground.stack(app.stack)

  await removeEndpoints(ground, app, signal)
  const containers = await engine.list(app.name, signal)
  transcript.line(`-----> Stopping ${containers.length} containers`)
  // Some are being removed already, for an earlier release, and a `run` may come on top: while one is there, its image
  // and network stay.
  for (let left = containers; left.length > 0; left = await engine.list(app.name, signal)) {
    await retireAll(left, engine, stack.grace)
    await delay(50, undefined, { signal })
  }
  for (const tag of await engine.tags(imageRepository(store.gatewayId, app.name), signal)) {
    await engine.removeTag(tag, signal)
  }
  await removeLeftNames(ground, app, signal)
  await leaveNetwork(ground, app, signal)
  await repositories.remove(app.name)
  store.apps.remove(app.id)
}

/** First, so that whoever asks for them hears that nothing is there instead of that it is down. */
async function removeEndpoints(ground: Ground, app: App, signal: AbortSignal): Promise<void> {
  const { store, routing, certificates } = ground
  const all = store.endpoints.of(app.id)
  for (const { id } of all) store.endpoints.remove(id)
  await routing.follow(app, signal)
  for (const endpoint of all) if (endpoint.tls !== 'off') await certificates?.remove(endpoint, signal)
}

function tookTooLong({ name, stack }: App, cause: unknown): Problem {
  return new Problem('engine-failed', {
    headline: `${formatAppName(name)} could not be ended in time`,
    saw: `The Docker engine of stack ${stack} has not done all that it was asked for.`,
    hint: 'Ask again. If it stays so, `fairlead ps` shows what is still there, and the operator can look at the engine.',
    cause,
  })
}
