// A builder takes one credential per registry host, while a keychain may know several for parts of one host. So one
// has to be found with which the registry gives every base that the Dockerfile names there.
import type { App } from '../domain/app.ts'
import { formatImageReference } from '../domain/image-reference.ts'
import type { Keychain } from '../domain/keychain.ts'
import { Problem } from '../domain/problem.ts'
import { type RegistryAuth, secretsOf } from '../domain/registry-auth.ts'
import { maskSecrets } from '../domain/secret.ts'
import type { Ground } from './ground.ts'
import { isRefusal } from './offer-each.ts'
import type { Run } from './operations.ts'
import { type Resolved, resolveAs } from './resolve.ts'

/**
 * @param bases each with the credential that it was resolved with
 * @returns by host; a host all of whose images are open to everybody has none
 * @throws Problem `registry-credentials-conflict`, or of a source of credentials
 */
export async function oneForEachHost(
  ground: Ground,
  app: App,
  bases: readonly Resolved[],
  keychain: Pick<Keychain, 'candidates'>,
  run: Pick<Run, 'transcript' | 'signal'>,
): Promise<Map<string, RegistryAuth>> {
  const found = new Map<string, RegistryAuth>()
  for (const [host, group] of Map.groupBy(bases, base => base.reference.host)) {
    if (group.every(base => base.auth === null)) continue
    const auth = await firstThatServes(ground, app, group, keychain, run)
    if (auth === null) throw conflict(host, group)
    found.set(host, auth)
  }
  return found
}

async function firstThatServes(
  ground: Ground,
  app: App,
  bases: readonly Resolved[],
  keychain: Pick<Keychain, 'candidates'>,
  { transcript, signal }: Pick<Run, 'transcript' | 'signal'>,
): Promise<RegistryAuth | null> {
  const tried: RegistryAuth[] = []
  for await (const auth of acceptedFirst(bases, keychain)) {
    if (tried.some(each => isSame(each, auth))) continue
    tried.push(auth)
    transcript.mask(maskSecrets(secretsOf(auth)))
    const others = bases.filter(base => base.auth === null || !isSame(base.auth, auth))
    const answers = await Promise.all(others.map(base => serves(ground, app, base, auth, signal)))
    if (answers.every(Boolean)) return auth
  }
  return null
}

/**
 * Behind the credentials that some base was had with come those that were not offered yet: one for all of the host,
 * say, behind one for each of two paths.
 */
async function* acceptedFirst(
  bases: readonly Resolved[],
  keychain: Pick<Keychain, 'candidates'>,
): AsyncIterable<RegistryAuth> {
  for (const { auth } of bases) if (auth !== null) yield auth
  for (const { reference } of bases) yield* keychain.candidates(reference)
}

async function serves(
  ground: Ground,
  app: App,
  { reference }: Resolved,
  auth: RegistryAuth,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await resolveAs(ground, app, reference, auth, signal)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

function isSame(a: RegistryAuth, b: RegistryAuth): boolean {
  return a.kind === b.kind && a.username === b.username && a.password.equals(b.password)
}

function conflict(host: string, bases: readonly Resolved[]): Problem {
  const needs = bases.map(({ reference, auth }) => {
    const whom = auth === null ? 'nobody, since no credential is for it' : `${auth.username} (${auth.source})`
    return `${formatImageReference(reference)} was asked for as ${whom}`
  })
  return new Problem('registry-credentials-conflict', {
    headline: `The Dockerfile builds on images at ${host} that no single credential may read`,
    saw: needs.join('\n'),
    hint: `A builder takes one credential for a host. Let one user read all of these images, and store that one for ${host} with \`fairlead registry:login ${host} --username USER --password-stdin\`.`,
  })
}
