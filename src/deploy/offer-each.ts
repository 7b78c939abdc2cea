// One credential after the other, until one is accepted. For a question to a registry and for a push alike.
import type { ImageReference } from '../domain/image-reference.ts'
import type { Keychain } from '../domain/keychain.ts'
import { printable } from '../domain/printable.ts'
import { Problem, type ProblemCode } from '../domain/problem.ts'
import { APP_CREDENTIAL, type RegistryAuth, secretsOf } from '../domain/registry-auth.ts'
import { maskSecrets } from '../domain/secret.ts'
import type { Transcript } from '../domain/transcript.ts'
import { allRefused, type Refusal } from './all-refused.ts'
import type { LiveTranscript } from './transcript.ts'

/** 401 and 403: another credential may do. What any other answer says, it says to all of them. */
const REFUSALS: ReadonlySet<ProblemCode> = new Set([
  'registry-login-failed',
  'registry-denied',
  'registry-login-required',
])

export function isRefusal(error: unknown): error is Problem {
  return error instanceof Problem && REFUSALS.has(error.code)
}

/**
 * @param attempt called with each credential for the image in turn; with null, for nobody, when there is none
 * @returns what the first attempt gave that was not refused
 * @throws Problem of an attempt, all refusals in one, or of a source of credentials
 */
export async function offerEach<T>(
  keychain: Pick<Keychain, 'candidates'>,
  reference: ImageReference,
  transcript: LiveTranscript,
  attempt: (auth: RegistryAuth | null) => Promise<T>,
): Promise<T> {
  const refusals: Refusal[] = []
  for await (const auth of keychain.candidates(reference)) {
    transcript.mask(maskSecrets(secretsOf(auth)))
    try {
      return await attempt(auth)
    } catch (error) {
      if (!isRefusal(error)) throw error
      refusals.push({ auth, problem: error })
    }
  }
  if (refusals.length > 0) throw allRefused(refusals)
  return attempt(null)
}

/**
 * Says as whom something is tried, and what is tried next when that is refused.
 * @param doing `-----> Pulling quay.io/acme/shop:v1`
 * @returns to be called before each attempt
 */
export function sayAttempts(doing: string, transcript: Transcript): (auth: RegistryAuth | null) => void {
  let tried = false
  return auth => {
    transcript.line(tried ? `       refused; trying${asWhom(auth)}` : `${doing}${asWhom(auth)}`)
    tried = true
  }
}

/** ` as robot (registry:login for the app my-env/shop)`; the app's own variables are what everybody expects. */
function asWhom(auth: RegistryAuth | null): string {
  if (auth === null) return ''
  const whom = auth.kind === 'identity-token' ? ' with an identity token' : ` as ${printable(auth.username)}`
  return auth.source === APP_CREDENTIAL ? whom : `${whom} (${auth.source})`
}
