// Every environment has a network of its own, on a subnet out of its stack's pool: Docker's own pool ends at 31.
import type { App } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'
import { freeSubnets } from '../domain/subnets.ts'
import type { Ground } from './ground.ts'
import { networkName } from './names.ts'

/** @throws Problem `network-pool-exhausted` */
export async function joinNetwork(ground: Ground, app: App, signal: AbortSignal): Promise<void> {
  const { store } = ground
  const { stack, engine } = ground.stack(app.stack)
  const known = store.networks.subnet(app.environmentId)
  const candidates = known === null ? freeSubnets(stack.network, store.networks.inUse(stack.name)) : [known]
  const name = networkName(store.gatewayId, app.name.environment)
  try {
    const subnet = await engine.ensureNetwork(name, app.name.environment, candidates, signal)
    if (subnet !== known) store.networks.record(app.environmentId, subnet)
  } catch (error) {
    // The subnet we once had was taken by something else while our network was gone: choose another.
    if (known === null || !(error instanceof Problem) || error.code !== 'network-pool-exhausted') throw error
    const others = freeSubnets(stack.network, [...store.networks.inUse(stack.name), known])
    store.networks.record(
      app.environmentId,
      await engine.ensureNetwork(name, app.name.environment, others, signal),
    )
  }
}

/** Removes the network when nothing of the environment is left on it, and nothing is about to be started on it. */
export async function leaveNetwork(ground: Ground, app: App, signal: AbortSignal): Promise<void> {
  const { store } = ground
  const { engine } = ground.stack(app.stack)
  const beginning = store.operations
    .unfinished()
    .some(
      ({ appId, kind }) =>
        appId !== app.id && kind !== 'destroy' && store.apps.byId(appId)?.environmentId === app.environmentId,
    )
  if (beginning) return
  const left = await engine.list({ environment: app.name.environment }, signal)
  if (left.length > 0) return
  await engine.removeNetwork(networkName(store.gatewayId, app.name.environment), signal)
  store.networks.forget(app.environmentId)
}
