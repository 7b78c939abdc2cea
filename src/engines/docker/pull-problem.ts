// Why a pull failed, told from the engine's words: its statuses mean little (a wrong password is a 500, and what
// happens after the first byte comes inside a 200). By the time of the pull the registry has been asked already,
// so these are the cases in which it answers the engine otherwise than it answered us.
import type { PullRequest } from '../../domain/engine.ts'
import type { ImageReference } from '../../domain/image-reference.ts'
import { Problem, type ProblemCode } from '../../domain/problem.ts'
import { fitWords } from '../engine-words.ts'
import { explain, loginOf, mendLogin, storeLogin, userOf } from '../registry-hints.ts'
import { withoutNames } from './registry-words.ts'
import { diskFull, engineFailed } from './translate.ts'

interface Reading {
  readonly words: RegExp
  readonly read: (request: PullRequest) => { code: ProblemCode; headline: string; hint: string }
}

const host = (request: PullRequest) => request.reference.host
const image = (request: PullRequest) => `${request.reference.host}/${request.reference.repository}`

/** The first that fits is taken. */
const READINGS: readonly Reading[] = [
  {
    words: /toomanyrequests|too many requests|rate limit|\b429\b/i,
    read: request => ({
      code: 'registry-rate-limited',
      headline: `${host(request)} limits how often the Docker engine may ask it`,
      hint:
        request.auth === null
          ? `Wait before you try again, or ask as a known user. ${storeLogin(host(request))}`
          : 'Wait before you try again, or use an account with a higher limit.',
    }),
  },
  {
    words:
      /no matching manifest for|does not match the specified platform|cannot be used on this platform|operating system/i,
    read: request => ({
      code: 'platform-mismatch',
      headline: `${image(request)} is not made for the platform of the engine`,
      hint: 'Build and push the image for the platform of the engine, for example with docker build --platform.',
    }),
  },
  {
    words:
      /unauthorized|authentication required|no basic auth|incorrect username or password|invalid_grant|\b401\b/i,
    read: refusedLogin,
  },
  { words: /denied|forbidden|\b403\b/i, read: refusedAccess },
  {
    words: /manifest unknown|manifest for .* not found|failed to resolve reference .* not found/i,
    read: request => ({
      code: 'tag-not-found',
      headline: `${host(request)} does not have ${request.reference.repository} with the digest that it named before`,
      hint: 'The image may have been removed meanwhile: push it again, then try again.',
    }),
  },
  {
    words: /name unknown|repository name not known|repository .* not found/i,
    read: request => ({
      code: 'image-not-found',
      headline: `${host(request)} has no repository ${request.reference.repository}`,
      hint: `Check the spelling of the image's name. ${explain(request.reference)}`,
    }),
  },
  {
    words: /x509|certificate|gave HTTP response to HTTPS client|tls: /i,
    read: request => ({
      code: 'registry-tls',
      headline: `The Docker engine cannot make sure that it talks to ${host(request)}`,
      hint: "Ask the operator to make the registry's certificate known to the engine (/etc/docker/certs.d).",
    }),
  },
  {
    words: /received unexpected HTTP status: 5\d\d|internal server error|service unavailable|bad gateway/i,
    read: request => ({
      code: 'registry-failed',
      headline: `${host(request)} failed by itself while the Docker engine pulled ${request.reference.repository}`,
      hint: 'Try again in a minute.',
    }),
  },
  {
    words:
      /connection (refused|reset)|no such host|timeout|timed out|deadline exceeded|no route to host|unreachable|server misbehaving|EOF/i,
    read: request => ({
      code: 'registry-unreachable',
      headline: `${host(request)} does not answer the Docker engine`,
      hint: "Check the host in the image's name. The engine, not only the gateway, has to reach the registry.",
    }),
  },
]

/** @param text the engine's own */
export function pullProblem(text: string, request: PullRequest, stack: string, cause?: unknown): Problem {
  const words = fitWords(text)
  const full = diskFull(words, stack, cause)
  if (full !== null) return full
  const said = withoutNames(words, request.reference)
  const reading = READINGS.find(candidate => candidate.words.test(said))
  if (reading === undefined) return engineFailed(`pull ${image(request)}`, words, stack, cause)
  const { code, ...fields } = reading.read(request)
  return new Problem(code, { ...fields, saw: words, cause })
}

function refusedLogin({ auth, reference }: PullRequest) {
  if (auth === null) return loginRequired(reference)
  return {
    code: 'registry-login-failed',
    headline: `${reference.host} refuses ${loginOf(auth)}`,
    hint: `${mendLogin(auth)} ${explain(reference)}`,
  } as const
}

function refusedAccess({ auth, reference }: PullRequest) {
  if (auth === null) return loginRequired(reference)
  return {
    code: 'registry-denied',
    headline: `${reference.host} does not let ${userOf(auth)} read ${reference.repository}`,
    hint: `Give ${userOf(auth)} the right to pull it, or use another. ${mendLogin(auth)} ${explain(reference)}`,
  } as const
}

function loginRequired(reference: ImageReference) {
  return {
    code: 'registry-login-required',
    headline: `${reference.host}/${reference.repository} is private, and no credential for ${reference.host} is set`,
    hint: `${storeLogin(reference.host)} ${explain(reference)}`,
  } as const
}
