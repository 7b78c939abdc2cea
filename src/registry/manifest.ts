// Finds the manifest that an image's name means, and tells a missing tag from a missing repository.
import { isDigest, isTag, tagOrDigest } from '../domain/image-reference.ts'
import type { Problem } from '../domain/problem.ts'
import type { Answer } from './exchange.ts'
import { failed, notARegistry, tagNotFound } from './failures.ts'
import { sha256 } from './platform.ts'
import type { ImageQuestion } from './question.ts'
import { imageNotFound, loginRequired } from './refusals.ts'
import type { Session } from './session.ts'
import { fieldsOf, mediaTypeOf, parseJson, wordsOf } from './words.ts'

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]
const ACCEPT = MANIFEST_TYPES.join(', ')
const MANIFEST_BYTES = 4 * 1024 * 1024
const TAGS_BYTES = 1024 * 1024

export interface Manifest {
  /** `sha256:…` */
  readonly digest: string
  readonly mediaType: string
  /** Null when its platforms are known already. */
  readonly body: Buffer | null
}

/** HEAD tells the digest and costs no pull where pulls are counted; GET where its content or its words are needed. */
export async function findManifest(
  question: ImageQuestion,
  session: Session,
  isKnown: (digest: string) => boolean,
): Promise<Manifest> {
  const wanted = tagOrDigest(question.reference)
  const head = await session.ask('HEAD', `manifests/${wanted}`, ACCEPT, 0)
  // Not asked again just for the words: a wrong password would count twice towards a lock-out, a question to the limit.
  if (head.status === 401 || head.status === 429) throw session.refusal(head)
  const digest = head.status === 200 ? digestHeader(head) : null
  const mediaType = mediaTypeOf(head)
  if (digest !== null && mediaType !== null && MANIFEST_TYPES.includes(mediaType) && isKnown(digest)) {
    return { digest: pinned(question, digest), mediaType, body: null }
  }

  // By digest, so that both answers are about the same manifest even if the tag moves in between.
  const got = await session.ask('GET', `manifests/${digest ?? wanted}`, ACCEPT, MANIFEST_BYTES)
  if (got.status === 404) throw await notFound(question, session, got)
  if (got.status !== 200) throw session.refusal(got)
  const type = manifestType(got)
  if (type === null) throw notARegistry(question, `It answered ${session.said(got)}`)
  if (got.cut) throw failed(question, `Its manifest is larger than ${MANIFEST_BYTES} bytes`)
  const content = sha256(got.body)
  if (content !== (digest ?? digestHeader(got) ?? content)) {
    throw failed(question, `It sent a manifest that is not the one its digest names (${content})`)
  }
  return { digest: pinned(question, content), mediaType: type, body: got.body }
}

/** A name with a digest gets that digest and no other. */
function pinned(question: ImageQuestion, digest: string): string {
  if (question.reference.digest === null || question.reference.digest === digest) return digest
  throw failed(question, `It answered with ${digest}, which is not the digest that was asked for`)
}

/** docker-registry says MANIFEST_UNKNOWN for a missing repository too: the list of tags tells them apart. */
async function notFound(question: ImageQuestion, session: Session, answer: Answer): Promise<Problem> {
  const said = `It answered ${session.said(answer)}`
  const isJson = parseJson(answer.body) !== undefined
  if (!isJson && answer.body.length > 0) return notARegistry(question, said)
  const { code } = wordsOf(answer)
  const tags = code === 'NAME_UNKNOWN' ? answer : await session.ask('GET', 'tags/list', '*/*', TAGS_BYTES)
  if (wordsOf(tags).code === 'NAME_UNKNOWN') {
    // To somebody unknown, some registries deny that a private repository exists.
    const hidden = question.auth === null && session.challenged()
    const denial = `It answered ${session.said(tags)}`
    return hidden ? loginRequired(question, denial) : imageNotFound(question, denial)
  }
  const { tags: names } = fieldsOf(tags.status === 200 && !tags.cut ? parseJson(tags.body) : undefined)
  const listed = Array.isArray(names) ? names.filter(name => typeof name === 'string' && isTag(name)) : null
  return tagNotFound(question, said, listed)
}

function digestHeader(answer: Answer): string | null {
  const digest = answer.headers['docker-content-digest']
  return typeof digest === 'string' && isDigest(digest) ? digest : null
}

/** Null when the answer is no manifest. Some registries say plain `application/json` and leave it to the content. */
function manifestType(answer: Answer): string | null {
  const { mediaType } = fieldsOf(parseJson(answer.body))
  const type = [mediaTypeOf(answer), mediaType].find(
    candidate => typeof candidate === 'string' && MANIFEST_TYPES.includes(candidate),
  )
  return typeof type === 'string' ? type : null
}
