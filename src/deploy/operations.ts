// Runs operations: one at a time per app, in order, each recorded with its actor, transcript and outcome.
import { performance } from 'node:perf_hooks'
import { type App, formatAppName } from '../domain/app.ts'
import type { Log } from '../domain/log.ts'
import type { Actor } from '../domain/member.ts'
import type { Operation, OperationKind } from '../domain/operation.ts'
import { Problem, type ProblemCode, problemLines } from '../domain/problem.ts'
import type { Store } from '../store/store.ts'
import { runsNow } from './runs-now.ts'
import { createTranscript, type LiveTranscript, type Say } from './transcript.ts'
import { createTurns } from './turns.ts'

/** An operation ended without success, and its actor has been told why: there is nothing left to print. */
export class OperationFailed extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.headline, { cause: problem })
    this.problem = problem
  }
}

export interface OperationRequest {
  readonly kind: OperationKind
  /** What it is about: a commit, names of variables. Never values. */
  readonly subject: string
  readonly actor: Actor
  readonly say: Say
  /** Aborted when the one who asked leaves, or the gateway stops. */
  readonly signal: AbortSignal
  /** The app's next operation begins only after this: what the outcome sets off has to be seen by it. */
  readonly until?: Promise<unknown>
  /**
   * Asked when the turn has come, before any work: rights can go while somebody waits.
   * @throws Problem `forbidden`, `app-not-found`
   */
  readonly authorised?: () => void
}

export interface AsideRequest {
  readonly actor: string
  /** Called at once with the actors who come first, if there are any. */
  readonly waits: (ahead: readonly string[]) => void
  readonly signal: AbortSignal
}

/** What the work of an operation is handed. */
export interface Run {
  readonly operation: Operation
  readonly transcript: LiveTranscript
  readonly signal: AbortSignal
}

export interface Operations {
  /**
   * @throws OperationFailed, after the Problem was shown and recorded; what was not a Problem is logged as a bug
   * @throws Problem `app-not-found` when the app is gone already: then there is nothing to record it in
   */
  run<T>(app: App, request: OperationRequest, work: (run: Run) => Promise<T>): Promise<T>
  /** Runs `work` while no operation of that app runs; leaves no row. */
  exclusive<T>(appId: number, work: () => Promise<T>): Promise<T>
  /**
   * Runs `work` beside the app's operations, one such piece at a time.
   * @throws signal.reason when it is aborted before its turn: then `work` is never called
   */
  aside<T>(appId: number, request: AsideRequest, work: () => Promise<T>): Promise<T>
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>
}

/** Whoever is turned away is not told what the app runs. */
const TURNED_AWAY: ReadonlySet<ProblemCode> = new Set(['forbidden', 'app-not-found'])

export function createOperations(store: Store, log: Log): Operations {
  const turns = createTurns<Operation>()
  const asides = createTurns<string>()

  return {
    exclusive: (appId, work) => turns.take(appId, null, work),
    aside(appId, { actor, waits, signal }, work) {
      const ahead = asides.ahead(appId)
      if (ahead.length > 0) waits(ahead)
      return asides.take(appId, actor, work, { signal })
    },
    async idle() {
      await Promise.all([turns.idle(), asides.idle()])
    },

    async run(app, request, work) {
      const { kind, subject, actor, say, signal, until, authorised } = request
      if (store.apps.byId(app.id) === null) throw destroyed(app)
      const operation = store.operations.create(app.id, {
        kind,
        subject,
        actor: actor.member.name,
        key: actor.key,
        address: actor.address,
      })
      const transcript = createTranscript(say, line =>
        record(() => store.operations.appendLine(operation.id, line)),
      )
      const ahead = turns.ahead(app.id)
      if (ahead.length > 0) {
        const names = ahead.map(each => `#${each.number} (${each.kind} by ${each.actor})`).join(', ')
        transcript.line(`       Operation #${operation.number} waits for ${names}`)
      }

      /** What happened has happened: a record that cannot be written must not turn it into something else. */
      function record(write: () => void): void {
        try {
          write()
        } catch (error) {
          log.error(
            { app: app.name, operation: operation.number, error },
            'an operation could not be recorded',
          )
        }
      }

      function failed(error: unknown): OperationFailed {
        if (error instanceof OperationFailed) return error
        const seen = asProblem(error, operation, signal, log)
        const problem = TURNED_AWAY.has(seen.code) ? seen : seen.within({ runs: runsNow(store, app) })
        transcript.makeRoom()
        for (const line of problemLines(problem)) transcript.line(line)
        const outcome = problem.code === 'cancelled' ? 'cancelled' : 'failed'
        record(() => store.operations.finish(operation.id, outcome, problem.code))
        return new OperationFailed(problem)
      }

      const inTurn = async () => {
        const startedAt = performance.now()
        try {
          signal.throwIfAborted()
          if (store.apps.byId(app.id) === null) throw destroyed(app)
          authorised?.()
          store.operations.start(operation.id)
          const result = await work({ operation, transcript, signal })
          record(() => store.operations.finish(operation.id, 'succeeded', null))
          return result
        } catch (error) {
          throw failed(error)
        } finally {
          const milliseconds = Math.round(performance.now() - startedAt)
          log.info({ app: app.name, operation: operation.number, kind, milliseconds }, 'operation ended')
        }
      }
      return turns.take(app.id, operation, inTurn, { signal, ...(until && { until }) }).catch(error => {
        throw failed(error)
      })
    },
  }
}

function destroyed(app: App): Problem {
  const name = formatAppName(app.name)
  return new Problem('app-not-found', {
    headline: `${name} was destroyed while this waited for its turn`,
    hint: 'Ask whoever destroyed it; `fairlead operations` of it are gone too.',
  })
}

/** Who left is told apart from what failed: an abort shows up as whatever error the interrupted call threw. */
function asProblem(error: unknown, operation: Operation, signal: AbortSignal, log: Log): Problem {
  if (signal.aborted && signal.reason instanceof Problem) return signal.reason
  if (signal.aborted) {
    return new Problem('cancelled', {
      headline: `Operation #${operation.number} was cancelled`,
      saw: 'The connection that asked for it was closed.',
      hint: 'Nothing was changed; ask again when you are ready.',
    })
  }
  if (error instanceof Problem && error.code !== 'internal') return error
  log.error({ operation: operation.number, error }, 'a fault of the gateway')
  if (error instanceof Problem) return error
  return new Problem('internal', {
    headline: `A fault of the gateway ended operation #${operation.number}`,
    hint: `Tell an operator the number of the operation: the cause is in the gateway's log.`,
    cause: error,
  })
}
