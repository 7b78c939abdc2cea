// What is known of one operation while it runs and afterwards: its row, the lines that its actor sees, and how it ended.
import type { App } from '../domain/app.ts'
import type { Log } from '../domain/log.ts'
import type { Operation } from '../domain/operation.ts'
import { type Problem, type ProblemCode, problemLines } from '../domain/problem.ts'
import type { Outcome } from '../store/operations.ts'
import type { Store } from '../store/store.ts'
import { asProblem } from './operation-failed.ts'
import { runsNow } from './runs-now.ts'
import { createTranscript, type LiveTranscript, type Say } from './transcript.ts'
import type { Tracked } from './under-way.ts'

export interface OperationRecord {
  readonly operation: Operation
  readonly transcript: LiveTranscript
  readonly tracked: Tracked
  /** Aborted when its actor leaves, the gateway stops or somebody cancels it. */
  readonly signal: AbortSignal
  /** From now on the transcript is only written down: its actor was answered. */
  fallSilent(): void
  /** Writes why it did not succeed, and what runs now, into the transcript. */
  tell(error: unknown): Problem
  /** Written down as ended, and whoever waits for its end is told. */
  end(outcome: Outcome, problem: ProblemCode | null): void
}

/** Whoever is turned away is not told what the app runs. */
const TURNED_AWAY: ReadonlySet<ProblemCode> = new Set(['forbidden', 'app-not-found'])

/** @param asker aborted when the one who asked leaves, or the gateway stops */
export function recordOperation(
  store: Store,
  log: Log,
  app: App,
  tracked: Tracked,
  { say, signal: asker }: { readonly say: Say; readonly signal: AbortSignal },
): OperationRecord {
  const { operation } = tracked
  const signal = AbortSignal.any([asker, tracked.work])
  let answered = false
  const transcript = createTranscript(
    text => {
      if (!answered) say(text)
    },
    line => {
      write(() => store.operations.appendLine(operation.id, line))
      tracked.news()
    },
  )

  /**
   * What happened has happened: a record that cannot be written must not turn it into something else. What goes on
   * beside the end of its app has none any more.
   */
  function write(row: () => void): void {
    try {
      if (store.apps.byId(app.id) !== null) row()
    } catch (error) {
      log.error({ app: app.name, operation: operation.number, error }, 'an operation could not be recorded')
    }
  }

  return {
    operation,
    transcript,
    tracked,
    signal,
    fallSilent() {
      answered = true
    },
    tell(error) {
      const seen = asProblem(error, app, operation, signal, log)
      const problem = TURNED_AWAY.has(seen.code) ? seen : seen.within({ runs: runsNow(store, app) })
      transcript.makeRoom()
      for (const line of problemLines(problem)) transcript.line(line)
      return problem
    },
    end(outcome, problem) {
      write(() => store.operations.finish(operation.id, outcome, problem))
      tracked.over(outcome)
    },
  }
}
