// A conversation with one registry about one repository or one login: finds its address, answers its challenge,
// follows redirects.
//
// Invariants, whatever the registry says: a login leaves only for the registry's own origin (Basic, or the token) and
// for the login service that this origin named; never over plain HTTP except on loopback; never on a redirect. An
// identity token leaves for that login service alone.
import type { Problem } from '../domain/problem.ts'
import { secretsOf } from '../domain/registry-auth.ts'
import { maskSecrets, Secret } from '../domain/secret.ts'
import { followable, registryOrigins } from './address.ts'
import { parseChallenge } from './challenge.ts'
import type { Answer, Request, Wire } from './exchange.ts'
import { failed, rateLimited, strayed } from './failures.ts'
import { aboutWhat, type Question } from './question.ts'
import { denied, loginFailed, loginRequired, takesNoTokens } from './refusals.ts'
import { retryAfter } from './retry-after.ts'
import { basicLogin, bearerToken, describeAddress } from './token.ts'
import { mayBePlain, networkTrouble } from './trouble.ts'
import { wordsOf } from './words.ts'

const MOST_REDIRECTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const TOKEN_BYTES = 128 * 1024

export interface Session {
  /** @param path below `/v2/<repository>/`, or below `/v2/` where a login is asked about. @param limit bytes */
  ask(method: 'GET' | 'HEAD', path: string, accept: string, limit: number): Promise<Answer>
  /** The Problem for an answer that is not the one hoped for, by its status. 404 is left to who asked. */
  refusal(answer: Answer): Problem
  /** What an answer says, fit to be shown and without our secrets, should it repeat them. */
  said(answer: Answer): string
  /** Whether the registry asked who we are. */
  challenged(): boolean
  /** Where the last request went. */
  lastUrl(): URL
}

export interface Log {
  debug(fields: object, message: string): void
}

export function openSession(question: Question, wire: Wire, signal: AbortSignal, log?: Log): Session {
  const { reference, auth } = question
  const base = reference === null ? '/v2/' : `/v2/${reference.repository}/`
  let origins = registryOrigins(question.host)
  let url = origins[0] as URL
  let login: 'none' | 'nobody' | 'basic' | 'bearer' = 'none'
  let authorization: Secret | null = null
  const secrets = auth === null ? [] : secretsOf(auth)

  const said = (answer: Answer) => maskSecrets(secrets)(wordsOf(answer).text)

  async function transmit(request: Request) {
    const { method } = request
    url = request.url
    const answer = await wire.send(request)
    const fields = { method, host: url.host, path: url.pathname, status: answer.status }
    log?.debug(fields, `registry asked ${aboutWhat(question)}`)
    return answer
  }

  /** Says in our words what went wrong below HTTP; an abort stays what it is. */
  function translated(error: unknown): unknown {
    return signal.aborted ? error : (networkTrouble(error, question, url) ?? error)
  }

  /** Tries the origins in order once; the first that answers is the registry from then on. */
  async function transmitToRegistry(path: string, method: 'GET' | 'HEAD', accept: string, limit: number) {
    for (const [index, origin] of origins.entries()) {
      const headers = { accept, ...(authorization !== null && { authorization: authorization.reveal() }) }
      try {
        const answer = await transmit({ method, url: new URL(path, origin), headers, limit })
        origins = [origin]
        return answer
      } catch (error) {
        if (signal.aborted || index === origins.length - 1 || !mayBePlain(error)) throw error
      }
    }
    throw new Error('a registry has at least one origin')
  }

  async function follow(
    path: string,
    method: 'GET' | 'HEAD',
    accept: string,
    limit: number,
  ): Promise<Answer> {
    let answer = await transmitToRegistry(path, method, accept, limit)
    for (let hops = 0; REDIRECTS.has(answer.status); hops++) {
      const location = answer.headers.location ?? ''
      const next = followable(location, answer.url)
      if (next === null) throw strayed(question, `It redirects to ${describeAddress(location)}`)
      if (hops === MOST_REDIRECTS) throw failed(question, `It redirects more than ${MOST_REDIRECTS} times`)
      const home = next.origin === origins[0]?.origin && authorization !== null
      const headers = {
        accept,
        ...(home && authorization !== null && { authorization: authorization.reveal() }),
      }
      answer = await transmit({ method, url: next, headers, limit })
    }
    return answer
  }

  /** @returns whether it is worth asking again */
  async function answerChallenge(answer: Answer): Promise<boolean> {
    const challenge = parseChallenge(answer.headers['www-authenticate'])
    login = 'nobody'
    if (challenge?.scheme === 'bearer') {
      const send = (request: Omit<Request, 'limit'>) => transmit({ ...request, limit: TOKEN_BYTES })
      const token = await bearerToken(challenge, answer.url, question, send, said)
      secrets.push(token)
      authorization = new Secret(`Bearer ${token.reveal()}`)
      login = 'bearer'
    } else if (challenge !== null && auth !== null) {
      if (auth.kind === 'identity-token') {
        const wants = `It answered ${said(answer)} and asks for a username and password, so the token was sent nowhere`
        throw takesNoTokens(question, wants)
      }
      authorization = new Secret(basicLogin(auth))
      login = 'basic'
    }
    return authorization !== null
  }

  const isForeign = (answer: Answer) => answer.url.origin !== origins[0]?.origin

  return {
    async ask(method, path, accept, limit) {
      const target = `${base}${path}`
      try {
        const answer = await follow(target, method, accept, limit)
        if (answer.status !== 401 || login !== 'none' || isForeign(answer)) return answer
        return (await answerChallenge(answer)) ? await follow(target, method, accept, limit) : answer
      } catch (error) {
        throw translated(error)
      }
    },

    refusal(answer) {
      const { status } = answer
      const words = `It answered ${said(answer)}`
      if (isForeign(answer)) {
        return failed(question, `It redirects to ${describeAddress(answer.url.href)}. ${words}`)
      }
      if (status === 429) return rateLimited(question, words, retryAfter(answer))
      if (status !== 401 && status !== 403) return failed(question, words)
      if (login === 'bearer' && tokenIsInvalid(answer)) {
        return failed(question, `${words}, to the token that its own login service had just given`)
      }
      if (reference !== null && auth === null) return loginRequired(question, words)
      // Amazon ECR says 403 to a password that has ended.
      const ended = status === 403 && /authorization token has expired/.test(words)
      if (login === 'basic')
        return status === 401 || ended ? loginFailed(question, words) : denied(question, words)
      if (login === 'bearer') return denied(question, words)
      return failed(question, `${words}, and does not say how to log in`)
    },

    said,
    challenged: () => login !== 'none',
    lastUrl: () => url,
  }
}

/** The login service and its registry do not fit together: that is no matter of whose token it is. */
function tokenIsInvalid(answer: Answer): boolean {
  const challenge = parseChallenge(answer.headers['www-authenticate'])
  return challenge?.scheme === 'bearer' && challenge.error === 'invalid_token'
}
