// A login service that gives no token, as the Problem that a person reads.
import type { Problem } from '../domain/problem.ts'
import type { Answer } from './exchange.ts'
import { failed, rateLimited } from './failures.ts'
import type { Question } from './question.ts'
import { denied, loginFailed, loginRequired, takesNoTokens } from './refusals.ts'
import { retryAfter } from './retry-after.ts'
import { fieldsOf, parseJson } from './words.ts'

/** What OAuth2 (RFC 6749, section 5.2) says with 400, and what other services say with a status of its own. */
const OAUTH_STATUS: Readonly<Record<string, number>> = {
  invalid_grant: 401,
  invalid_scope: 403,
  unsupported_grant_type: 405,
}
/** A service that knows GET only. */
const NO_POST = new Set([404, 405, 501])

/** @param said what the service answered, to be shown */
export function refusedToken(question: Question, answer: Answer, said: string): Problem {
  const status = statusOf(answer)
  if (status === 429) return rateLimited(question, said, retryAfter(answer))
  if (NO_POST.has(status) && question.auth?.kind === 'identity-token') return takesNoTokens(question, said)
  if (status !== 401 && status !== 403) return failed(question, said)
  if (question.reference === null) return loginFailed(question, said)
  if (question.auth === null) return loginRequired(question, said)
  return status === 401 ? loginFailed(question, said) : denied(question, said, true)
}

function statusOf(answer: Answer): number {
  const { error } = fieldsOf(answer.status === 400 ? parseJson(answer.body) : undefined)
  return (typeof error === 'string' ? OAUTH_STATUS[error] : undefined) ?? answer.status
}
