// Why a pull failed, told from the engine's words: its statuses mean little (a wrong password is a 500, and what
// happens after the first byte comes inside a 200). By the time of the pull the registry has been asked already,
// so these are the cases in which it answers the engine otherwise than it answered us.
import type { PullRequest } from '../../domain/engine.ts'
import { Problem, type ProblemCode } from '../../domain/problem.ts'
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
      hint: 'Wait before you try again. Credentials of your own (APTIBLE_PRIVATE_REGISTRY_*) often raise the limit.',
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
    words: /unauthorized|authentication required|no basic auth|incorrect username or password|\b401\b/i,
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
      hint: 'Check APTIBLE_DOCKER_IMAGE for spelling.',
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
      hint: 'Check APTIBLE_PRIVATE_REGISTRY_HOST. The engine, not only the gateway, has to reach the registry.',
    }),
  },
]

/** @param words the engine's own */
export function pullProblem(words: string, request: PullRequest, stack: string, cause?: unknown): Problem {
  const full = diskFull(words, stack, cause)
  if (full !== null) return full
  const reading = READINGS.find(candidate => candidate.words.test(words))
  if (reading === undefined) return engineFailed(`pull ${image(request)}`, words, stack, cause)
  const { code, ...fields } = reading.read(request)
  return new Problem(code, { ...fields, saw: words, cause })
}

function refusedLogin(request: PullRequest) {
  if (request.auth === null) return loginRequired(request)
  return {
    code: 'registry-login-failed',
    headline: `${host(request)} refuses the login of ${request.auth.username}`,
    hint: `Check the username and password (${request.auth.source}).`,
  } as const
}

function refusedAccess(request: PullRequest) {
  if (request.auth === null) return loginRequired(request)
  return {
    code: 'registry-denied',
    headline: `${host(request)} does not let ${request.auth.username} read ${request.reference.repository}`,
    hint: `Give ${request.auth.username} the right to pull it, or use other credentials (${request.auth.source}).`,
  } as const
}

function loginRequired(request: PullRequest) {
  return {
    code: 'registry-login-required',
    headline: `${image(request)} is private, and no credential for ${host(request)} is set`,
    hint: 'Set APTIBLE_PRIVATE_REGISTRY_HOST, APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD.',
  } as const
}
