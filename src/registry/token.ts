// The Bearer flow: a login service named by the registry gives a token that may pull one repository, or that only
// proves the login. A password goes to it as Basic, an identity token in a form (OAuth2, grant `refresh_token`).
import type { RegistryAuth } from '../domain/registry-auth.ts'
import { Secret } from '../domain/secret.ts'
import { followable } from './address.ts'
import type { Challenge } from './challenge.ts'
import type { Answer, Request } from './exchange.ts'
import { failed, strayed } from './failures.ts'
import type { Question } from './question.ts'
import { refusedToken } from './token-refusal.ts'
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
  send: (request: Omit<Request, 'limit'>) => Promise<Answer>,
  said: (answer: Answer) => string,
): Promise<Secret> {
  const realm = followable(challenge.realm, registry)
  if (realm === null) {
    throw strayed(question, `It names ${describeAddress(challenge.realm)} as its login service`)
  }
  const answer = await send(tokenRequest(realm, challenge.service, question))
  if (answer.status !== 200) {
    throw refusedToken(question, answer, `Its login service ${realm.host} answered ${said(answer)}`)
  }
  const { token, access_token } = fieldsOf(answer.cut ? undefined : parseJson(answer.body))
  const found = [token, access_token].find(value => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value))
  if (found === undefined) throw failed(question, `Its login service ${realm.host} gave no token`)
  return new Secret(found as string)
}

/** The scope is what we need and no more: never what the challenge asks for. */
function tokenRequest(
  realm: URL,
  service: string | null,
  { reference, auth }: Question,
): Omit<Request, 'limit'> {
  const wanted = {
    ...(service !== null && { service }),
    ...(reference !== null && { scope: `repository:${reference.repository}:pull` }),
  }
  const headers = { accept: 'application/json' }
  if (auth?.kind === 'identity-token') {
    return { method: 'POST', url: realm, headers, form: refreshForm(auth.password, wanted) }
  }
  const url = new URL(realm)
  for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value)
  return {
    method: 'GET',
    url,
    headers: auth === null ? headers : { ...headers, authorization: basicLogin(auth) },
  }
}

function refreshForm(identityToken: Secret, wanted: Readonly<Record<string, string>>): Secret {
  const grant = { grant_type: 'refresh_token', client_id: 'fairlead', refresh_token: identityToken.reveal() }
  return new Secret(new URLSearchParams({ ...wanted, ...grant }).toString())
}

/** The value of an Authorization header. */
export function basicLogin(auth: RegistryAuth): string {
  if (auth.kind !== 'password') throw new Error('an identity token is no password')
  return `Basic ${Buffer.from(`${auth.username}:${auth.password.reveal()}`, 'utf8').toString('base64')}`
}

/** An address from outside without what may be secret in it: no login, path or query. */
export function describeAddress(text: string): string {
  return URL.canParse(text) ? printable(`${new URL(text).protocol}//${new URL(text).host}`) : 'something else'
}
