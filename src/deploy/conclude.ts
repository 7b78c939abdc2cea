// The end of an operation: its outcome is decided, what that sets off is done, and only then is it over.
import type { Log } from '../domain/log.ts'
import type { Problem, ProblemCode } from '../domain/problem.ts'
import type { Outcome } from '../store/operations.ts'
import type { OperationRecord } from './operation-record.ts'

/** What goes on after the actor was answered, and is still a part of the operation. */
export interface Afterwards {
  readonly name: string
  /** Says in the transcript what becomes of it; throws for a bug only. */
  work(signal: AbortSignal): Promise<void>
}

export type PlanAfterwards = (outcome: Outcome, problem: ProblemCode | null) => Afterwards | null

export function outcomeOf(problem: Problem | null): Outcome {
  if (problem === null) return 'succeeded'
  return problem.code === 'cancelled' ? 'cancelled' : 'failed'
}

/**
 * @param problem null when its work has succeeded
 * @param tellActor answers them: before what goes on afterwards, else when the operation is over. May be called twice
 * @param stopping aborted when the gateway stops
 */
export async function conclude(
  record: OperationRecord,
  problem: Problem | null,
  plan: PlanAfterwards,
  tellActor: () => void,
  stopping: AbortSignal,
  log: Log,
): Promise<void> {
  const { operation, transcript, tracked } = record
  const outcome = outcomeOf(problem)
  const code = problem?.code ?? null
  tracked.decide(outcome)
  try {
    const then = plan(outcome, code)
    if (then !== null) {
      transcript.makeRoom()
      const follow = `\`fairlead operation:follow ${operation.number}\` shows it`
      transcript.line(`-----> ${then.name} runs behind: ${follow}`)
      record.fallSilent()
      tellActor()
      await then.work(AbortSignal.any([stopping, tracked.afterwards]))
    }
  } catch (error) {
    log.error({ operation: operation.number, error }, 'a fault of the gateway')
  }
  record.end(outcome, code)
  tellActor()
}
