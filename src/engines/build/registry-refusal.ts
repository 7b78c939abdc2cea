// A registry's refusal of what FROM or COPY --from names, read out of the engine's words.
import { normaliseHost, parseImageReference } from '../../domain/image-reference.ts'
import { Problem, type ProblemCode } from '../../domain/problem.ts'
import type { RegistryAuth } from '../../domain/registry-auth.ts'
import { explain, loginOf, mendLogin, storeLogin, userOf } from '../registry-hints.ts'

/** The first that fits decides: a rate limit may come as 401, an outage may name a certificate. */
const SIGNS: readonly (readonly [sign: RegExp, kind: Kind])[] = [
  [/toomanyrequests|too many requests|rate limit/i, 'limited'],
  [/x509:|server gave HTTP response to HTTPS client|tls: /i, 'tls'],
  [/status(?: code)?:? (?:\[.*\]: )?5\d\d|: 5\d\d \w+|unexpected HTTP status: 5\d\d/i, 'broken'],
  [
    /connection refused|connection reset|no such host|server misbehaving|i\/o timeout|timeout exceeded|TLS handshake timeout|no route to host|network is unreachable|deadline exceeded|EOF$/i,
    'unreachable',
  ],
  [/403 forbidden|denied: requested access|insufficient_scope|denied/i, 'denied'],
  [
    /401 unauthorized|unauthorized|no basic auth credentials|authentication required|invalid_grant|oauth token: .*\b400\b/i,
    'login',
  ],
  [/manifest unknown|name unknown|repository does not exist|404 not found|: not found$/i, 'missing'],
]
type Kind = 'limited' | 'tls' | 'broken' | 'unreachable' | 'denied' | 'login' | 'missing'

/** Where an image's name stands in the engine's words, then in the step's name. */
const NAMED = [
  /manifest for (\S+) not found/,
  /(?:access denied for|invalid from flag value) ([^\s,]+?)[,:]? /,
  /^(\S+): not found$/,
]
const STEP_NAMES = [
  /\bload metadata for (\S+)/,
  /--from=(\S+)/,
  /\bFROM (?:--\S+ )*(\S+)/,
  /docker-image:\/\/(\S+)/,
]
const URL_NAMED = /https?:\/\/([^\s/"]+)\/v2\/(?:([^\s"]+)\/manifests\/([^\s":]+))?/
const HOST_NAMED = /pulling from host (\S+) failed/

/**
 * @param step name of the step that failed, '' when unknown
 * @returns null when the words are not about a registry
 */
export function explainRegistryRefusal(
  words: string,
  step: string,
  auths: ReadonlyMap<string, RegistryAuth>,
  cause: Error,
): Problem | null {
  const image = imageNamed(words, step)
  const kind = SIGNS.find(([sign]) => sign.test(words))?.[1]
  if (image === null || kind === undefined) return null
  const { name, host } = image
  const auth = host === null ? undefined : auths.get(host)
  const where = host === null ? 'Its registry' : `The registry ${host}`
  const problem = (code: ProblemCode, headline: string, hint: string) =>
    new Problem(code, { headline, saw: words, hint, cause })

  switch (kind) {
    case 'limited':
      return problem(
        'registry-rate-limited',
        `${where} limits how often it may be asked, and refused ${name} for now`,
        auth === undefined
          ? `Wait, or ask as a known user. ${storeLogin(host)}`
          : 'Wait before you push again, or use an account with a higher limit.',
      )
    case 'tls':
      return problem(
        'registry-tls',
        `${where} cannot prove who it is, or does not speak TLS, so ${name} was not fetched`,
        "Check host and port in the Dockerfile. The authority behind a registry's certificate has to be made known to the engine by its operator (/etc/docker/certs.d), and engine 20.10 restarted after that: its BuildKit looks there only when it starts.",
      )
    case 'broken':
      return problem(
        'registry-failed',
        `${where} failed by itself when asked for ${name}`,
        'Push again in a moment; if it goes on, ask whoever runs the registry.',
      )
    case 'unreachable':
      return problem(
        'registry-unreachable',
        `${where} does not answer, so ${name} was not fetched`,
        'Check the spelling of the host in the Dockerfile, and that the registry can be reached from the engine.',
      )
    case 'missing':
      return problem(
        'image-not-found',
        `${where} has no ${name}, which the Dockerfile builds on`,
        'Check repository and tag in FROM and COPY --from; push the image to the registry first if it is yours.',
      )
    case 'denied':
    case 'login':
      break
  }
  if (auth === undefined) {
    return problem(
      'registry-login-required',
      `${name}, which the Dockerfile builds on, is private or does not exist, and no credential is set for ${host ?? 'its registry'}`,
      `${storeLogin(host)} ${explain(name)}`,
    )
  }
  return kind === 'denied'
    ? problem(
        'registry-denied',
        `${where} does not let ${userOf(auth)} read ${name}, which the Dockerfile builds on`,
        `Give ${userOf(auth)} the right to pull it, or use another. ${mendLogin(auth)} ${explain(name)}`,
      )
    : problem(
        'registry-login-failed',
        `${where} refuses ${loginOf(auth)} for ${name}, which the Dockerfile builds on`,
        `${mendLogin(auth)} ${explain(name)}`,
      )
}

interface Named {
  /** As it is known: with its tag, or as the Dockerfile spells it with the ARG still in it. */
  readonly name: string
  /** Normalised, null when it stands in an ARG. */
  readonly host: string | null
}

/** Null when neither the words nor the step name an image. */
function imageNamed(words: string, step: string): Named | null {
  const url = URL_NAMED.exec(words)
  const spoken = firstMatch(NAMED, words) ?? firstMatch(STEP_NAMES, step)
  const fromUrl = url?.[2] === undefined ? null : `${url[1]}/${url[2]}:${url[3]}`
  const name = spoken ?? fromUrl
  if (name === null) return null
  const host = url?.[1] ?? HOST_NAMED.exec(words)?.[1]
  return { name, host: host === undefined ? hostOf(name) : normaliseHost(host) }
}

function firstMatch(patterns: readonly RegExp[], text: string): string | null {
  for (const pattern of patterns) {
    const found = pattern.exec(text)?.[1]
    if (found !== undefined) return found
  }
  return null
}

function hostOf(name: string): string | null {
  try {
    return parseImageReference(name).host
  } catch {
    // The classic builder shows a FROM with its ARG unexpanded; the host may still be plain.
    const slash = name.indexOf('/')
    return slash === -1 ? null : normaliseHost(name.slice(0, slash))
  }
}
