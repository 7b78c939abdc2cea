// Every way in which a registry says no, as the Problem that a person reads. Pure: text in, Problem out.
import { formatImageReference, tagOrDigest } from '../domain/image-reference.ts'
import { Problem } from '../domain/problem.ts'
import { asWhom, imageName, type Question } from './question.ts'

const OTHER_IMAGE = '`fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or the FROM line of the Dockerfile)'
const OTHER_LOGIN =
  '`fairlead config:set APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…`'

export function loginRequired(question: Question, said: string): Problem {
  const { host, repository } = question.reference
  return new Problem('registry-login-required', {
    headline: `${host} wants a login before it shows the image ${imageName(question)}`,
    saw: `${said}. Repository ${repository} was asked for without a login.`,
    hint: `Run \`fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=${host} APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…\`. Registries answer the same for a repository that does not exist: if ${repository} is wrong, correct it with ${OTHER_IMAGE}.`,
  })
}

export function loginFailed(question: Question, said: string): Problem {
  const { host } = question.reference
  const shortLived = /\.dkr\.ecr\./.test(host) ? ' A password of Amazon ECR ends after 12 hours.' : ''
  return new Problem('registry-login-failed', {
    headline: `${host} refuses the login of user ${question.auth?.username} for the image ${imageName(question)}`,
    saw: `${said}. Repository ${question.reference.repository} was asked for ${asWhom(question)}.`,
    hint: `Run ${OTHER_LOGIN} with a username and password that \`docker login ${host}\` accepts.${shortLived}`,
  })
}

export function denied(question: Question, said: string): Problem {
  const { host, repository } = question.reference
  return new Problem('registry-denied', {
    headline: `${host} does not let user ${question.auth?.username} read the image ${imageName(question)}`,
    saw: `${said}. Repository ${repository} was asked for ${asWhom(question)}.`,
    hint: `Let this user read ${repository} at ${host}, or set another with ${OTHER_LOGIN}. Some registries answer the same for a repository that does not exist: if the name is wrong, correct it with ${OTHER_IMAGE}.`,
  })
}

export function imageNotFound(question: Question, said: string): Problem {
  const { host, repository } = question.reference
  return new Problem('image-not-found', {
    headline: `${host} has no repository ${repository} (image ${imageName(question)})`,
    saw: `${said}. It was asked for ${asWhom(question)}.`,
    hint: `Push the image there, or correct its name with ${OTHER_IMAGE}.`,
  })
}

/** @param tags what the registry lists, null when it does not tell */
export function tagNotFound(question: Question, said: string, tags: readonly string[] | null): Problem {
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

export function platformMismatch(question: Question, wanted: string, offered: readonly string[]): Problem {
  return new Problem('platform-mismatch', {
    headline: `The image ${imageName(question)} is not made for ${wanted}, the platform of this stack's engine`,
    saw: `Platforms it has at ${question.reference.host}: ${few(offered, 12)}. It was asked for ${asWhom(question)}.`,
    hint: `Build and push it for ${wanted}, for example with \`docker buildx build --platform ${wanted} --push -t ${imageName(question)} .\`, or name another image with ${OTHER_IMAGE}.`,
  })
}

/** @param wait seconds, null when the registry does not say */
export function rateLimited(question: Question, said: string, wait: number | null): Problem {
  const { host } = question.reference
  const when = wait === null ? 'later' : `in ${wait} s`
  const more =
    question.auth === null
      ? ` Registries let known users ask more often: \`fairlead config:set APTIBLE_PRIVATE_REGISTRY_HOST=${host} APTIBLE_PRIVATE_REGISTRY_USERNAME=… APTIBLE_PRIVATE_REGISTRY_PASSWORD=…\`.`
      : ` To ask as another user, run ${OTHER_LOGIN}.`
  return new Problem('registry-rate-limited', {
    headline: `${host} limits how often it may be asked, and does not answer for the image ${imageName(question)} now`,
    saw: `${said}.${wait === null ? '' : ` Retry-After: ${wait} s.`} Repository ${question.reference.repository} was asked for ${asWhom(question)}.`,
    hint: `Push again ${when}.${more}`,
  })
}

/** The registry is one, and failed. */
export function failed(question: Question, said: string): Problem {
  const { host, repository } = question.reference
  return new Problem('registry-failed', {
    headline: `${host} failed when it was asked for the image ${imageName(question)}`,
    saw: `${said}. Repository ${repository} was asked for ${asWhom(question)}.`,
    hint: `Push again later; if it stays, ask whoever runs ${host}.`,
  })
}

/** Something answers that is no registry. */
export function notARegistry(question: Question, said: string): Problem {
  const { host, repository } = question.reference
  return new Problem('registry-failed', {
    headline: `${host} does not look like a registry: asked for the image ${imageName(question)}, it answered something else`,
    saw: `${said}. Repository ${repository} was asked for ${asWhom(question)}.`,
    hint: `Check the host in the name of the image, and correct it with ${OTHER_IMAGE}.`,
  })
}

/** The registry sends us where we do not go. @param how e.g. `It redirects to http://10.0.0.1` */
export function strayed(question: Question, how: string): Problem {
  const { host, repository } = question.reference
  return new Problem('registry-failed', {
    headline: `${host} cannot be asked for the image ${imageName(question)}: it refers to an address that is not safe to use`,
    saw: `${how}. No login was sent there. Repository ${repository} was asked for ${asWhom(question)}.`,
    hint: `Ask whoever runs ${host} to name addresses that begin with https://, or correct the host with ${OTHER_IMAGE}.`,
  })
}

function few(names: readonly string[], most: number): string {
  if (names.length === 0) return 'none'
  const rest = names.length - most
  return `${names.slice(0, most).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
