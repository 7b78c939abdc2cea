// A conversation with one registry about one repository: finds its address, answers its challenge, follows redirects.
//
// Invariants, whatever the registry says: a login leaves only for the registry's own origin (Basic, or the token) and
// for the login service that this origin named; never over plain HTTP except on loopback; never on a redirect.
import type { Problem } from '../domain/problem.ts'
import { maskSecrets, Secret } from '../domain/secret.ts'
import { followable, registryOrigins } from './address.ts'
import { parseChallenge } from './challenge.ts'
import type { Answer, Wire } from './exchange.ts'
import { imageName, type Question } from './question.ts'
import { denied, failed, loginFailed, loginRequired, rateLimited, strayed } from './refusals.ts'
import { basicLogin, bearerToken, describeAddress, retryAfter } from './token.ts'
import { mayBePlain, networkTrouble } from './trouble.ts'
import { wordsOf } from './words.ts'

const MOST_REDIRECTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const TOKEN_BYTES = 128 * 1024

export interface Session {
  /** @param path below `/v2/<repository>/`. @param limit bytes */
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
  let origins = registryOrigins(reference.host)
  let url = origins[0] as URL
  let login: 'none' | 'nobody' | 'basic' | 'bearer' = 'none'
  let authorization: Secret | null = null
  const secrets =
    auth === null ? [] : [auth.password, new Secret(`${auth.username}:${auth.password.reveal()}`)]

  const said = (answer: Answer) => maskSecrets(secrets)(wordsOf(answer).text)

  async function transmit(to: URL, method: 'GET' | 'HEAD', headers: Record<string, string>, limit: number) {
    url = to
    const answer = await wire.send({ method, url: to, headers, limit })
    const fields = { method, host: to.host, path: to.pathname, status: answer.status }
    log?.debug(fields, `registry asked about ${imageName(question)}`)
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
        const answer = await transmit(new URL(path, origin), method, headers, limit)
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
      answer = await transmit(next, method, headers, limit)
    }
    return answer
  }

  /** @returns whether it is worth asking again */
  async function answerChallenge(answer: Answer): Promise<boolean> {
    const challenge = parseChallenge(answer.headers['www-authenticate'])
    login = 'nobody'
    if (challenge?.scheme === 'bearer') {
      const send = (to: URL, headers: Record<string, string>) =>
        transmit(to, 'GET', { accept: 'application/json', ...headers }, TOKEN_BYTES)
      const token = await bearerToken(challenge, answer.url, question, send, said)
      secrets.push(token)
      authorization = new Secret(`Bearer ${token.reveal()}`)
      login = 'bearer'
    } else if (challenge !== null && auth !== null) {
      authorization = new Secret(basicLogin(auth))
      login = 'basic'
    }
    return authorization !== null
  }

  const isForeign = (answer: Answer) => answer.url.origin !== origins[0]?.origin

  return {
    async ask(method, path, accept, limit) {
      const target = `/v2/${reference.repository}/${path}`
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
      if (status === 401 || status === 403) {
        if (auth === null) return loginRequired(question, words)
        if (status === 401 && login === 'basic') return loginFailed(question, words)
        if (login === 'basic' || login === 'bearer') return denied(question, words)
        return failed(question, `${words}, and does not say how to log in`)
      }
      return failed(question, words)
    },

    said,
    challenged: () => login !== 'none',
    lastUrl: () => url,
  }
}
