// Why an app may have an image or not: every source of credentials and what it holds for the image's registry, and
// then what the registry itself says. What is asked is what a deploy asks, by the same code.
import type { App } from '../domain/app.ts'
import { formatImageReference, type ImageReference } from '../domain/image-reference.ts'
import { type CredentialSource, covers, type Keychain, keychainOf } from '../domain/keychain.ts'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'
import { type RegistryAuth, secretsOf } from '../domain/registry-auth.ts'
import { maskSecrets } from '../domain/secret.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { Ground } from './ground.ts'
import type { Run } from './operations.ts'
import { resolveWithKeychain } from './resolve.ts'

/**
 * Reads every source, so that generators run and files are fetched; nothing is read twice.
 * @param asNobody called before the registry is asked without a login; may throw
 * @throws Problem that a deploy of the image would end with
 */
export async function explain(
  ground: Ground,
  app: App,
  reference: ImageReference,
  keychain: Keychain,
  run: Pick<Run, 'transcript' | 'signal'>,
  asNobody: () => void = () => {},
): Promise<void> {
  const { stack } = ground.stack(app.stack)
  const say = (text: string) => run.transcript.line(text)
  const sources = keychain.sources.map(readingOnce)

  say(
    `${formatImageReference(reference)}, for ${app.name.environment}/${app.name.app} on the stack ${stack.name}`,
  )
  if (stack.version === 1) {
    say(
      `The stack ${stack.name} is of version 1: private registries are not used there, and no credential is offered.`,
    )
  } else {
    const told = await describeSources(sources, reference, run)
    say(`Credentials for ${reference.host}, in the order in which they are offered:`)
    for (const line of told) say(`  ${line}`)
  }

  say(`Answers of ${reference.host}:`)
  let answers = 0
  const registry = answeringAloud(ground.registry, answer => {
    answers += 1
    say(`  ${answer}`)
  })
  const offering = (offered: RegistryAuth | null) => {
    if (offered === null) asNobody()
  }
  const keys = keychainOf(sources)
  try {
    const { digest } = await resolveWithKeychain({ ...ground, registry }, app, reference, keys, run, offering)
    say(`digest ${digest}`)
  } finally {
    if (answers === 0) say('  none: it was not asked')
  }
}

/** A generator that failed is not to be run a second time to hear the same. */
function readingOnce(source: CredentialSource): CredentialSource {
  const answers = new Map<string, Promise<readonly RegistryAuth[]>>()
  return {
    ...source,
    read(host) {
      const answer = answers.get(host) ?? source.read(host)
      answers.set(host, answer)
      return answer
    },
  }
}

async function describeSources(
  sources: readonly CredentialSource[],
  reference: ImageReference,
  { transcript, signal }: Pick<Run, 'transcript' | 'signal'>,
): Promise<string[]> {
  const lines: string[] = []
  let offers = 0
  let broken = false
  const mark = (auth: RegistryAuth) => {
    if (!covers(auth, reference)) return 'not for this image'
    if (broken) return 'not reached'
    offers += 1
    return `offer ${offers}`
  }
  for (const [i, source] of sources.entries()) {
    const found = await contents(source, reference.host, signal)
    transcript.mask(maskSecrets(found.auths.flatMap(secretsOf)))
    const held = inOrder(found.auths, reference).map(auth => `${describe(auth)} (${mark(auth)})`)
    lines.push(`${i + 1}. ${source.name}: ${held.length > 0 ? held.join(', ') : found.otherwise}`)
    if (found.problem) broken = true
  }
  return lines
}

interface Contents {
  readonly auths: readonly RegistryAuth[]
  /** What is said where there are none. */
  readonly otherwise: string
  readonly problem?: Problem
}

async function contents(source: CredentialSource, host: string, signal: AbortSignal): Promise<Contents> {
  if (!source.isSet) return { auths: [], otherwise: 'not set' }
  try {
    const auths = (await source.read(host)).filter(auth => auth.host === host)
    return { auths, otherwise: `nothing for ${host}` }
  } catch (problem) {
    signal.throwIfAborted()
    if (!(problem instanceof Problem)) throw problem
    const otherwise = `cannot be read, and a deploy that comes to it ends: ${problem.headline} (${problem.code})`
    return { auths: [], otherwise, problem }
  }
}

/** As `bestFirst` has them, and behind them those that are for other images of the host. */
function inOrder(auths: readonly RegistryAuth[], reference: ImageReference): RegistryAuth[] {
  const fits = (auth: RegistryAuth) => Number(covers(auth, reference))
  return [...auths].sort((a, b) => fits(b) - fits(a) || b.path.length - a.path.length)
}

/** `user robot at ghcr.io/acme` */
function describe(auth: RegistryAuth): string {
  return `${userOf(auth)} at ${auth.host}${auth.path === '' ? '' : `/${auth.path}`}`
}

function userOf({ kind, username }: RegistryAuth): string {
  return kind === 'identity-token' ? 'an identity token' : `user ${printable(username)}`
}

/** Tells of every question how it was answered. */
function answeringAloud(registry: RegistryClient, say: (answer: string) => void): RegistryClient {
  return {
    ...registry,
    async resolve(reference, auth, platform, signal) {
      const whom = auth === null ? 'as nobody' : `as ${userOf(auth)} (${auth.source})`
      try {
        const found = await registry.resolve(reference, auth, platform, signal)
        say(`${whom}: accepted`)
        return found
      } catch (error) {
        if (error instanceof Problem) say(`${whom}: ${error.headline} (${error.code})`)
        throw error
      }
    },
  }
}
