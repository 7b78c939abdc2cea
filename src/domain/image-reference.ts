// A parsed image name, the Docker way: the first segment is a host only with '.', ':' or when it is `localhost`.
import { Problem } from './problem.ts'

export interface ImageReference {
  /** Normalised registry host with port, e.g. `docker.io`, `quay.io`, `localhost:5000`. */
  readonly host: string
  /** Without host, e.g. `library/busybox`, `acme/shop`. */
  readonly repository: string
  readonly tag: string | null
  /** `sha256:…` when the name pins one. */
  readonly digest: string | null
}

/** The one name under which Docker Hub's credentials are kept and compared. */
export const DOCKER_HUB = 'docker.io'
const HUB_NAMES = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io'])

const HOST = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::([1-9]\d{0,4}))?$/
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/
const LONGEST_NAME = 255

export const isTag = (text: string): boolean => TAG.test(text)
export const isDigest = (text: string): boolean => DIGEST.test(text)
export const isRepository = (text: string): boolean =>
  text.length < LONGEST_NAME && text.split('/').every(component => COMPONENT.test(component))

const OF_APP =
  'Set it with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or in the FROM line of the Dockerfile).'

/**
 * Reads `[host[:port]/]repository[:tag][@sha256:…]`. Nothing is cleaned: what does not fit the grammar is refused.
 * The tag stays null when none was written; `tagOrDigest` knows the default.
 * @param correction where the name is corrected: a sentence
 * @throws Problem `image-reference-invalid` saying what is wrong with it
 */
export function parseImageReference(text: string, correction = OF_APP): ImageReference {
  const refuse = (fault: string, shown = text) => {
    throw new Problem('image-reference-invalid', {
      headline: `${quote(shown)} is not an image name: ${fault}`,
      hint: `Write it as host/repository:tag, for example quay.io/acme/shop:v1; without a host it is at docker.io. ${correction}`,
    })
  }

  if (text === '') refuse('it is empty')
  // What stands before an '@' may be `user:password`, so it is not shown until a digest is known to follow.
  if (/[^\x21-\x7e]/.test(text))
    refuse('it holds a space, or a character that is not plain ASCII', fromLast(text, '@'))
  if (text.includes('://')) refuse('it begins like a web address; leave the scheme out', fromLast(text, '@'))

  const [named = '', digest = null, ...more] = text.split('@')
  if (more.length > 0 || (digest !== null && !isDigest(digest))) {
    refuse("what follows '@' is not a digest, sha256: and 64 hexadecimal digits", fromLast(text, '@'))
  }
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  const tag = colon === -1 || named.startsWith('[') ? null : named.slice(colon + 1)
  const name = tag === null ? named : named.slice(0, colon)

  if (name.startsWith('[')) refuse('a registry cannot be named by an IPv6 address; use its host name')
  if (tag === '') refuse("no tag follows the ':'")
  if (tag !== null && !isTag(tag)) {
    refuse(
      `the tag ${quote(tag)} is not 1 to 128 of A-Z, a-z, 0-9, '_', '.' and '-', the first no '.' or '-'`,
    )
  }
  if (/[A-Z]/.test(name)) refuse('upper-case letters are allowed in the tag only')

  const slash = name.indexOf('/')
  const first = slash === -1 ? '' : name.slice(0, slash)
  const hasHost = looksLikeHost(first)
  const host = hasHost ? normaliseHost(first) : DOCKER_HUB
  if (host === null) return refuse(`${quote(first)} is not a registry host`)
  const path = hasHost ? name.slice(slash + 1) : name

  if (!hasHost && digest === null && tag === null && /^[0-9a-f]{64}$/.test(path)) {
    refuse('it is the id of an image, which no registry can be asked for')
  }
  for (const component of path.split('/')) {
    if (component === '') refuse('a part of the name is empty')
    if (!COMPONENT.test(component)) {
      refuse(`${quote(component)} is not made of a-z and 0-9 with single '.', '_', '__' or '-' between them`)
    }
  }
  const repository = host === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path
  if (host.length + 1 + repository.length > LONGEST_NAME) {
    refuse(`it is longer than ${LONGEST_NAME} characters`)
  }
  return { host, repository, tag, digest }
}

/** The full name, `host/repository[:tag][@digest]`, which parses to the same reference. */
export function formatImageReference(reference: ImageReference): string {
  const { host, repository, tag, digest } = reference
  return `${host}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`
}

/** What the registry is asked for: the digest if one is pinned, else the tag, else `latest`. */
export function tagOrDigest(reference: ImageReference): string {
  return reference.digest ?? reference.tag ?? 'latest'
}

/** The same with `latest` as its tag, where neither tag nor digest was written. */
export function withTag(reference: ImageReference): ImageReference {
  return reference.digest === null ? { ...reference, tag: tagOrDigest(reference) } : reference
}

/**
 * The host that a setting or an image name means: `https://Quay.io/v1/` → `quay.io`. Scheme and path are dropped,
 * the names of Docker Hub become `docker.io`. Null for what cannot stand as the host of an image name.
 */
export function normaliseHost(text: string): string | null {
  const host = text
    .replace(/^https?:\/\//i, '')
    .replace(/\/.*$/, '')
    .toLowerCase()
  if (!looksLikeHost(host)) return null
  const port = HOST.exec(host)?.[1]
  if (!HOST.test(host) || (port !== undefined && Number(port) > 65_535)) return null
  // `127.1` and `0x7f.1` are addresses to some programs and names to others: only one spelling is let through.
  const labels = host.replace(/:\d+$/, '').split('.')
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '') && !isIpv4(labels)) return null
  return HUB_NAMES.has(host) ? DOCKER_HUB : host
}

/**
 * Whether an engine takes the name for one of a gateway's own, `fairlead-3f2a91/my-env/my-app`: to an engine a name
 * without a host and the same name at docker.io are one.
 */
export function isOwnName({ host, repository }: Pick<ImageReference, 'host' | 'repository'>): boolean {
  return host === DOCKER_HUB && /^fairlead-[^/]*\//.test(repository)
}

/** Whether the name says which registry it means, instead of leaving it to be docker.io. */
export function namesHost(text: string): boolean {
  const slash = text.indexOf('/')
  return slash !== -1 && looksLikeHost(text.slice(0, slash))
}

function looksLikeHost(segment: string): boolean {
  return segment === 'localhost' || /[.:]/.test(segment)
}

function isIpv4(labels: readonly string[]): boolean {
  return (
    labels.length === 4 && labels.every(label => /^(?:0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256)
  )
}

function fromLast(text: string, separator: string): string {
  const at = text.lastIndexOf(separator)
  return at === -1 ? text : `…${text.slice(at)}`
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
