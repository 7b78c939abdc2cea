// A command that goes on for hours must not outlive the right to it.
import type { Session } from '../ssh/session.ts'
import type { AppCall } from './command.ts'

/** Milliseconds between two questions: how long somebody who lost a role may look on. */
const EVERY = 3000

/**
 * Does `work` until it ends by itself, the client leaves, or the actor may no longer.
 * @throws Problem `forbidden`, `app-not-found` as soon as the right is gone
 */
export async function whileAuthorised<T>(
  { session, authorised }: Pick<AppCall, 'authorised'> & { readonly session: Pick<Session, 'signal'> },
  work: (signal: AbortSignal) => Promise<T>,
  every = EVERY,
): Promise<T> {
  const lost = new AbortController()
  const timer = setInterval(() => {
    try {
      authorised()
    } catch (problem) {
      lost.abort(problem)
    }
  }, every)
  try {
    return await work(AbortSignal.any([session.signal, lost.signal]))
  } finally {
    clearInterval(timer)
    lost.signal.throwIfAborted()
  }
}
