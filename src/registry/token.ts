// The Bearer flow: a login service named by the registry gives a token that may pull one repository.
import type { Problem } from '../domain/problem.ts'
import type { RegistryAuth } from '../domain/registry-auth.ts'
import { Secret } from '../domain/secret.ts'
import { followable } from './address.ts'
import type { Challenge } from './challenge.ts'
import type { Answer } from './exchange.ts'
import type { Question } from './question.ts'
import { denied, failed, loginFailed, loginRequired, rateLimited, strayed } from './refusals.ts'
import { fieldsOf, parseJson, printable } from './words.ts'

/**
 * @param registry where the challenge came from
 * @param send asks the login service once; it must not follow redirects, since the password may be on the request
 * @param said what an answer says, without secrets
 * @throws Problem when the service is no safe address or gives no token
 */
export async function bearerToken(
  challenge: Challenge & { scheme: 'bearer' },
  registry: URL,
  question: Question,
  send: (url: URL, headers: Record<string, string>) => Promise<Answer>,
  said: (answer: Answer) => string,
): Promise<Secret> {
  const { reference, auth } = question
  const url = followable(challenge.realm, registry)
  if (url === null) {
    throw strayed(question, `It names ${describeAddress(challenge.realm)} as its login service`)
  }
  if (challenge.service !== null) url.searchParams.set('service', challenge.service)
  url.searchParams.set('scope', `repository:${reference.repository}:pull`)

  const answer = await send(url, auth === null ? {} : { authorization: basicLogin(auth) })
  if (answer.status !== 200)
    throw refusedToken(question, answer, `Its login service ${url.host} answered ${said(answer)}`)
  const { token, access_token } = fieldsOf(answer.cut ? undefined : parseJson(answer.body))
  const found = [token, access_token].find(value => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value))
  if (found === undefined) throw failed(question, `Its login service ${url.host} gave no token`)
  return new Secret(found as string)
}

/** The value of an Authorization header. */
export function basicLogin(auth: RegistryAuth): string {
  return `Basic ${Buffer.from(`${auth.username}:${auth.password.reveal()}`, 'utf8').toString('base64')}`
}

function refusedToken(question: Question, answer: Answer, said: string): Problem {
  const { status } = answer
  if (status === 401)
    return question.auth === null ? loginRequired(question, said) : loginFailed(question, said)
  if (status === 403) return question.auth === null ? loginRequired(question, said) : denied(question, said)
  if (status === 429) return rateLimited(question, said, retryAfter(answer))
  return failed(question, said)
}

/** Retry-After in seconds, null when it is not there or not to be believed (more than a day). */
export function retryAfter(answer: Answer): number | null {
  const text = answer.headers['retry-after'] ?? ''
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000)
  return seconds >= 0 && seconds <= 86_400 ? seconds : null
}

/** An address from outside without what may be secret in it: no login, path or query. */
export function describeAddress(text: string): string {
  return URL.canParse(text) ? printable(`${new URL(text).protocol}//${new URL(text).host}`) : 'something else'
}
