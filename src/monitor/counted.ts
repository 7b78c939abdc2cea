// Counts what passes: operations with how they ended and how long they worked, and questions to registries.
import { performance } from 'node:perf_hooks'
import type { OperationFailed } from '../deploy/operation-failed.ts'
import type { Operations } from '../deploy/operations.ts'
import { Problem } from '../domain/problem.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { Family } from './exposition.ts'
import { counter, histogram } from './tally.ts'

/** Seconds: from a change of config of a small app to a build that the stack just allows. */
const BOUNDS = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]

export interface Counted {
  operations(operations: Operations): Operations
  registry(registry: RegistryClient): RegistryClient
  families(): Family[]
}

export function createCounted(): Counted {
  const ended = counter()
  const worked = histogram(BOUNDS)
  const asked = counter()

  async function question<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      const result = await answer
      asked.add({ outcome: 'ok' })
      return result
    } catch (error) {
      asked.add({ outcome: signal.aborted ? 'aborted' : error instanceof Problem ? error.code : 'internal' })
      throw error
    }
  }

  return {
    operations: operations => ({
      ...operations,
      async run(app, request, work) {
        const { kind } = request
        try {
          const result = await operations.run(app, request, async run => {
            const begin = performance.now()
            try {
              return await work(run)
            } finally {
              worked.observe({ kind }, (performance.now() - begin) / 1000)
            }
          })
          ended.add({ kind, outcome: 'succeeded' })
          return result
        } catch (error) {
          const { problem } = error as Partial<OperationFailed>
          ended.add({ kind, outcome: problem?.code === 'cancelled' ? 'cancelled' : 'failed' })
          throw error
        }
      },
    }),
    registry: registry => ({
      resolve: (reference, auth, platform, signal) =>
        question(registry.resolve(reference, auth, platform, signal), signal),
      checkLogin: (auth, signal) => question(registry.checkLogin(auth, signal), signal),
    }),
    families: () => [
      {
        name: 'fairlead_operations_total',
        help: 'Operations that ended since the gateway started.',
        type: 'counter',
        samples: ended.samples(),
      },
      {
        name: 'fairlead_operation_duration_seconds',
        help: 'How long operations worked, without their wait for a turn.',
        type: 'histogram',
        samples: worked.samples(),
      },
      {
        name: 'fairlead_registry_questions_total',
        help: 'Questions to registries, by outcome: ok, or the code of the problem.',
        type: 'counter',
        samples: asked.samples(),
      },
    ],
  }
}
