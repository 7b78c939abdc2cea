// One writer: calls are worked off one after another, in the order in which they came.

/** @returns runs the work when all before it has ended, well or not; one that is aborted while it waits is left out */
export function inOrder(): <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work, signal) => {
    const turn = last.then(() => {
      signal.throwIfAborted()
      return work()
    })
    last = turn.catch(() => {})
    return turn
  }
}
