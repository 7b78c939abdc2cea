// Who is it? Public keys only. Identity is bound to the connection after the signature verified, never before.

import type { AuthContext, Connection, PublicKeyAuthContext } from 'ssh2'
import ssh2 from 'ssh2'
import type { Log } from '../domain/log.ts'
import type { Actor } from '../domain/member.ts'
import { fingerprintOf, isKeyType } from './public-key.ts'

/**
 * The owner of a key, null for a stranger. It is asked for keys that a client merely offers, too: it must have no
 * effect, and its answer proves nothing until the signature has been verified.
 */
export type Authenticate = (fingerprint: string, type: string, blob: Buffer, address: string) => Actor | null

export interface LoginOptions {
  readonly address: string
  readonly tries: number
  readonly authenticate: Authenticate
  readonly log: Log
  readonly loggedIn: (actor: Actor) => void
  /** Ends the connection: it tried too often. */
  readonly hangUp: () => void
}

type Verdict = 'refused' | 'wanted' | Actor

/** Answers the login attempts of one connection. The user name does not matter: the key says who it is. */
export function attendLogin(client: Connection, options: LoginOptions): void {
  const { address, log } = options
  let tries = 0
  let sawNone = false
  let offered: Buffer | null = null

  client.on('authentication', (attempt: AuthContext) => {
    // `none` is how a client asks which methods there are; asking once costs nothing.
    if (attempt.method === 'none' && !sawNone) {
      sawNone = true
      return attempt.reject(['publickey'])
    }
    const completes =
      attempt.method === 'publickey' &&
      attempt.signature !== undefined &&
      offered?.equals(attempt.key.data) === true
    offered = null
    if (!completes) tries += 1
    if (tries > options.tries) {
      log.warn({ address, tries: options.tries }, 'login cut off after too many tries')
      return options.hangUp()
    }
    if (attempt.method !== 'publickey') return attempt.reject(['publickey'])

    const verdict = judge(attempt, options)
    if (verdict === 'refused') return attempt.reject(['publickey'])
    if (verdict === 'wanted') offered = attempt.key.data
    else options.loggedIn(verdict)
    attempt.accept()
  })
}

function judge(attempt: PublicKeyAuthContext, { address, authenticate, log }: LoginOptions): Verdict {
  const { algo, data } = attempt.key
  // `ssh-rsa` without a hash name is a SHA-1 signature. ssh2 advertises and would verify it.
  const sha2 = attempt.hashAlgo === 'sha256' || attempt.hashAlgo === 'sha512'
  if (!isKeyType(algo) || (algo === 'ssh-rsa') !== sha2) return 'refused'
  const fingerprint = fingerprintOf(data)
  try {
    const actor = authenticate(fingerprint, algo, data, address)
    if (actor === null) {
      log.info({ address, key: fingerprint }, 'unknown key refused')
      return 'refused'
    }
    if (attempt.signature === undefined || attempt.blob === undefined) return 'wanted'
    const key = ssh2.utils.parseKey(`${algo} ${data.toString('base64')}`)
    if (key instanceof Error || key.type !== algo) return 'refused'
    // `verify` hands an Error back where it cannot tell: nothing but true is a yes.
    if (key.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true) return actor
    log.warn({ address, key: fingerprint }, 'wrong signature refused')
  } catch (err) {
    log.error({ err, address, key: fingerprint }, 'login could not be judged')
  }
  return 'refused'
}
