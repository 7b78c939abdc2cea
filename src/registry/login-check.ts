// Whether a login is right, asked at the door of a registry: `/v2/`, which every login that is known may see.
import { notARegistry } from './failures.ts'
import type { LoginQuestion } from './question.ts'
import type { Session } from './session.ts'
import { mediaTypeOf } from './words.ts'

const ANSWER_BYTES = 64 * 1024

/**
 * 403 is a refusal here, as it is to `docker login`: Amazon ECR says it to a password that has ended.
 * @throws Problem unless the registry accepts the login
 */
export async function proveLogin(question: LoginQuestion, session: Session): Promise<void> {
  const answer = await session.ask('GET', '', '*/*', ANSWER_BYTES)
  const isPage = mediaTypeOf(answer) === 'text/html'
  if (answer.status === 200 && !isPage) return
  if (answer.status === 404 || answer.status === 200) {
    throw notARegistry(question, `It answered ${session.said(answer)}`)
  }
  throw session.refusal(answer)
}
