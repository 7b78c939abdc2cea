// Why a push failed, told from the engine's words, which carry the registry's own: the status is 200 by then.
import type { PushRequest } from '../../domain/engine.ts'
import { formatImageReference } from '../../domain/image-reference.ts'
import { Problem, type ProblemCode } from '../../domain/problem.ts'
import { fitWords } from '../engine-words.ts'
import { explain, loginOf, mendLogin, storeLogin, userOf } from '../registry-hints.ts'
import { withoutNames } from './registry-words.ts'

interface Reading {
  readonly code: ProblemCode
  readonly headline: string
  readonly hint: string
}

/** The first that fits is taken. */
const READINGS: readonly (readonly [words: RegExp, read: (request: PushRequest) => Reading])[] = [
  [/toomanyrequests|too many requests|rate limit|\b429\b/i, rateLimited],
  // Several registries say `denied` or `unknown` in front of these two.
  [/immutab|cannot be overwritten|does not allow (?:updating|redeploy)/i, immutable],
  [/quota|too large|\b413\b|storage limit|exceeds? .*(?:limit|maximum|size)|no space left/i, full],
  [/x509|certificate|gave HTTP response to HTTPS client|tls: /i, untrusted],
  [/name unknown|repository name not known|repository .* (?:not found|does not exist)/i, missing],
  // Quay.io answers 401 to a login that is right and may only read.
  [/denied|forbidden|insufficient.scope|not authorized|\b403\b/i, refusedAccess],
  [
    /unauthorized|authentication required|no basic auth|incorrect username or password|invalid_grant|\b401\b/i,
    refusedLogin,
  ],
  [/HTTP status: 5\d\d|internal server error|service unavailable|bad gateway|gateway timeout/i, failed],
  [
    /connection (refused|reset)|broken pipe|no such host|timeout|timed out|deadline exceeded|no route to host|unreachable|server misbehaving|EOF/i,
    unreachable,
  ],
]

/** @param text the engine's own */
export function pushProblem(text: string, request: PushRequest, cause?: unknown): Problem {
  const words = fitWords(text)
  const said = withoutNames(words, request.reference)
  const read = READINGS.find(([sign]) => sign.test(said))?.[1] ?? other
  const { code, headline, hint } = read(request)
  return new Problem(code, { headline, saw: words, hint, cause })
}

const image = ({ reference }: PushRequest) => formatImageReference(reference)

function rateLimited(request: PushRequest): Reading {
  return {
    code: 'registry-rate-limited',
    headline: `${request.reference.host} limits how often it may be asked, and takes no push of ${image(request)} for now`,
    hint:
      request.auth === null
        ? `Wait, or ask as a known user. ${storeLogin(request.reference.host)}`
        : 'Wait before you push again, or use an account with a higher limit.',
  }
}

function immutable(request: PushRequest): Reading {
  return {
    code: 'image-push-failed',
    headline: `${request.reference.host} has ${image(request)} already, and lets no push replace it`,
    hint: 'Give each push a tag of its own in image_tag, for example with {{ .CommitID }}, or make the tags of the repository mutable.',
  }
}

function full(request: PushRequest): Reading {
  return {
    code: 'image-push-failed',
    headline: `${request.reference.host} has no room for the push of ${image(request)}, or takes no layer of this size`,
    hint: 'Delete old tags there, have the limit raised, or make the layers of the image smaller; then push again.',
  }
}

function untrusted(request: PushRequest): Reading {
  return {
    code: 'registry-tls',
    headline: `The Docker engine cannot make sure that it talks to ${request.reference.host}, so the push of ${image(request)} did not begin`,
    hint: "Ask the operator to make the registry's certificate known to the engine (/etc/docker/certs.d).",
  }
}

function missing(request: PushRequest): Reading {
  const { host, repository } = request.reference
  return {
    code: 'image-not-found',
    headline: `${host} has no repository ${repository}, and makes none for the push of ${image(request)}`,
    hint: 'Create the repository there first, or correct image_name; then push again.',
  }
}

function refusedAccess(request: PushRequest): Reading {
  const { auth, reference } = request
  if (auth === null) return loginRequired(request)
  return {
    code: 'registry-denied',
    headline: `${reference.host} does not let ${userOf(auth)} push to ${reference.repository}`,
    hint: `Give ${userOf(auth)} the right to push (write) there: to pull is another right. ${mendLogin(auth)} ${explain(reference)}`,
  }
}

function refusedLogin(request: PushRequest): Reading {
  const { auth, reference } = request
  if (auth === null) return loginRequired(request)
  return {
    code: 'registry-login-failed',
    headline: `${reference.host} refuses ${loginOf(auth)} for the push of ${image(request)}`,
    hint: `${mendLogin(auth)} ${explain(reference)}`,
  }
}

function loginRequired(request: PushRequest): Reading {
  const { reference } = request
  return {
    code: 'registry-login-required',
    headline: `${reference.host} takes no push of ${image(request)} without a login, and no credential for it is set`,
    hint: `${storeLogin(reference.host)} ${explain(reference)}`,
  }
}

function failed(request: PushRequest): Reading {
  return {
    code: 'registry-failed',
    headline: `${request.reference.host} failed by itself during the push of ${image(request)}`,
    hint: 'Push again in a minute; if it goes on, ask whoever runs the registry.',
  }
}

function unreachable(request: PushRequest): Reading {
  return {
    code: 'registry-unreachable',
    headline: `${request.reference.host} does not answer the Docker engine, which was to push ${image(request)}`,
    hint: 'Check the host in image_name. The engine, not only the gateway, has to reach the registry.',
  }
}

function other(request: PushRequest): Reading {
  return {
    code: 'image-push-failed',
    headline: `The Docker engine could not push ${image(request)}`,
    hint: `Push again. If it stays so, ask whoever runs the registry. ${explain(request.reference)}`,
  }
}
