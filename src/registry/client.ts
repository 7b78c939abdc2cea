// Asks a registry one thing: is this image there, may we have it, and what is its digest? Or: is this login right?
import type { Platform } from '../domain/engine.ts'
import type { ImageReference } from '../domain/image-reference.ts'
import { assertHostMatches, type RegistryAuth } from '../domain/registry-auth.ts'
import { openWire } from './exchange.ts'
import { platformMismatch } from './failures.ts'
import { proveLogin } from './login-check.ts'
import { findManifest } from './manifest.ts'
import { formatPlatform, offers, platformsOf } from './platform.ts'
import type { ImageQuestion, Question } from './question.ts'
import { type Log, openSession, type Session } from './session.ts'
import { timedOut } from './trouble.ts'
import { parseJson } from './words.ts'

export interface ResolvedImage {
  /** `sha256:…` of what the reference names: a manifest list or a single manifest. */
  readonly digest: string
  readonly mediaType: string
}

export interface RegistryClient {
  /**
   * Asks anew every time, with the given credential and no other: what the engine has from others counts for nothing.
   * @throws Problem `registry-…`, `image-not-found`, `tag-not-found`, `platform-mismatch`; `signal.reason` when aborted
   */
  resolve(
    reference: ImageReference,
    auth: RegistryAuth | null,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<ResolvedImage>
  /**
   * Logs in at the registry of the credential's host, as `docker login` does, and reads nothing there. A registry
   * that lets everybody in accepts it too: then nothing was sent, and nothing is proved. Whether it may read a
   * repository is not proved either.
   * @throws Problem `registry-login-failed`, `registry-denied` and the registry's others, naming no image;
   * `signal.reason` when aborted
   */
  checkLogin(auth: RegistryAuth, signal: AbortSignal): Promise<void>
}

export interface RegistryClientOptions {
  readonly log?: Log
  /** PEM certificates of authorities trusted besides the usual ones. */
  readonly trustedCa?: string
  /** Milliseconds for one question in all. Default 30,000. */
  readonly deadline?: number
}

const REMEMBERED_DIGESTS = 200

export function registryClient(options: RegistryClientOptions = {}): RegistryClient {
  const { log, trustedCa, deadline = 30_000 } = options
  // Content has its digest for a name, so its platforms never change. Whether one may have it is not remembered.
  const platforms = new Map<string, readonly string[]>()

  async function resolve(
    question: ImageQuestion,
    platform: Platform,
    session: Session,
  ): Promise<ResolvedImage> {
    const manifest = await findManifest(question, session, digest => platforms.has(digest))
    if (manifest.body !== null) {
      const found = await platformsOf(parseJson(manifest.body), session)
      if (found !== null) remember(platforms, manifest.digest, found)
    }
    const offered = platforms.get(manifest.digest)
    if (offered !== undefined && !offers(offered, platform)) {
      throw platformMismatch(question, formatPlatform(platform), offered)
    }
    return { digest: manifest.digest, mediaType: manifest.mediaType }
  }

  /** One conversation, which ends with the deadline or the signal. */
  async function converse<T>(
    question: Question,
    signal: AbortSignal,
    talk: (session: Session) => Promise<T>,
  ): Promise<T> {
    const timeout = AbortSignal.timeout(deadline)
    const either = AbortSignal.any([signal, timeout])
    const wire = openWire(either, trustedCa)
    const session = openSession(question, wire, either, log)
    try {
      return await talk(session)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (timeout.aborted) throw timedOut(question, session.lastUrl(), deadline / 1000)
      throw error
    } finally {
      wire.close()
    }
  }

  return {
    async resolve(reference, auth, platform, signal) {
      signal.throwIfAborted()
      assertHostMatches(reference, auth, true)
      const question = { host: reference.host, reference, auth }
      return converse(question, signal, session => resolve(question, platform, session))
    },

    async checkLogin(auth, signal) {
      signal.throwIfAborted()
      const question = { host: auth.host, reference: null, auth }
      return converse(question, signal, session => proveLogin(question, session))
    },
  }
}

function remember(platforms: Map<string, readonly string[]>, digest: string, found: readonly string[]): void {
  platforms.set(digest, found)
  const oldest = platforms.keys().next().value
  if (platforms.size > REMEMBERED_DIGESTS && oldest !== undefined) platforms.delete(oldest)
}
