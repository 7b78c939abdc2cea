// Ends an operation that somebody else may have asked for. Before the promotion it is undone as for Ctrl-C; after it
// nothing is, and the one who cancels is told what is live.
import type { App } from '../domain/app.ts'
import type { Actor } from '../domain/member.ts'
import type { Operation } from '../domain/operation.ts'
import { Problem } from '../domain/problem.ts'
import type { Outcome } from '../store/operations.ts'
import type { Store } from '../store/store.ts'
import type { Operations } from './operations.ts'

/**
 * Safe to ask twice: the second answer is that of the first.
 * @param patience aborted when the answer must not wait any longer for the operation's end; its undoing goes on
 * @returns what became of it: a sentence
 * @throws Problem `not-found`, `not-cancellable`
 */
export async function cancelOperation(
  store: Store,
  operations: Operations,
  app: App,
  operation: Operation,
  by: Actor,
  patience: AbortSignal,
): Promise<string> {
  const { number } = operation
  if (operation.endedAt !== null) return alreadyEnded(operation)
  if (operation.kind === 'destroy') throw destroys(operation)
  const underWay = operations.underWay(operation.id)
  if (underWay === null) throw recordless(operation)

  // Known from the record, so that it is true from the very moment of the promotion on.
  const live = store.releases.live(app.id)
  const made = live?.operation === number ? live.number : null
  const tooLate = made !== null || underWay.decided !== null
  if (tooLate) underWay.stopAfterwards(stopped(by))
  else underWay.cancel(cancelled(operation, by))
  const outcome = await unlessImpatient(underWay.ended, patience)
  if (tooLate) throw tooLateFor(operation, made)
  switch (outcome) {
    case null:
      return `Operation #${number} is being cancelled: \`fairlead operation:follow ${number}\` shows its end.`
    case 'cancelled':
      return `Operation #${number} was cancelled.`
    default:
      return `Operation #${number} had ended before it could be cancelled: it ${outcome}.`
  }
}

function alreadyEnded({ number, state, problem }: Operation): string {
  if (state === 'cancelled') return `Operation #${number} was cancelled already.`
  throw new Problem('not-cancellable', {
    headline: `Operation #${number} has ended already: it ${state}${problem === null ? '' : ` (${problem})`}`,
    hint: `\`fairlead operation:logs ${number}\` shows what it did.`,
  })
}

function destroys({ number }: Operation): Problem {
  return new Problem('not-cancellable', {
    headline: `Operation #${number} destroys the app, and a destroy cannot be cancelled`,
    saw: 'What it has removed cannot be brought back, so that only a part of the app would be left.',
    hint: 'Whoever asked for it can leave with Ctrl-C while it waits for its turn; after that, let it end.',
  })
}

/** Its end could not be written: the gateway's own disk was full. */
function recordless({ number, state }: Operation): Problem {
  return new Problem('not-cancellable', {
    headline: `Operation #${number} has ended, though its record says ${state}: its end could not be recorded`,
    hint: 'Nothing is left to cancel. Tell an operator: the log says why, and the next start mends the record.',
  })
}

function cancelled({ number }: Operation, { member, address }: Actor): Problem {
  return new Problem('cancelled', {
    headline: `Operation #${number} was cancelled by ${member.name}`,
    saw: `${member.name} cancelled it from ${address}.`,
    hint: `Ask ${member.name} why, and ask again when it may go on.`,
  })
}

function stopped({ member, address }: Actor): Problem {
  return new Problem('cancelled', {
    headline: `${member.name} stopped it from ${address}`,
    hint: `Ask ${member.name} why.`,
  })
}

function tooLateFor({ number }: Operation, release: number | null): Problem {
  return new Problem('not-cancellable', {
    headline: `It is too late to cancel operation #${number}: ${release === null ? 'it has failed already' : `its release v${release} is live`}`,
    saw: 'Only its commands from .aptible.yml ran still, and those were stopped.',
    hint:
      release === null
        ? `\`fairlead operation:logs ${number}\` shows why it failed.`
        : '`fairlead rollback` goes back to the release before it.',
  })
}

/** @returns null when the patience ends before */
async function unlessImpatient(ended: Promise<Outcome>, patience: AbortSignal): Promise<Outcome | null> {
  const { promise: given, resolve: give } = Promise.withResolvers<null>()
  const up = () => give(null)
  if (patience.aborted) up()
  patience.addEventListener('abort', up, { once: true })
  try {
    return await Promise.race([ended, given])
  } finally {
    patience.removeEventListener('abort', up)
  }
}
