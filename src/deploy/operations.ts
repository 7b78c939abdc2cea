// Runs operations: one at a time per app, in order, each recorded with its actor, transcript and outcome.
import { performance } from 'node:perf_hooks'
import type { App } from '../domain/app.ts'
import type { Log } from '../domain/log.ts'
import type { Actor } from '../domain/member.ts'
import type { Operation, OperationKind } from '../domain/operation.ts'
import type { Store } from '../store/store.ts'
import { conclude, outcomeOf, type PlanAfterwards } from './conclude.ts'
import { destroyed, OperationFailed } from './operation-failed.ts'
import { type OperationRecord, recordOperation } from './operation-record.ts'
import type { LiveTranscript, Say } from './transcript.ts'
import { createTurns, type Turns } from './turns.ts'
import { createUnderWay, type UnderWay } from './under-way.ts'

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
  /** True for what takes no turn: it goes on beside what the app does, and nothing waits for it. */
  readonly beside?: boolean
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
  afterwards(plan: PlanAfterwards): void
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
  /** What has the app's turn or waits for it, or goes on beside its turns; not what `run` does beside them. */
  busy(appId: number): { readonly inTurn: readonly string[]; readonly aside: readonly string[] }
  /** Null when it has ended. */
  underWay(operationId: number): UnderWay | null
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>
}

/** @param stopping aborted when the gateway stops: for what goes on after its actor was answered */
export function createOperations(
  store: Store,
  log: Log,
  stopping: AbortSignal = new AbortController().signal,
): Operations {
  const turns = createTurns<Operation>()
  const asides = createTurns<string>()
  const besides = new Set<Promise<void>>()
  const underWay = createUnderWay()

  function begin(app: App, { kind, subject, actor, say, signal }: OperationRequest): OperationRecord {
    if (store.apps.byId(app.id) === null) throw destroyed(app)
    const { member, key, address } = actor
    const asked = { kind, subject, actor: member.name, key, address }
    const tracked = underWay.track(store.operations.create(app.id, asked))
    return recordOperation(store, log, app, tracked, { say, signal })
  }

  function alongside(perform: () => Promise<void>): Promise<void> {
    const performed = perform().finally(() => besides.delete(performed))
    besides.add(performed)
    return performed
  }

  return {
    exclusive: (appId, work) => turns.take(appId, null, work),
    aside(appId, { actor, waits, signal }, work) {
      const ahead = asides.ahead(appId)
      if (ahead.length > 0) waits(ahead)
      return asides.take(appId, actor, work, { signal })
    },
    busy: appId => ({
      inTurn: turns.ahead(appId).map(named),
      aside: asides.ahead(appId).map(actor => `a question of ${actor}`),
    }),
    underWay: underWay.of,
    async idle() {
      await Promise.all([turns.idle(), asides.idle(), ...besides])
    },

    async run<T>(app: App, request: OperationRequest, work: (run: Run) => Promise<T>): Promise<T> {
      const record = begin(app, request)
      const { operation, transcript, signal } = record
      const answer = Promise.withResolvers<T>()
      let plan: PlanAfterwards = () => null

      async function attempt(): Promise<T> {
        signal.throwIfAborted()
        if (store.apps.byId(app.id) === null) throw destroyed(app)
        request.authorised?.()
        store.operations.start(operation.id)
        const afterwards: Run['afterwards'] = wanted => {
          plan = wanted
        }
        return work({ operation, transcript, signal, afterwards })
      }

      async function perform(): Promise<void> {
        const startedAt = performance.now()
        const done = await attempt().then(
          result => ({ problem: null, tellActor: () => answer.resolve(result) }),
          error => {
            const problem = record.tell(error)
            return { problem, tellActor: () => answer.reject(new OperationFailed(problem)) }
          },
        )
        await conclude(record, done.problem, plan, done.tellActor, stopping, log)
        const milliseconds = Math.round(performance.now() - startedAt)
        const { number, kind } = operation
        log.info({ app: app.name, operation: number, kind, milliseconds }, 'operation ended')
      }

      const performed = request.beside ? alongside(perform) : inTurn(turns, record, request.until, perform)
      performed.catch(error => {
        // It left while it waited.
        const problem = record.tell(error)
        record.end(outcomeOf(problem), problem.code)
        answer.reject(new OperationFailed(problem))
      })
      return answer.promise
    },
  }
}

/** Whoever waits is told for whom, and again when there is only one left to wait for. */
function inTurn(
  turns: Turns<Operation>,
  { operation, transcript, signal }: OperationRecord,
  until: Promise<unknown> | undefined,
  perform: () => Promise<void>,
): Promise<void> {
  const { appId, number } = operation
  const ahead = turns.ahead(appId)
  if (ahead.length > 0) {
    transcript.line(`       Operation #${number} waits for ${ahead.map(named).join(', ')}`)
  }
  const next = () => {
    const [first] = turns.ahead(appId)
    if (first) transcript.line(`       Operation #${number} is next, after ${named(first)}`)
  }
  return turns.take(appId, operation, perform, { signal, next, ...(until && { until }) })
}

const named = ({ number, kind, actor }: Operation) => `#${number} (${kind} by ${actor})`
