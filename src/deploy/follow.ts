// The transcript of an operation, for those who watch it besides its actor. They read what is stored, each at their
// own pace; the operation only rings a bell. So nobody holds it up, and nothing is kept in memory for a slow one.
import type { Operation } from '../domain/operation.ts'
import type { Outcome } from '../store/operations.ts'
import type { Store } from '../store/store.ts'
import type { Operations } from './operations.ts'

/** Lines that are in memory at a time for one who follows. */
const BATCH = 100

/**
 * Writes every line, and waits for more until the operation has ended.
 * @param write waits for room
 * @param authorised asked before every batch that is written: a right can go meanwhile
 * @returns its outcome; null when the one who follows has left
 */
export async function followOperation(
  store: Store,
  operations: Operations,
  operation: Operation,
  write: (line: string) => Promise<void> | undefined,
  authorised: () => void,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const { id, appId, number } = operation
  const underWay = operations.underWay(id)
  let position = 0
  while (!signal.aborted) {
    // Asked before the lines: what ended before that has written its last one.
    const over = operations.underWay(id) === null
    const batch = store.operations.linesAfter(id, position, BATCH)
    if (batch.length > 0) authorised()
    for (const line of batch) {
      await write(line.text)
      if (signal.aborted) return null
      position = line.position
    }
    if (batch.length > 0) continue
    if (over) {
      const { state } = store.operations.byNumber(appId, number) ?? {}
      // An app that was destroyed has taken the record along.
      if (state === 'succeeded' || state === 'failed' || state === 'cancelled') return state
      return underWay === null ? 'failed' : underWay.ended
    }
    // No line can come between the look and this: nothing was awaited.
    await underWay?.next(signal)
  }
  return null
}
