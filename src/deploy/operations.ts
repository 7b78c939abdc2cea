// Runs operations: one at a time per app, in order, each recorded with its actor, transcript and outcome.
import { performance } from 'node:perf_hooks'
import { type App, formatAppName } from '../domain/app.ts'
import type { Log } from '../domain/log.ts'
import type { Actor } from '../domain/member.ts'
import type { Operation, OperationKind } from '../domain/operation.ts'
import { Problem, type ProblemCode, problemLines } from '../domain/problem.ts'
import type { Outcome } from '../store/operations.ts'
import type { Store } from '../store/store.ts'
import { runsNow } from './runs-now.ts'
import { createTranscript, type LiveTranscript, type Say } from './transcript.ts'
import { createTurns } from './turns.ts'
import { createUnderWay, type UnderWay } from './under-way.ts'

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
  /**
   * Asked once it is decided how the operation ends. What it returns is still a part of the operation, but its actor
   * was answered before, and it changes nothing about the outcome.
   */
  afterwards(plan: (outcome: Outcome, problem: ProblemCode | null) => Afterwards | null): void
}

export interface Afterwards {
  readonly name: string
  /** Says in the transcript what becomes of it; throws for a bug only. */
  work(signal: AbortSignal): Promise<void>
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
  /** Null when it has ended. */
  underWay(operationId: number): UnderWay | null
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>
}

/** Whoever is turned away is not told what the app runs. */
const TURNED_AWAY: ReadonlySet<ProblemCode> = new Set(['forbidden', 'app-not-found'])

/** @param stopping aborted when the gateway stops: for what goes on after its actor was answered */
export function createOperations(
  store: Store,
  log: Log,
  stopping: AbortSignal = new AbortController().signal,
): Operations {
  const turns = createTurns<Operation>()
  const asides = createTurns<string>()
  const underWay = createUnderWay()

  return {
    exclusive: (appId, work) => turns.take(appId, null, work),
    aside(appId, { actor, waits, signal }, work) {
      const ahead = asides.ahead(appId)
      if (ahead.length > 0) waits(ahead)
      return asides.take(appId, actor, work, { signal })
    },
    underWay: underWay.of,
    async idle() {
      await Promise.all([turns.idle(), asides.idle()])
    },

    async run<T>(app: App, request: OperationRequest, work: (run: Run) => Promise<T>): Promise<T> {
      const { kind, subject, actor, until, authorised } = request
      if (store.apps.byId(app.id) === null) throw destroyed(app)
      const operation = store.operations.create(app.id, {
        kind,
        subject,
        actor: actor.member.name,
        key: actor.key,
        address: actor.address,
      })
      const tracked = underWay.track(operation)
      const signal = AbortSignal.any([request.signal, tracked.work])
      let answered = false
      const say = (text: string) => {
        if (!answered) request.say(text)
      }
      const transcript = createTranscript(say, line => {
        record(() => store.operations.appendLine(operation.id, line))
        tracked.news()
      })
      const ahead = turns.ahead(app.id)
      if (ahead.length > 0) {
        transcript.line(`       Operation #${operation.number} waits for ${ahead.map(named).join(', ')}`)
      }
      const next = () => {
        const [first] = turns.ahead(app.id)
        if (first) transcript.line(`       Operation #${operation.number} is next, after ${named(first)}`)
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

      function tell(error: unknown): Problem {
        const seen = asProblem(error, operation, signal, log)
        const problem = TURNED_AWAY.has(seen.code) ? seen : seen.within({ runs: runsNow(store, app) })
        transcript.makeRoom()
        for (const line of problemLines(problem)) transcript.line(line)
        return problem
      }

      function end(outcome: Outcome, problem: ProblemCode | null): void {
        record(() => store.operations.finish(operation.id, outcome, problem))
        tracked.over(outcome)
      }

      const answer = Promise.withResolvers<T>()
      let plan: Parameters<Run['afterwards']>[0] = () => null

      /** The outcome is decided; what it sets off is done before the operation ends. */
      async function conclude(problem: Problem | null, tellActor: () => void): Promise<void> {
        const outcome = outcomeOf(problem)
        const code = problem?.code ?? null
        tracked.decide(outcome)
        try {
          const then = plan(outcome, code)
          if (then !== null) {
            transcript.makeRoom()
            const follow = `\`fairlead operation:follow ${operation.number}\` shows it`
            transcript.line(`-----> ${then.name} runs behind: ${follow}`)
            answered = true
            tellActor()
            await then.work(AbortSignal.any([stopping, tracked.afterwards]))
          }
        } catch (error) {
          log.error({ operation: operation.number, error }, 'a fault of the gateway')
        }
        end(outcome, code)
        tellActor()
      }

      const inTurn = async () => {
        const startedAt = performance.now()
        const done = await attempt().then(
          result => ({ problem: null, tellActor: () => answer.resolve(result) }),
          error => {
            const problem = tell(error)
            return { problem, tellActor: () => answer.reject(new OperationFailed(problem)) }
          },
        )
        await conclude(done.problem, done.tellActor)
        const milliseconds = Math.round(performance.now() - startedAt)
        log.info({ app: app.name, operation: operation.number, kind, milliseconds }, 'operation ended')
      }

      async function attempt(): Promise<T> {
        signal.throwIfAborted()
        if (store.apps.byId(app.id) === null) throw destroyed(app)
        authorised?.()
        store.operations.start(operation.id)
        const afterwards: Run['afterwards'] = wanted => {
          plan = wanted
        }
        return work({ operation, transcript, signal, afterwards })
      }

      turns.take(app.id, operation, inTurn, { signal, next, ...(until && { until }) }).catch(error => {
        // It left while it waited.
        const problem = tell(error)
        end(outcomeOf(problem), problem.code)
        answer.reject(new OperationFailed(problem))
      })
      return answer.promise
    },
  }
}

const named = ({ number, kind, actor }: Operation) => `#${number} (${kind} by ${actor})`

function outcomeOf(problem: Problem | null): Outcome {
  if (problem === null) return 'succeeded'
  return problem.code === 'cancelled' ? 'cancelled' : 'failed'
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
