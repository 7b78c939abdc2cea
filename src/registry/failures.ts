// What a registry cannot do for anybody: an image that lacks a tag or a platform, a limit, a fault. Pure: text in, Problem out.
import { formatImageReference, tagOrDigest } from '../domain/image-reference.ts'
import { Problem } from '../domain/problem.ts'
import { inVariables, loginCommand, OTHER_VARIABLES } from '../domain/registry-advice.ts'
import { OTHER_IMAGE, storeLogin } from './advice.ts'
import { aboutWhat, asWhom, howAsked, type ImageQuestion, imageName, type Question } from './question.ts'

/** @param tags what the registry lists, null when it does not tell */
export function tagNotFound(question: ImageQuestion, said: string, tags: readonly string[] | null): Problem {
  const { reference } = question
  const wanted = tagOrDigest(reference)
  const kind = reference.digest === null ? 'tag' : 'manifest'
  const defaulted = kind === 'tag' && reference.tag === null ? ' (asked for because the name has no tag)' : ''
  const listed =
    tags === null ? [] : [tags.length === 0 ? 'It has no tags.' : `Tags it has: ${few(tags, 8)}.`]
  const example = formatImageReference({ ...reference, tag: tags?.[0] ?? 'TAG', digest: null })
  return new Problem('tag-not-found', {
    headline: `The repository ${reference.repository} at ${reference.host} has no ${kind} ${wanted}${defaulted}`,
    saw: [`${said}. It was asked for ${asWhom(question)}.`, ...listed].join('\n'),
    hint: `Push it, or name another: \`fairlead config:set APTIBLE_DOCKER_IMAGE=${example}\` (or in the FROM line of the Dockerfile).`,
  })
}

export function platformMismatch(
  question: ImageQuestion,
  wanted: string,
  offered: readonly string[],
): Problem {
  return new Problem('platform-mismatch', {
    headline: `The image ${imageName(question)} is not made for ${wanted}, the platform of this stack's engine`,
    saw: `Platforms it has at ${question.host}: ${few(offered, 12)}. It was asked for ${asWhom(question)}.`,
    hint: `Build and push it for ${wanted}, for example with \`docker buildx build --platform ${wanted} --push -t ${imageName(question)} .\`, or name another image with ${OTHER_IMAGE}.`,
  })
}

/** @param wait seconds, null when the registry does not say */
export function rateLimited(question: Question, said: string, wait: number | null): Problem {
  const { host } = question
  return new Problem('registry-rate-limited', {
    headline: `${host} limits how often it may be asked, and does not answer ${aboutWhat(question)} now`,
    saw: `${said}.${wait === null ? '' : ` Retry-After: ${wait} s.`} ${howAsked(question)}`,
    hint: `${again(question)} ${wait === null ? 'later' : `in ${wait} s`}.${raiseLimit(question)}`,
  })
}

function raiseLimit({ auth, host, reference }: Question): string {
  if (reference === null) return ''
  if (auth === null) return ` Registries let known users ask more often: ${storeLogin(host)}.`
  return ` To ask as another user, run ${inVariables(auth) ? OTHER_VARIABLES : loginCommand(host)}.`
}

/** The registry is one, and failed. */
export function failed(question: Question, said: string): Problem {
  const { host } = question
  return new Problem('registry-failed', {
    headline: `${host} failed when it was asked ${aboutWhat(question)}`,
    saw: `${said}. ${howAsked(question)}`,
    hint: `${again(question)} later; if it stays, ask whoever runs ${host}.`,
  })
}

/** Something answers that is no registry. */
export function notARegistry(question: Question, said: string): Problem {
  return new Problem('registry-failed', {
    headline: `${question.host} does not look like a registry: asked ${aboutWhat(question)}, it answered something else`,
    saw: `${said}. ${howAsked(question)}`,
    hint:
      question.reference === null
        ? 'Check the host: it has to be the one that stands in the names of images, for example quay.io.'
        : `Check the host in the name of the image, and correct it with ${OTHER_IMAGE}.`,
  })
}

/** The registry sends us where we do not go. @param how e.g. `It redirects to http://10.0.0.1` */
export function strayed(question: Question, how: string): Problem {
  const { host, reference } = question
  const other = reference === null ? 'check the host' : `correct the host with ${OTHER_IMAGE}`
  return new Problem('registry-failed', {
    headline: `${host} cannot be asked ${aboutWhat(question)}: it refers to an address that is not safe to use`,
    saw: `${how}. No login was sent there. ${howAsked(question)}`,
    hint: `Ask whoever runs ${host} to name addresses that begin with https://, or ${other}.`,
  })
}

/** `Push again`, where a push is what is to be done again. */
export function again({ reference }: Question): string {
  return reference === null ? 'Try again' : 'Push again'
}

function few(names: readonly string[], most: number): string {
  if (names.length === 0) return 'none'
  const rest = names.length - most
  return `${names.slice(0, most).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
