// One bridge network for each environment, with a subnet out of the stack's own pool: the engine's default pools
// are used up after some thirty networks.
import type Docker from 'dockerode'
import type { Engine } from '../../domain/engine.ts'
import { Problem } from '../../domain/problem.ts'
import type { Connection } from './connect.ts'
import { isOurs, labelFilter, networkEnvironment, networkLabels, notOurs } from './labels.ts'
import { objectName } from './names.ts'
import { accept, engineWords, statusOf } from './translate.ts'

type Networks = Pick<Engine, 'ensureNetwork' | 'networks' | 'removeNetwork'>

export function networks(connection: Connection, gatewayId: string): Networks {
  const { call, stack } = connection
  /** The engine allows two networks of one name, so they are made one after another. */
  let previous: Promise<unknown> = Promise.resolve()

  async function find(docker: Docker, name: string) {
    const found: Docker.NetworkInspectInfo | undefined = await docker
      .getNetwork(objectName(name))
      .inspect()
      .catch(accept(404))
    // The engine also answers to the beginning of an id.
    if (found === undefined || found.Name !== name) return null
    if (!isOurs(found.Labels, gatewayId)) throw notOurs(`Network ${name}`, stack.name)
    return found
  }

  async function make(
    docker: Docker,
    name: string,
    environment: string,
    subnets: Iterable<string>,
    signal: AbortSignal,
  ) {
    for (const subnet of subnets) {
      signal.throwIfAborted()
      try {
        const options = { _query: {}, _body: body(name, environment, subnet), abortSignal: signal }
        await docker.createNetwork(options as unknown as Docker.NetworkCreateOptions)
        return subnet
      } catch (error) {
        if (!isTaken(error)) throw error
      }
    }
    throw new Problem('network-pool-exhausted', {
      headline: `Stack ${stack.name} has no free subnet left for environment ${environment}`,
      saw: `Every /${stack.network.size} of ${stack.network.pool} overlaps with a network that exists`,
      hint: 'Ask the operator to give the stack a larger network pool, or to destroy environments that are not used.',
    })
  }

  function body(name: string, environment: string, subnet: string) {
    return {
      Name: name,
      CheckDuplicate: true,
      Driver: 'bridge',
      IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] },
      Labels: networkLabels(gatewayId, environment),
    }
  }

  return {
    ensureNetwork(name, environment, subnets, signal) {
      const turn = previous.then(() =>
        call(
          `make network ${name}`,
          async docker => {
            const found = await find(docker, name)
            return found?.IPAM?.Config?.[0]?.Subnet ?? make(docker, name, environment, subnets, signal)
          },
          signal,
        ),
      )
      previous = turn.catch(() => {})
      return turn
    },

    networks(signal) {
      return call(
        'list networks',
        async docker => {
          const filters = JSON.stringify({ label: labelFilter(gatewayId, {}) })
          const found = await docker.listNetworks({ filters, abortSignal: signal })
          return found.map(({ Name, Labels, IPAM }) => ({
            name: Name,
            environment: networkEnvironment(Labels),
            subnet: IPAM?.Config?.[0]?.Subnet ?? '',
          }))
        },
        signal,
      )
    },

    removeNetwork(name, signal) {
      return call(
        `remove network ${name}`,
        async docker => {
          const found = await find(docker, name)
          if (found === null) return
          await docker.getNetwork(found.Id).remove({ abortSignal: signal }).catch(accept(404))
        },
        signal,
      )
    },
  }
}

/** Another network, or a route of the engine's host, lies on the subnet. */
function isTaken(error: unknown): boolean {
  return (
    statusOf(error) !== null && /overlap|conflicts with network|already allocated/i.test(engineWords(error))
  )
}
