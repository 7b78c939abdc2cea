// What happens to our containers, as the engine tells it while it happens.
import type { ContainerLabels } from '../../domain/container.ts'
import { readNdjson } from '../ndjson.ts'
import type { Connection } from './connect.ts'
import { labelFilter, readLabels } from './labels.ts'
import { openStream } from './stream.ts'

/** What changes whether a container can serve. Not all there is: a HEALTHCHECK alone makes three events every time. */
const EVENTS = ['start', 'die', 'pause', 'unpause', 'destroy', 'health_status']

interface Event {
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> }
}

export function watchContainers(
  connection: Connection,
  gatewayId: string,
  seen: (labels: ContainerLabels | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const filters = { type: ['container'], event: EVENTS, label: labelFilter(gatewayId, {}) }
  return connection.call(
    'tell what happens to containers',
    async docker => {
      const request = { method: 'GET', path: '/events', query: { filters: JSON.stringify(filters) } } as const
      // The engine sends its headers once it watches.
      const answer = await openStream(docker, request, signal)
      seen(null)
      for await (const event of readNdjson(answer, signal)) {
        const labels = readLabels((event as Event).Actor?.Attributes ?? {})
        if (labels !== null) seen(labels)
      }
    },
    signal,
  )
}
